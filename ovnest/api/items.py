"""Items: the things of one kind as one caller is shown them, each made only as far as somebody asks.

What was found is a row that has not been read, or facts. A text that is kept for the row is taken as it is;
else it is made of the row, and kept. A filter or an order by what is just a fact reads the facts and makes
no body.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ovnest.api.kept import KeptTexts, Shelf
from ovnest.api.listing import Shown
from ovnest.api.query import Attribute
from ovnest.operations.kind import Found, Kind
from ovnest.operations.steps.visible import target_of
from ovnest.ovsdb import Row
from ovnest.resources.resource import Resource
from ovnest.transaction import Tx

_ALL: frozenset[str] = frozenset()
_parts_of = msgspec.json.Decoder(dict[str, Raw]).decode


def hidden_of(tx: Tx, resource: Resource, attributes: Collection[str], facts: Any) -> frozenset[str]:
    """Those of the attributes that the caller may not see of these facts."""
    always = tx.rights.always_hidden(resource.singular)
    if always is not None:
        return always
    return tx.rights.hidden(resource.singular, attributes, target_of(tx, resource, facts))


class Items:
    """How one look at the replica (`tx`) shows the things of a kind. `of_many`: a list, and not one alone."""

    def __init__(
        self, tx: Tx, kind: Kind, attributes: Mapping[str, Attribute], texts: KeptTexts, *, of_many: bool
    ) -> None:
        self.tx = tx
        self.kind = kind
        self.plain = kind.plain()
        self._attributes = attributes
        self._texts = texts
        self._of_many = of_many
        self._singular = kind.resource.singular
        self._always_hidden = tx.rights.always_hidden(self._singular)
        self._shelves: dict[frozenset[str], Shelf] = {}

    def of(self, found: Found) -> "Item":
        """What was found, as the caller is shown it."""
        return Item(self, found)

    def hidden(self, item: "Item") -> frozenset[str]:
        """The attributes of it that the caller may not see."""
        if self._always_hidden is not None:
            return self._always_hidden
        facts = item.facts()
        return _ALL if facts is None else hidden_of(self.tx, self.kind.resource, self._attributes, facts)

    def kept(self, row: Row, hidden: frozenset[str]) -> bytes | None:
        """The text of a row without what is hidden, if it is kept."""
        return self._shelf(hidden).find(row, self.tx.context)

    def made(self, row: Row, hidden: frozenset[str]) -> bytes | None:
        """The text of a row, made and kept; None where nobody can read it."""
        tx = self._texts.look(self.tx.context)
        facts = tx.facts_of(self.kind.resource.facts, row)
        if facts is None:
            return None
        text = Shown(self.kind.body(tx, facts), hidden).text(_ALL)
        self._texts.keep(self._shelf(hidden), row, text, tx.looked(), of_many=self._of_many)
        return text

    def _shelf(self, hidden: frozenset[str]) -> Shelf:
        found = self._shelves.get(hidden)
        if found is None:
            found = self._shelves[hidden] = self._texts.shelf(self._singular, hidden)
        return found


class Item(Struct, gc=False):
    """One of them; see `listing.Item`."""

    items: Items
    found: Found
    key: str | None = None
    body: Struct | None = None

    @property
    def id(self) -> str:
        """What it is known by."""
        key = self.key
        if key is None:
            items, found = self.items, self.found
            if found.facts is None and found.row is not None:
                key = items.tx.key_of(items.kind.resource.facts, found.row)
            key = self.key = found.facts.id if key is None else key
        return key

    @property
    def hidden(self) -> frozenset[str]:
        """The attributes that the caller may not see of it."""
        return self.items.hidden(self)

    def facts(self) -> Any:
        """Its facts; None when nobody can read them."""
        return self.found.read(self.items.tx, self.items.kind.resource.facts)

    def is_there(self) -> bool:
        """Whether it can be read. What a text is kept of has been."""
        found = self.found
        if (
            found.facts is None
            and found.row is not None
            and self.items.kept(found.row, self.hidden) is not None
        ):
            return True
        return self.facts() is not None

    def value(self, attribute: Attribute) -> Any:
        """The value of an attribute of something that is there."""
        fact = self.items.plain.get(attribute.field)
        if fact is not None:
            return getattr(self.facts(), fact)
        if self.body is None:
            self.body = self.items.kind.body(self.items.tx, self.facts())
        return getattr(self.body, attribute.field)

    def text(self, fields: frozenset[str]) -> bytes | None:
        """It as JSON, of that only `fields`, if any are named; None where nobody can read it."""
        row, hidden = self.found.row, self.hidden
        if row is None:
            return Shown(self.items.kind.body(self.items.tx, self.facts()), hidden).text(fields)
        text = self.items.kept(row, hidden)
        if text is None:
            text = self.items.made(row, hidden)
        if text is None or not fields:
            return text
        parts = {name: part for name, part in _parts_of(text).items() if name in fields}
        return msgspec.json.encode(parts)
