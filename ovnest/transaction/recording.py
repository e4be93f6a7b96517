"""Recording: what was looked at while something was made, and whether that is all the same now.

What is made by a `RecordingTx` follows from three things only: rows of the replica, what the context says
beside them, and on which side of some moments the clock is. All of them are noted when they are looked at.
A row never changes: another comes in its place. So as long as each row that was found is the very same
object, each that was not found is still not there, each key of an index has the very same rows, the context
says the same, and the clock has passed none of the moments, making it again would give the same;
`Looked.holds` asks just that. Nothing has to be told of a change, so no change can be missed.

What looks at anything else (whole tables, references, who asks, chance) is not noted, and is not kept.
"""

from collections.abc import Collection, Hashable, Iterable
from typing import Any

from msgspec import Struct

from ovnest.ovsdb import Index, Replica, Row, RowUuid
from ovnest.ovsdb.rows import R
from ovnest.rows.home import Lookup
from ovnest.transaction.tx import Context, F, Tx

# Of the context these may be looked at: who looks again compares the values.
_COMPARED = frozenset({"southbound"})
_LAST_SECOND = 2**62
_PLACES_KEPT = 16_384


class Sought(Struct, frozen=True, gc=False):
    """A row that was looked for, and what was found."""

    row_type: type[Row]
    uuid: RowUuid
    row: Row | None


class Outside(Struct, frozen=True, gc=False):
    """What the context said of something."""

    name: str
    value: Any


class Place(Struct, gc=False):
    """The rows with one key in an index. One object serves all who looked there.

    `facts` is what a lookup made of them, where that follows from these rows alone.
    """

    index: Index[Any]
    key: Hashable
    rows: tuple[Row, ...]
    as_of: int
    facts: tuple[Lookup[Any], list[Any]] | None = None

    def holds(self, replica: Replica) -> bool:
        """Whether just these rows have that key, as they were."""
        if self.as_of != replica.moves:
            present = replica.all(self.index, self.key)
            if len(present) != len(self.rows):
                return False
            for row, was in zip(present, self.rows, strict=True):
                if row is not was:
                    return False
            self.as_of = replica.moves
        return True


class Places:
    """The places that were looked at lately, so that those who share one ask only once whether it holds."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._known: dict[tuple[Index[Any], Hashable], Place] = {}

    def look(self, index: Index[Any], key: Hashable) -> Place:
        """The rows with that key now."""
        known = self._known.get((index, key))
        if known is not None and known.holds(self._replica):
            return known
        if len(self._known) >= _PLACES_KEPT:
            self._known.clear()  # who holds one keeps it; it only is no longer shared
        rows = tuple(self._replica.all(index, key))
        found = self._known[index, key] = Place(index, key, rows, self._replica.moves)
        return found


class Looked(Struct, gc=False):
    """What was looked at: see the module.

    It holds at `since` and later, but before `until` (Unix time), as far as the clock decides. `as_of` is how
    often the replica had changed when its rows were last seen to be the same. The collector has no work with
    it: there is one for each text that is kept.
    """

    rows: tuple[Sought, ...]
    places: tuple[Place, ...]
    outside: tuple[Outside, ...]
    since: int
    until: int
    as_of: int

    def holds(self, replica: Replica, context: Context) -> bool:
        """Whether all of it is the same now."""
        if not self.since <= context.seconds < self.until:
            return False
        for was in self.outside:
            value = getattr(context, was.name)
            if value is not was.value and value != was.value:
                return False
        if self.as_of != replica.moves:
            if not self._rows_hold(replica):
                return False
            self.as_of = replica.moves
        return True

    def _rows_hold(self, replica: Replica) -> bool:
        for sought in self.rows:
            if replica.find(sought.row_type, sought.uuid) is not sought.row:
                return False
        return all(place.holds(replica) for place in self.places)


class RecordingTx(Tx):
    """A look at the replica that notes what it looks at. One makes one thing, and `looked` says what of."""

    def __init__(self, replica: Replica, context: Context, places: Places) -> None:
        # Not Tx's own: what is left out here is looked at by `__getattr__`, and noted there.
        self.homes = context.homes
        self.settings = context.settings
        self.readings = context.readings
        self.view = self._recording = _RecordingView(replica, places)
        self.not_understood = {}
        self._staging = None
        self._facts = {}
        self._looked_up = {}
        self._told = context
        self._outside: dict[str, Any] = {}
        self._since = 0
        self._until = _LAST_SECOND
        self._is_noted = True

    def looked(self) -> Looked | None:
        """What was looked at; None when not all of that was noted."""
        if not self._is_noted or not self._recording.is_noted:
            return None
        return Looked(
            rows=tuple(self._recording.sought),
            places=tuple(self._recording.places.values()),
            outside=tuple(Outside(name, value) for name, value in self._outside.items()),
            since=self._since,
            until=self._until,
            as_of=self._recording.replica.moves,
        )

    def has_come(self, moment: int) -> bool:
        """See `Tx`."""
        has_come = self._told.seconds >= moment
        if has_come:
            self._since = max(self._since, moment)
        else:
            self._until = min(self._until, moment)
        return has_come

    def _looked(self, lookup: Lookup[F], key: Hashable) -> list[F]:
        home = self.homes.whole(lookup.kind) if lookup.remembered else None
        if home is None or not home.alone:
            return super()._looked(lookup, key)
        place = self._recording.place(lookup.index, key)
        if place.facts is None or place.facts[0] is not lookup:
            place.facts = (lookup, super()._looked(lookup, key))
        return place.facts[1]

    def __getattr__(self, name: str) -> Any:
        value: Any = self._told if name == "context" else getattr(self._told, name)
        if name == "seconds":
            self._since = max(self._since, value)
            self._until = min(self._until, value + 1)
        elif name in _COMPARED:
            self._outside[name] = value
        else:
            self._is_noted = False
        return value


class _RecordingView:
    """The replica (`ovsdb.View`), noting what it is asked."""

    def __init__(self, replica: Replica, places: Places) -> None:
        self.replica = replica
        self.is_noted = True
        self.sought: list[Sought] = []
        self.places: dict[tuple[Index[Any], Hashable], Place] = {}
        self._shared = places

    def find(self, row_type: type[R], uuid: RowUuid) -> R | None:
        row = self.replica.find(row_type, uuid)
        self.sought.append(Sought(row_type, uuid, row))
        return row

    def all(self, index: Index[R], key: Hashable) -> list[R]:
        return list(self.place(index, key).rows)  # type: ignore[arg-type]  # an index' rows are of its type

    def place(self, index: Index[Any], key: Hashable) -> Place:
        """The rows with a key, noted."""
        place = self.places.get((index, key))
        if place is None:
            place = self.places[index, key] = self._shared.look(index, key)
        return place

    def rows(self, row_type: type[R]) -> Iterable[R]:
        self.is_noted = False
        return self.replica.rows(row_type)

    def owners(self, row_type: type[Row], column: str, child: RowUuid) -> Collection[RowUuid]:
        self.is_noted = False
        return self.replica.owners(row_type, column, child)

    def children(self, row_type: type[Row], column: str, owner: RowUuid) -> Collection[RowUuid]:
        self.is_noted = False
        return self.replica.children(row_type, column, owner)
