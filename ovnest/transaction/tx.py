"""Tx: the facts an operation reads, and those it stages. It names no kind: what a kind is, its home says."""

from collections import deque
from collections.abc import Hashable, Iterator
from functools import partial
from random import Random
from typing import Any, Protocol, TypeVar, overload

from msgspec import Struct, field
from msgspec.structs import replace

from ovnest.caller import Caller
from ovnest.config import Settings
from ovnest.errors.store import NotUnderstood
from ovnest.northbound.ledger import layout_of
from ovnest.ovsdb import Row, RowUuid, Transaction, View
from ovnest.policy import Rights
from ovnest.rows.address_book import AddressBook
from ovnest.rows.home import NOTHING, Glance, Home, Lookup, PartHome
from ovnest.rows.homes import Homes
from ovnest.southbound.chassis import ChassisSeen
from ovnest.transaction.readings import Readings
from ovnest.transaction.reconcile import new_references, reconcile

F = TypeVar("F")
K = TypeVar("K")
V = TypeVar("V")

_KEPT = 1024


class Issuer(Protocol):
    """Who signs what is given once to who made a thing: a secret that is kept nowhere."""

    def require(self) -> None:
        """Whether it can.

        Raises:
            Refusal: it cannot, and why.
        """

    def issue(self, facts: Any) -> str:
        """The secret for these facts."""


class Context(Struct, frozen=True, kw_only=True):
    """What an operation may know beside the database.

    `issuer` is None where this server signs nothing. `homes` says where each kind of facts lives. `now` is
    UTC as the API shows it, `seconds` the same as Unix time. `southbound` is what is known of the chassis,
    None where no Southbound is given, or it cannot be read now. `random` is the only chance there is.
    `readings` spares reading the same rows again for each operation.
    """

    caller: Caller
    rights: Rights
    settings: Settings
    homes: Homes
    addresses: AddressBook
    random: Random
    now: str
    seconds: int
    southbound: ChassisSeen | None = None
    readings: Readings = field(default_factory=Readings)
    issuer: Issuer | None = None


class Tx:
    """One operation's window on the database.

    Built on a replica it reads; built on a staging `Transaction` it also writes. Facts are Structs of
    `resources`.
    """

    def __init__(self, view: View, context: Context) -> None:
        self.view = view
        self.context = context
        self.homes = context.homes
        self.caller = context.caller
        self.rights = context.rights
        self.settings = context.settings
        self.random = context.random
        self.readings = context.readings
        self.now = context.now
        self.seconds = context.seconds
        self.southbound = context.southbound
        self.not_understood: dict[RowUuid, str] = {}
        self._staging = view if isinstance(view, Transaction) else None
        self._facts: dict[tuple[type, str], Any] = {}
        self._looked_up: dict[tuple[Lookup[Any], Hashable], list[Any]] = {}

    # Reading

    def find(self, kind: type[F], key: str) -> F | None:
        """The facts of one id; None when there are none, or they cannot be understood."""
        known: F | None = self._facts.get((kind, key))
        if known is not None:
            return known
        home = self.homes.any(kind)
        if isinstance(home, Glance):
            row = self.view.find(home.row, home.uuid(key))
            return None if row is None else home.read(row)
        found = self._find_part(home, key) if isinstance(home, PartHome) else self._find(home, key)
        if found is not None:
            _keep(self._facts, (kind, key), found)
        return found

    def get(self, kind: type[F], key: str) -> F:
        """The facts of one id that must be there: an operation has seen to it, or the database says so.

        Raises:
            NotUnderstood: there are none, or nobody can read them.
        """
        found = self.find(kind, key)
        if found is None:
            raise NotUnderstood(kind=kind.__name__.lower(), key=key)
        return found

    @overload
    def all(self, what: Lookup[F], key: Hashable) -> list[F]: ...
    @overload
    def all(self, what: type[F]) -> Iterator[F]: ...
    def all(self, what: Lookup[F] | type[F], key: Hashable = None) -> list[F] | Iterator[F]:
        """What a lookup finds under a key; or everything of one kind.

        Rows that cannot be understood are left out and counted.
        """
        return self._looked(what, key) if isinstance(what, Lookup) else self._every(what)

    def any(self, lookup: Lookup[Any], key: Hashable) -> bool:
        """Whether a lookup's index has any row under a key, the API's or not."""
        return bool(self.view.all(lookup.index, key))

    def count(self, lookup: Lookup[Any], key: Hashable) -> int:
        """How many rows a lookup's index has under a key, the API's or not."""
        return len(self.view.all(lookup.index, key))

    def has_come(self, moment: int) -> bool:
        """Whether it is that moment (Unix time) or later.

        To be asked instead of `seconds`: what is made of the answer stays good until that moment comes.
        """
        return self.seconds >= moment

    @property
    def layout(self) -> int:
        """The layout that rows are written in."""
        return layout_of(self.view)

    # Rows of resources, for those who need not read all of them. A kind that is a part of another has none.

    def row(self, kind: type, key: str) -> Row | None:
        """The row that is the resource of that id; None when there is none."""
        home = self.homes.whole(kind)
        return None if home is None else self._row(home, key)

    def rows(self, kind: type) -> Iterator[Row] | None:
        """The rows of all resources of a kind, as they are now."""
        home = self.homes.whole(kind)
        return None if home is None else filter(home.is_one, self._rows(home))

    def rows_by(self, lookup: Lookup[Any], key: Hashable) -> Iterator[Row] | None:
        """The rows of those resources that a lookup finds, in its own order only."""
        home = self.homes.whole(lookup.kind)
        if home is None or lookup.read is not None:
            return None
        return filter(home.is_one, self.view.all(lookup.index, key))

    def key_of(self, kind: type, row: Row) -> str | None:
        """The id of the resource of that kind that a row is."""
        return self.homes.of(kind).owner(row, self)

    def facts_of(self, kind: type, row: Row) -> Any:
        """What a row of that kind says; None when it cannot be understood."""
        return self.read(self.homes.of(kind), row)

    # Writing

    def new_id(self) -> str:
        """A random UUID (RFC 9562, version 4). Its first 32 bits are random: OVSDB hashes just those."""
        digits = f"{self.random.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def put(self, facts: F) -> F:
        """Stage a resource: a new one, or what has become of one. Nothing changed means nothing written.

        Sets `revision_number` and the timestamps, and derives again what depends on it. Returns the
        facts as staged.
        """
        kind = type(facts)
        key = _key(facts)
        before = self.find(kind, key)
        if facts == before:
            return facts
        stamped: F = self._stamped(before, facts)
        part = self.homes.part(kind)
        if part is not None:
            if before is not None and getattr(before, part.owner) != getattr(facts, part.owner):
                raise TypeError(f"a {kind.__name__} stays in its {part.whole.__name__}")
            self._put_part(part, self.get(part.whole, getattr(facts, part.owner)), stamped)
            return stamped
        self._write(self.homes.of(kind), stamped)
        self._forget(kind, key)
        self._derive_dependents(kind, before, stamped)
        return stamped

    def drop(self, facts: Any) -> None:
        """Stage the deletion of a resource and of all its rows."""
        kind, key = type(facts), _key(facts)
        part = self.homes.part(kind)
        if part is not None:
            whole = self.find(part.whole, getattr(facts, part.owner))
            if whole is not None:
                self._drop_part(part, whole, key)
            return
        reconcile(self.staging, self.homes.of(kind).current(key, self), NOTHING, {})
        self._forget(kind, key)
        self._derive_dependents(kind, facts, None)

    def derive_again(self, facts: Any) -> None:
        """Stage what is missing so that the rows of a resource are as derived; its facts stay."""
        self._write(self.homes.of(type(facts)), facts)

    @property
    def staging(self) -> Transaction:
        """Where writes go; only an operation that runs on a staging transaction has it."""
        if self._staging is None:
            raise TypeError("this Tx only reads")
        return self._staging

    def _find(self, home: Home[F], key: str) -> F | None:
        row = self._row(home, key)
        return None if row is None else self.read(home, row)

    def _row(self, home: Home[Any], key: str) -> Row | None:
        row = self.view.find(home.row, home.uuid(key))
        if row is None and home.former_uuid is not None:
            row = self.view.find(home.row, home.former_uuid(key))
        return row

    def _rows(self, home: Home[Any]) -> list[Row]:
        # A list each, since the caller may let the loop run in between.
        if home.every is None:
            return list(self.view.rows(home.row))
        index, keys = home.every
        return [row for key in keys for row in self.view.all(index, key)]

    def _find_part(self, home: PartHome[F], key: str) -> F | None:
        found = (part for whole in self.all(home.by, key) for part in getattr(whole, home.field))
        return next((part for part in found if _key(part) == key), None)

    def _looked(self, lookup: Lookup[F], key: Hashable) -> list[F]:
        if lookup.remembered:
            known = self._looked_up.get((lookup, key))
            if known is not None:
                return known
        rows = self.view.all(lookup.index, key)
        if lookup.read is not None:
            read = lookup.read
            found = [read(row) for row in rows]
        else:
            home = self.homes.any(lookup.kind)
            assert not isinstance(home, PartHome)  # noqa: S101  a part has no rows to look up
            read_one = home.read if isinstance(home, Glance) else partial(self.read, home)
            found = [facts for row in rows if (facts := read_one(row)) is not None]
        if lookup.order is not None:
            found.sort(key=lookup.order)
        if lookup.remembered:
            _keep(self._looked_up, (lookup, key), found)
        return found

    def _every(self, kind: type[F]) -> Iterator[F]:
        part = self.homes.part(kind)
        if part is not None:
            for whole in self._every(part.whole):
                yield from getattr(whole, part.field)
            return
        home = self.homes.of(kind)
        for row in self._rows(home):
            facts = self.read(home, row)
            if facts is not None:
                yield facts

    def read(self, home: Home[F], row: Row) -> F | None:
        """What a home makes of a row; None, and a line for `ovnest check`, where it makes nothing of it."""
        if not home.is_one(row):
            return None
        found: F | None = self.readings.find(home.facts, row) if home.alone else None
        if found is None:
            try:
                found = home.read(row, self)
            except (KeyError, ValueError) as error:
                self.not_understood[row.uuid] = f"{type(row).TABLE} {row.uuid}: {error}"
                return None
            if home.alone:
                self.readings.keep(home.facts, row, found)
        return found

    def _write(self, home: Home[Any], facts: Any) -> None:
        present, wanted = home.current(_key(facts), self), home.desired(facts, self)
        reconcile(self.staging, present, wanted, self.homes.owned(home.facts))
        for row_type, uuid in new_references(present.rows, wanted.rows, self.homes.by_table):
            self.staging.require(row_type, uuid)

    def _put_part(self, home: PartHome[Any], whole: Any, part: Any) -> None:
        """Let a whole have this part: in the place of the one with that id, or behind all others."""
        by_key = {_key(each): each for each in getattr(whole, home.field)}
        by_key[_key(part)] = part
        self.put(replace(whole, **{home.field: tuple(by_key.values())}))

    def _drop_part(self, home: PartHome[Any], whole: Any, key: str) -> None:
        """Let a whole be without the part with that id."""
        left = tuple(each for each in getattr(whole, home.field) if _key(each) != key)
        self.put(replace(whole, **{home.field: left}))

    def _derive_dependents(self, kind: type, before: Any, after: Any) -> None:
        """Derive again what depends on a change, and what depends on that: each resource once at most.

        What is only derived again has the same facts before and after.
        """
        if not self.homes.dependents(kind):
            return
        waiting = deque([(kind, before, after)])
        done: set[tuple[type, str]] = set()
        while waiting:
            cause, was, now = waiting.popleft()
            for home, dependents in self.homes.dependents(cause):
                for dependent in dependents.of(self, was, now):
                    place = (home.facts, _key(dependent))
                    if place not in done:
                        done.add(place)
                        self._write(home, dependent)
                        waiting.append((home.facts, dependent, dependent))

    def _stamped(self, before: Any, facts: Any) -> Any:
        if not hasattr(facts, "revision_number"):
            return facts
        if before is None:
            return replace(facts, revision_number=1, created_at=self.now, updated_at=self.now)
        return replace(facts, revision_number=before.revision_number + 1, updated_at=self.now)

    def _forget(self, kind: type, key: str) -> None:
        self._facts.pop((kind, key), None)
        parts = self.homes.parts_of(kind)
        if parts:  # which of them the whole had, or has, does not matter: they are read again
            self._facts = {place: facts for place, facts in self._facts.items() if place[0] not in parts}
        if self._looked_up:
            stale = [each for each in self._looked_up if each[0].kind is kind]
            for each in stale:
                del self._looked_up[each]


def _keep(known: dict[K, V], key: K, found: V) -> None:
    """Remember it for this Tx. Past a bound all is forgotten: a list of all ports would keep them all."""
    if len(known) >= _KEPT:
        known.clear()
    known[key] = found


def _key(facts: Any) -> str:
    key: str = facts.id
    return key
