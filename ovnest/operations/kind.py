"""Kind: what can be done with one kind of thing, said once; routes, OpenAPI and policy follow from it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, product
from typing import Any

import msgspec
from msgspec import Struct

from ovnest.operations.steps.body import body_of, plain_fields
from ovnest.operations.steps.idempotency_key import IdempotencyKey
from ovnest.operations.steps.visible import target_of, visible
from ovnest.ovsdb import Row
from ovnest.policy.rules.base import KindRules
from ovnest.resources.fields import Coercions
from ovnest.resources.resource import Resource
from ovnest.rows.home import Lookup
from ovnest.transaction import Tx

Filters = Mapping[str, Sequence[str]]


def nothing_computed(tx: Tx, facts: Any) -> Mapping[str, Any]:
    """Everything that is shown stands in the facts."""
    return {}


class Found(Struct, gc=False):
    """One that was found: its row, if it has one of its own, and its facts, if they have been read."""

    row: Row | None = None
    facts: Any = None

    def read(self, tx: Tx, kind: type) -> Any:
        """Its facts; None when nobody can read them."""
        if self.facts is None and self.row is not None:
            self.facts = tx.facts_of(kind, self.row)
        return self.facts


class Narrow(Struct, frozen=True, kw_only=True):
    """A lookup that serves filters: given a value for each of `by`, it finds what may match.

    `part`: the last one's values are of the form `<part>=value`, and have to be.
    """

    lookup: Lookup[Any]
    by: tuple[str, ...]
    part: str = ""

    def keys(self, filters: Filters) -> list[Any] | None:
        """The lookup's keys for these filters; None where it does not serve them."""
        values = [list(dict.fromkeys(filters.get(name, ()))) for name in self.by]
        if not all(some and all(some) for some in values):
            return None
        if self.part:
            prefix = f"{self.part}="
            if not all(value.startswith(prefix) for value in values[-1]):
                return None
            values[-1] = [value.removeprefix(prefix) for value in values[-1]]
        return values[0] if len(values) == 1 else list(product(*values))


class Action(Struct, frozen=True, kw_only=True):
    """Something else that can be done with one: `PUT <path>/<id>/<name>`.

    The body is as an update has it; if it `is_bare`, without the resource's name around the attributes.
    """

    name: str
    summary: str
    request: type[Struct]
    coercions: Coercions
    do: Callable[[Tx, str, Any], Any]
    is_bare: bool = False


class Extension(Struct, frozen=True, kw_only=True):
    """An extension of the Networking API that a kind serves whole, as it is listed.

    `attributes` are those that it promises of the kind.
    """

    alias: str
    name: str
    updated: str
    description: str
    attributes: tuple[str, ...] = ()


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of thing: its operations, None where there is no such verb.

    `computed` gives what is shown beside the facts, or otherwise than they are: the latter are `otherwise`.
    `made` gives what only who has made one is shown. `delete_query` are what a DELETE's query can say, and
    what it means. `create_with_key` also says whether it made something new; a kind without it keeps no
    idempotency keys. `visible` and `candidates` find one and many, for a caller whose rights policy says; a
    guard has its own.
    """

    resource: Resource
    rules: KindRules
    create: Callable[[Tx, Any], Any] | None = None
    create_with_key: Callable[[Tx, Any, IdempotencyKey], tuple[Any, bool]] | None = None
    has_bulk: bool = True
    update: Callable[[Tx, str, Any], Any] | None = None
    delete: Callable[[Tx, str, Mapping[str, str]], None] | None = None
    delete_query: Mapping[str, str] = {}
    computed: Callable[[Tx, Any], Mapping[str, Any]] = nothing_computed
    otherwise: frozenset[str] = frozenset()
    made: Callable[[Tx, Any], Mapping[str, Any]] = nothing_computed
    filters: tuple[Narrow, ...] = ()
    actions: tuple[Action, ...] = ()
    aliases: tuple[Extension, ...] = ()
    visible: Callable[[Tx, Resource, str], Any] = visible
    candidates: Callable[[Tx, "Kind", Filters], Iterable[Any]] | None = None

    def show(self, tx: Tx, key: str) -> Any:
        """The one of that key; refused as 404 when the caller may see none."""
        return self.visible(tx, self.resource, key)

    def find(self, tx: Tx, key: str) -> Found:
        """The one of that key, not read yet where the caller may see any; refused as `show` does."""
        facts = self.resource.facts
        if self.visible is visible and tx.rights.whatever(f"get_{self.resource.singular}"):
            row = tx.row(facts, key)
            if row is not None and tx.key_of(facts, row) == key:
                return Found(row)
        shown = self.show(tx, key)
        return Found(tx.row(facts, key), shown)

    def list(self, tx: Tx, filters: Filters) -> Iterator[Found]:
        """Those that the caller may see and that may match the filters, by the narrowest lookup there is.

        Where it does not depend on which, whether he may see one, they are not read yet.
        """
        if self.candidates is not None:
            return (Found(facts=facts) for facts in self.candidates(tx, self, filters))
        return self._allowed(tx, self._found(tx, filters))

    def plain(self) -> Mapping[str, str]:
        """The fields of a body that are just a fact, and which."""
        return plain_fields(self.resource, self.otherwise)

    def body(self, tx: Tx, facts: Any) -> Struct:
        """One as it is shown."""
        return body_of(self.resource, self.otherwise, facts, self.computed(tx, facts))

    def body_when_made(self, tx: Tx, facts: Any) -> Struct:
        """One as it is shown to who has just made it."""
        body = self.body(tx, facts)
        more = self.made(tx, facts)
        return msgspec.structs.replace(body, **more) if more else body

    def _found(self, tx: Tx, filters: Filters) -> Iterator[Found]:
        facts = self.resource.facts
        keys = filters.get(self.resource.key)
        if keys:
            by_key: Iterator[Any] = (tx.find(facts, key) for key in dict.fromkeys(keys))
            return (Found(tx.row(facts, one.id), one) for one in by_key if one is not None)
        for narrow in self.filters:
            places = narrow.keys(filters)
            if places is not None:
                return chain.from_iterable(self._found_by(tx, narrow.lookup, place) for place in places)
        rows = tx.rows(facts)
        return map(Found, rows) if rows is not None else (Found(facts=one) for one in tx.all(facts))

    def _found_by(self, tx: Tx, lookup: Lookup[Any], place: Any) -> Iterator[Found]:
        rows = tx.rows_by(lookup, place)
        return map(Found, rows) if rows is not None else (Found(facts=one) for one in tx.all(lookup, place))

    def _allowed(self, tx: Tx, found: Iterator[Found]) -> Iterator[Found]:
        rule = f"get_{self.resource.singular}"
        decision = tx.rights.whatever(rule)
        if decision is not None:
            return found if decision else iter(())
        return (one for one in found if self._lets_see(tx, rule, one))

    def _lets_see(self, tx: Tx, rule: str, found: Found) -> bool:
        facts = found.read(tx, self.resource.facts)
        return facts is not None and tx.rights.allows(rule, target_of(tx, self.resource, facts))
