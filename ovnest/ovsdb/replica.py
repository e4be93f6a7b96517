"""The database in memory: typed rows, indexes, references both ways, trackers.

An update is taken in two steps. `stage` makes rows of what has arrived, at any time, and shows nothing of
it; `apply` then changes the replica, as a generator that may be run in slices so that a long update does
not stop the loop.

Source: ovsdb-server(7), 4.1.12 to 4.1.15 (`update2`, `update3`).
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from ovnest.ovsdb.multimap import NOTHING, Multimap
from ovnest.ovsdb.rows import R, Row, Shape
from ovnest.ovsdb.values import RowUuid, Wire, decode_raw_references, decode_references

R_contra = TypeVar("R_contra", bound=Row, contravariant=True)
Change = tuple[Row | None, Row | None]
"""A row before and after: None before an insert, None after a delete."""


@dataclass(frozen=True, eq=False)
class Index(Generic[R]):
    """A way to find rows of one type; declared once, at module level.

    `keys` gives a row's keys, none to many. It is pure and looks at the row only.
    """

    name: str
    row_type: type[R]
    keys: Callable[[R], Iterable[Hashable]]


class Tracker(Protocol[R_contra]):
    """A structure kept beside the replica, such as a bitmap of the addresses that are taken.

    A changed row is removed as it was and added as it is. While operations run, a tracker also
    has what they have staged; once they have run that is taken back, until it comes from the server.
    """

    @property
    def row_type(self) -> type[Any]: ...

    def added(self, row: R_contra) -> None: ...

    def removed(self, row: R_contra) -> None: ...


class View(Protocol):
    """What the replica and a transaction both let one ask."""

    def find(self, row_type: type[R], uuid: RowUuid) -> R | None:
        """The row, or None."""

    def all(self, index: Index[R], key: Hashable) -> list[R]:
        """The rows with that key."""

    def rows(self, row_type: type[R]) -> Iterable[R]:
        """All rows of a type."""

    def owners(self, row_type: type[Row], column: str, child: RowUuid) -> Collection[RowUuid]:
        """The rows of `row_type` that refer to `child` in `column`, one of its CONTAINS or JOINS."""

    def children(self, row_type: type[Row], column: str, owner: RowUuid) -> Collection[RowUuid]:
        """The rows that `owner` refers to in `column`, one of its CONTAINS or JOINS."""


class Links:
    """One column of references, both ways."""

    __slots__ = ("children", "owners")

    def __init__(self) -> None:
        self.children: dict[RowUuid, set[RowUuid]] = {}
        self.owners: Multimap[RowUuid] = Multimap()

    def set(self, owner: RowUuid, children: frozenset[RowUuid]) -> None:
        """Let `owner` refer to just `children`."""
        before = self.children.get(owner, set())
        for child in before - children:
            self.owners.discard(child, owner)
        for child in children - before:
            self.owners.add(child, owner)
        if children:
            self.children[owner] = set(children)
        else:
            self.children.pop(owner, None)

    def toggle(self, owner: RowUuid, children: Iterable[RowUuid]) -> None:
        """Take out those of `children` that `owner` refers to, put in the others."""
        mine = self.children.setdefault(owner, set())
        for child in children:
            if child in mine:
                mine.remove(child)
                self.owners.discard(child, owner)
            else:
                mine.add(child)
                self.owners.add(child, owner)
        if not mine:
            del self.children[owner]


Keys = list[tuple[Hashable, ...]]
"""The keys of a row in each index of its table."""


class TypedTable(Generic[R]):
    """The rows of one row type, and what is kept beside them."""

    __slots__ = ("_no_keys", "indexes", "links", "rows", "shape", "trackers")

    def __init__(self, shape: Shape[R], indexes: Sequence[Index[R]], trackers: Sequence[Tracker[R]]) -> None:
        self.shape = shape
        self.rows: dict[RowUuid, R] = {}
        self.indexes: dict[Index[R], Multimap[Hashable]] = {index: Multimap() for index in indexes}
        self._no_keys: Keys = [()] * len(self.indexes)
        self.links: dict[str, Links] = {column: Links() for column in shape.references}
        self.trackers = trackers

    def keys(self, row: R) -> Keys:
        """The keys of a row in each of the indexes."""
        return [tuple(index.keys(row)) for index in self.indexes]

    def replace(self, uuid: RowUuid, new: R | None, keys: Keys | None = None) -> R | None:
        """Let `new`, with these keys if they are known, be the row, or no row; gives the row before."""
        old = self.rows.get(uuid)
        befores = self._no_keys if old is None else self.keys(old)
        afters = self._no_keys if new is None else keys or self.keys(new)
        for entries, before, after in zip(self.indexes.values(), befores, afters, strict=True):
            if before != after:
                for key in before:
                    entries.discard(key, uuid)
                for key in after:
                    entries.add(key, uuid)
        for tracker in self.trackers:
            if old is not None:
                tracker.removed(old)
            if new is not None:
                tracker.added(new)
        if new is not None:
            self.rows[uuid] = new
        elif old is not None:
            del self.rows[uuid]
            for links in self.links.values():
                links.set(uuid, frozenset())
        return old


class _Whole(msgspec.Struct, frozen=True, gc=False):
    """A row that came whole (`initial`, `insert`): the Struct, the columns of references, keys if known."""

    row: Row
    links: dict[str, frozenset[RowUuid]]
    keys: Keys | None = None


class _Foretold(msgspec.Struct, frozen=True, gc=False):
    """A row that is about to be inserted, and the bytes by which the server will tell of it."""

    table: TypedTable[Any]
    told: msgspec.Raw
    whole: _Whole


_Staged = tuple[TypedTable[Any], RowUuid, _Whole | Mapping[str, Wire] | None]
RawTable = Mapping[RowUuid, Mapping[str, Mapping[str, Wire] | None]]
"""A `<table-update2>`: for each row a kind (`initial`, `insert`, `modify`, `delete`) and its columns."""
Watcher = Callable[[str, Mapping[str, Wire] | None], None]

_decode_rows = msgspec.json.Decoder(dict[RowUuid, dict[str, dict[str, Any] | None]]).decode
_decode_update: Final = msgspec.json.Decoder(dict[str, dict[str, Any] | None]).decode
_decode_rows_told = msgspec.json.Decoder(dict[RowUuid, msgspec.Raw]).decode
_decode_rows_raw = msgspec.json.Decoder(dict[RowUuid, dict[str, dict[str, msgspec.Raw] | None]]).decode
_LONG_ROWS_BYTES: Final = 128 * 1024
"""Rows come in pieces of half of that; a longer piece has one with a large set of references in it."""


class Replica:
    """All rows that are monitored, as of the last update.

    `find`, `all`, `rows`, `owners`, `children` cost a look-up or two each.
    """

    def __init__(
        self,
        row_types: Sequence[type[Row]],
        indexes: Sequence[Index[Any]] = (),
        trackers: Sequence[Tracker[Any]] = (),
    ) -> None:
        self._tables: dict[type[Row], TypedTable[Any]] = {
            row_type: TypedTable(
                Shape(row_type),
                [index for index in indexes if index.row_type is row_type],
                [tracker for tracker in trackers if tracker.row_type is row_type],
            )
            for row_type in row_types
        }
        declared = [index.row_type for index in indexes] + [tracker.row_type for tracker in trackers]
        for row_type in declared:
            if row_type not in self._tables:
                raise TypeError(
                    f"An index or tracker is of {row_type.__name__}, which is not among the tables."
                )
        self._by_name: dict[str, list[TypedTable[Any]]] = {}
        for table in self._tables.values():
            self._by_name.setdefault(table.shape.table, []).append(table)
        self._watchers: dict[tuple[str, RowUuid], Watcher] = {}
        self._foretold: dict[RowUuid, _Foretold] = {}
        self._staged: list[_Staged] = []
        self._staged_raw: list[tuple[Watcher, str, Mapping[str, Wire] | None]] = []
        self._present: dict[TypedTable[Any], set[RowUuid]] = {}
        self._watched_present: set[tuple[str, RowUuid]] = set()
        self.listeners: list[Callable[[list[Change]], None]] = []
        self.moves = 0
        """How often a row was put, replaced or taken: while it is the same, so are all rows and indexes."""

    # What one may ask.

    def find(self, row_type: type[R], uuid: RowUuid) -> R | None:
        return self._tables[row_type].rows.get(uuid)

    def all(self, index: Index[R], key: Hashable) -> list[R]:
        table: TypedTable[R] = self._tables[index.row_type]
        rows = table.rows
        return [rows[uuid] for uuid in table.indexes[index].get(key)]

    def rows(self, row_type: type[R]) -> Collection[R]:
        return self._tables[row_type].rows.values()

    def owners(self, row_type: type[Row], column: str, child: RowUuid) -> Collection[RowUuid]:
        return self._tables[row_type].links[column].owners.get(child)

    def children(self, row_type: type[Row], column: str, owner: RowUuid) -> Collection[RowUuid]:
        return self._tables[row_type].links[column].children.get(owner, NOTHING)

    # What the room's other files need.

    @property
    def shapes(self) -> list[Shape[Any]]:
        return [table.shape for table in self._tables.values()]

    def table(self, row_type: type[R]) -> TypedTable[R]:
        return self._tables[row_type]

    def count(self) -> int:
        """How many rows there are."""
        return sum(len(table.rows) for table in self._tables.values())

    def watch(self, table: str, uuid: RowUuid, watcher: Watcher) -> None:
        """Tell `watcher` of each update of one row, as it stands on the wire: its kind and columns.

        A whole reload without that row tells `delete`.
        """
        self._watchers[table, uuid] = watcher

    # Updates.

    def stage_piece(self, table: str, rows: bytes) -> None:
        """Take in rows of an update that is still arriving."""
        if len(rows) < _LONG_ROWS_BYTES and self._foretold:
            self.stage_told(table, _decode_rows_told(rows))
        elif len(rows) < _LONG_ROWS_BYTES:
            self.stage(table, _decode_rows(rows))
        else:
            self.stage(table, self._decode_long(table, _decode_rows_raw(rows)))

    def _decode_long(self, table: str, raw_rows: RawTable) -> RawTable:
        """The same as `_decode_rows` gives, but large sets of references are decoded already."""
        references = {name for typed in self._by_name.get(table, ()) for name in typed.links}
        return {
            uuid: {
                kind: columns
                and {
                    name: decode_raw_references(raw) if name in references else msgspec.json.decode(raw)
                    for name, raw in columns.items()
                }
                for kind, columns in update.items()
            }
            for uuid, update in raw_rows.items()
        }

    def foretell(self, rows: Iterable[Row]) -> Iterator[None]:
        """These rows are about to be inserted: have ready what will be needed when the server tells of them.

        A row is then not decoded, but taken as it is here, if what is told is byte for byte what was
        foretold. A generator, that it may be run in slices, or left before its end.
        """
        for row in rows:
            table = self._tables[type(row)]
            name = table.shape.table
            alone = len(self._by_name[name]) == 1 and (name, row.uuid) not in self._watchers
            told = table.shape.foretell(row) if alone and not table.links else None
            if told is not None:
                self._foretold[row.uuid] = _Foretold(table, told, _Whole(row, {}, table.keys(row)))
            yield

    def forget_foretold(self) -> None:
        """What was foretold has been told, or never will be."""
        self._foretold = {}

    def stage_told(self, table: str, updates: Mapping[RowUuid, msgspec.Raw]) -> None:
        """The same as `stage`, of rows as they came."""
        others: dict[RowUuid, Mapping[str, Mapping[str, Wire] | None]] = {}
        for uuid, told in updates.items():
            ours = self._foretold.pop(uuid, None)
            if ours is not None and ours.told == told and ours.table.shape.table == table:
                self._staged.append((ours.table, uuid, ours.whole))
                continue
            update = others[uuid] = _decode_update(told)
            if ours is not None:
                ours.table.shape.learn(update.get("insert") or {})
        self.stage(table, others)

    def stage(self, table: str, updates: RawTable) -> None:
        """Take in a `<table-update2>`; nothing of it is seen before `apply`."""
        watchers = self._watchers
        for typed in self._by_name.get(table, ()):
            for uuid, update in updates.items():
                ((kind, wire),) = update.items()
                if kind == "initial":
                    self._stage_initial(typed, uuid, wire or {})
                elif kind == "insert":
                    self._staged.append((typed, uuid, _whole(typed, uuid, wire or {})))
                else:
                    self._staged.append((typed, uuid, wire if kind == "modify" else None))
        for uuid, update in updates.items():
            watcher = watchers.get((table, uuid))
            if watcher is not None:
                ((kind, wire),) = update.items()
                self._watched_present.add((table, uuid))
                self._staged_raw.append((watcher, kind, wire))

    def _stage_initial(self, typed: TypedTable[Any], uuid: RowUuid, wire: Mapping[str, Wire]) -> None:
        present = self._present.get(typed)
        if present is None:
            present = self._present[typed] = set()
        whole = _whole(typed, uuid, wire)
        present.add(uuid)
        # After a reconnect nearly all of it is what we had: those rows cost nothing more, and stay the same
        # objects.
        if typed.rows.get(uuid) == whole.row and all(
            typed.links[column].children.get(uuid, frozenset()) == children
            for column, children in whole.links.items()
        ):
            return
        self._staged.append((typed, uuid, whole))

    def forget_staged(self) -> None:
        """Drop an update that did not arrive whole, or has been applied."""
        self._staged, self._staged_raw, self._present = [], [], {}
        self._watched_present = set()

    def apply(self, *, whole: bool) -> Iterator[None]:
        """Let the staged update be seen. `whole`: it is all there is, so other rows are gone.

        Yields now and then; nobody may look at the replica before the generator's end.
        """
        staged, raw, present = self._staged, self._staged_raw, self._present
        watched = self._watched_present
        self.forget_staged()
        changes: list[Change] = []
        note = changes.append if self.listeners else None
        for done, (typed, uuid, what) in enumerate(staged):
            self._apply_one(typed, uuid, what, note)
            if done % 32 == 31:
                yield
        if whole:
            for typed in self._tables.values():
                here = present.get(typed, set())
                if len(typed.rows) == len(here):
                    continue
                for done, uuid in enumerate(list(typed.rows)):
                    if uuid not in here:
                        self._apply_one(typed, uuid, None, note)
                    if done % 32 == 31:
                        yield
            for key, watcher in self._watchers.items():
                if key not in watched:
                    watcher("delete", None)
        for watcher, kind, wire in raw:
            watcher(kind, wire)
        if changes:
            for listener in self.listeners:
                listener(changes)

    def _apply_one(
        self,
        typed: TypedTable[Any],
        uuid: RowUuid,
        what: _Whole | Mapping[str, Wire] | None,
        note: Callable[[Change], None] | None,
    ) -> None:
        new: Row | None
        keys: Keys | None = None
        if what is None:
            new = None
        elif isinstance(what, _Whole):
            new, keys = what.row, what.keys
        else:
            row = typed.rows.get(uuid)
            if row is None:
                raise LostStep(f"{typed.shape.table} {uuid} was modified, but is not in the replica")
            new = typed.shape.modify(row, what)
        old = typed.rows.get(uuid)
        if new is not old:
            typed.replace(uuid, new, keys)
            self.moves += 1
        if new is not None and typed.links and what is not None:
            for column, links in typed.links.items():
                if isinstance(what, _Whole):
                    links.set(uuid, what.links.get(column, frozenset()))
                elif column in what:
                    links.toggle(uuid, decode_references(what[column]))
        if note is not None and not (old is None and new is None):
            note((old, new))


class LostStep(Exception):
    """An update does not fit the replica: something was missed, so all must be loaded again."""


def _whole(typed: TypedTable[Any], uuid: RowUuid, wire: Mapping[str, Wire]) -> _Whole:
    # Every column of references is there, empty or not: a reload must notice that one became empty.
    links = {
        column: frozenset(decode_references(wire[column])) if column in wire else frozenset()
        for column in typed.links
    }
    return _Whole(typed.shape.build(uuid, wire), links)
