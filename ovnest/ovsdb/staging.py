"""What an operation reads and stages: a view of the database with changes that are not sent yet.

The operations of a batch run one after another over one `Stage`, so each sees what those before it staged.
One that raises is undone alone.

Source: RFC 7047, 5.2.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from msgspec import structs

from ovnest.ovsdb.errors import DuplicateUuid, RowGone
from ovnest.ovsdb.messages import Delete, Insert, Mutate, Operation, Update, by_uuid, row_exists
from ovnest.ovsdb.replica import Index, Replica
from ovnest.ovsdb.rows import R, Row
from ovnest.ovsdb.values import Arity, RowUuid, Wire

T = TypeVar("T")
_ABSENT: Any = object()


class Stage:
    """What the operations of one batch have staged, over the replica."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.rows: dict[type[Row], dict[RowUuid, Any]] = {}  # None: deleted
        self.links: dict[tuple[type[Row], str], StagedLinks] = {}
        self.required: set[tuple[str, RowUuid]] = set()
        self.operations: list[Operation] = []
        self._changes: dict[type[Row], list[tuple[RowUuid, Any, Any]]] = {}
        self._keys: dict[Index[Any], _StagedKeys] = {}
        self._undo: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._tracked: list[tuple[Any, Any, Any]] = []

    def find(self, row_type: type[R], uuid: RowUuid) -> R | None:
        staged = self.rows.get(row_type)
        if staged is not None and uuid in staged:
            row: R | None = staged[uuid]
            return row
        return self.replica.find(row_type, uuid)

    def put(self, row_type: type[R], uuid: RowUuid, new: R | None) -> None:
        """Let `new` be the row, or no row."""
        staged = self.rows.get(row_type)
        if staged is None:
            staged = self.rows[row_type] = {}
            self._changes[row_type] = []
        before = staged.get(uuid, _ABSENT)
        table = self.replica.table(row_type)
        if table.trackers:
            self._track(table.trackers, table.rows.get(uuid) if before is _ABSENT else before, new)
        staged[uuid] = new
        self._changes[row_type].append((uuid, before, new))
        self._undo.append((self._take_back, (row_type,)))

    def _take_back(self, row_type: type[Row]) -> None:
        changes = self._changes[row_type]
        uuid, before, new = changes.pop()
        for index in self.replica.table(row_type).indexes:
            keys = self._keys.get(index)
            if keys is not None and keys.changes > len(changes):
                keys.change(uuid, new, before)
                keys.changes = len(changes)
        if before is _ABSENT:
            del self.rows[row_type][uuid]
        else:
            self.rows[row_type][uuid] = before

    def by_key(self, index: Index[Any]) -> Mapping[Hashable, Mapping[RowUuid, None]]:
        """The staged rows by their keys in an index.

        Worked out when somebody asks, since most batches ask for few of the indexes, and small ones for none.
        """
        keys = self._keys.get(index)
        if keys is None:
            keys = self._keys[index] = _StagedKeys(index)
        changes = self._changes.get(index.row_type, ())
        while keys.changes < len(changes):
            keys.change(*changes[keys.changes])
            keys.changes += 1
        return keys.rows

    def _track(self, trackers: Iterable[Any], old: Any, new: Any) -> None:
        for tracker in trackers:
            if old is not None:
                tracker.removed(old)
            if new is not None:
                tracker.added(new)
            self._tracked.append((tracker, old, new))

    def link(self, row_type: type[Row], column: str, owner: RowUuid, child: RowUuid, present: bool) -> None:
        links = self.links.get((row_type, column))
        if links is None:
            links = self.links[row_type, column] = StagedLinks()
        before = links.by_owner.get(owner, {}).get(child)
        links.set(owner, child, present)
        self._undo.append((links.set, (owner, child, before)))

    def require(self, table: str, uuid: RowUuid) -> bool:
        """Whether an existence `wait` of that row is still to be made in this batch."""
        key = (table, uuid)
        if key in self.required:
            return False
        self.required.add(key)
        self._undo.append((self.required.discard, (key,)))
        return True

    def begin(self) -> None:
        """An operation begins: what comes from here on may be undone."""
        self._undo.clear()
        self.operations = []
        self._mark = len(self._tracked)

    def undo(self) -> None:
        """Forget what the operation staged since `begin`."""
        for step, arguments in reversed(self._undo):
            step(*arguments)
        self._untrack(self._mark)
        self._undo.clear()
        self.operations = []

    def close(self) -> None:
        """All operations have run: trackers go back to what the replica has."""
        self._untrack(0)
        # The steps hold the stage: with them it would wait for the collector, and take what was staged along.
        self._undo.clear()

    def _untrack(self, mark: int) -> None:
        while len(self._tracked) > mark:
            tracker, old, new = self._tracked.pop()
            if new is not None:
                tracker.removed(new)
            if old is not None:
                tracker.added(old)

    def inserted(self) -> list[Row]:
        """The rows that are staged and not in the replica."""
        return [
            row
            for row_type, staged in self.rows.items()
            for row in staged.values()
            if row is not None and self.replica.find(row_type, row.uuid) is None
        ]

    def link_operations(self) -> list[Operation]:
        """One `mutate` for each owner and column: what the batch adds and takes, on balance."""
        operations: list[Operation] = []
        for (row_type, column), links in self.links.items():
            for owner, staged in links.by_owner.items():
                now = self.replica.children(row_type, column, owner)
                add = [("uuid", child) for child, present in staged.items() if present and child not in now]
                remove = [
                    ("uuid", child) for child, present in staged.items() if not present and child in now
                ]
                mutations: list[Wire] = []
                if remove:
                    mutations.append((column, "delete", ("set", remove)))
                if add:
                    mutations.append((column, "insert", ("set", add)))
                if mutations and self.find(row_type, owner) is not None:
                    operations.append(Mutate(table=row_type.TABLE, where=by_uuid(owner), mutations=mutations))
        return operations


class _StagedKeys:
    """The staged rows by their keys in one index; `changes` is how many of what was staged are in it."""

    __slots__ = ("_keys_of", "changes", "rows")

    def __init__(self, index: Index[Any]) -> None:
        self._keys_of = index.keys
        self.rows: dict[Hashable, dict[RowUuid, None]] = {}
        self.changes = 0

    def change(self, uuid: RowUuid, before: Any, after: Any) -> None:
        """Let a staged row have the keys that it has after a change."""
        if before is not _ABSENT and before is not None:
            for key in self._keys_of(before):
                self.rows[key].pop(uuid, None)
        if after is not _ABSENT and after is not None:
            for key in self._keys_of(after):
                uuids = self.rows.get(key)
                if uuids is None:
                    self.rows[key] = {uuid: None}
                else:
                    uuids[uuid] = None


class StagedLinks:
    """Staged changes of one column of references: True for put in, False for taken out."""

    __slots__ = ("by_child", "by_owner")

    def __init__(self) -> None:
        self.by_owner: dict[RowUuid, dict[RowUuid, bool]] = {}
        self.by_child: dict[RowUuid, dict[RowUuid, bool]] = {}

    def set(self, owner: RowUuid, child: RowUuid, present: bool | None) -> None:
        """None: nothing is staged for that pair."""
        if present is None:
            del self.by_owner[owner][child]
            del self.by_child[child][owner]
        else:
            self.by_owner.setdefault(owner, {})[child] = present
            self.by_child.setdefault(child, {})[owner] = present


class Transaction:
    """One operation's view of the database, and the way to change it."""

    __slots__ = ("_stage",)

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    @property
    def written(self) -> bool:
        """Whether this operation has staged anything."""
        return bool(self._stage._undo or self._stage.operations)

    # Reading: what this batch has staged over the replica.

    def find(self, row_type: type[R], uuid: RowUuid) -> R | None:
        return self._stage.find(row_type, uuid)

    def all(self, index: Index[R], key: Hashable) -> list[R]:
        stage = self._stage
        staged = stage.rows.get(index.row_type)
        if not staged:
            return stage.replica.all(index, key)
        table = stage.replica.table(index.row_type)
        present = table.indexes[index].get(key)
        rows = [table.rows[uuid] for uuid in present if uuid not in staged] if present else []
        added = stage.by_key(index).get(key)
        if added:
            rows += [staged[uuid] for uuid in added]
        return rows

    def rows(self, row_type: type[R]) -> Iterable[R]:
        stage = self._stage
        staged = stage.rows.get(row_type)
        if not staged:
            return stage.replica.rows(row_type)
        rows = [row for row in stage.replica.rows(row_type) if row.uuid not in staged]
        rows += [row for row in staged.values() if row is not None]
        return rows

    def owners(self, row_type: type[Row], column: str, child: RowUuid) -> Collection[RowUuid]:
        now = self._stage.replica.owners(row_type, column, child)
        links = self._stage.links.get((row_type, column))
        return _merge(now, links.by_child.get(child) if links else None)

    def children(self, row_type: type[Row], column: str, owner: RowUuid) -> Collection[RowUuid]:
        now = self._stage.replica.children(row_type, column, owner)
        links = self._stage.links.get((row_type, column))
        return _merge(now, links.by_owner.get(owner) if links else None)

    # Staging.

    def insert(self, row: Row) -> None:
        """Insert `row` with `row.uuid` as its `_uuid`; only columns that differ from their default are sent.

        Raises:
            DuplicateUuid: the table has a row with that UUID.
        """
        stage = self._stage
        row_type = type(row)
        if stage.find(row_type, row.uuid) is not None:
            raise DuplicateUuid("duplicate uuid", f"table {row.TABLE} has a row {row.uuid}")
        stage.put(row_type, row.uuid, row)
        wire = stage.replica.table(row_type).shape.encode(row)
        stage.operations.append(Insert(table=row.TABLE, row=wire, uuid=row.uuid))

    def update(self, row: R, **columns: Any) -> R:
        """Give whole columns of a row new values; gives the new row.

        Raises:
            RowGone: the row is not there (any more).
        """
        row = self._present(row)
        shape = self._stage.replica.table(type(row)).shape
        changed = {name: value for name, value in columns.items() if getattr(row, name) != value}
        new = structs.replace(row, **changed)
        wire = {}
        for name, value in changed.items():
            column = shape.by_attribute[name]
            if column.name in shape.columns:
                wire[column.name] = column.encode(value)
        if wire:
            self._change(row, new, Update(table=row.TABLE, where=by_uuid(row.uuid), row=wire))
        return new if wire else row

    def change_map(
        self, row: R, column: str, put: Mapping[str, str | RowUuid], remove: Collection[str] = ()
    ) -> R:
        """Put and remove keys of a map, leaving all others as they are, ours or not; gives the new row.

        Raises:
            RowGone: the row is not there (any more).
        """
        row = self._present(row)
        shape = self._stage.replica.table(type(row)).shape
        known = shape.by_attribute[column]
        old: dict[str, Any] = getattr(row, column)
        put = {key: value for key, value in put.items() if old.get(key) != value}
        dropped = [key for key in remove if key in old and key not in put]
        if known.name not in shape.columns or not (put or dropped):
            return row
        value = {key: item for key, item in old.items() if key not in dropped}
        value.update(put)
        mutations: list[Wire] = []
        stale = [
            *dropped,
            *put,
        ]  # an insert does not replace a key that is there, as it may be without our knowing
        mutations.append((known.name, "delete", ("set", stale)))
        if put:
            mutations.append((known.name, "insert", known.encode(put)))
        new = structs.replace(row, **{column: value})
        self._change(row, new, Mutate(table=row.TABLE, where=by_uuid(row.uuid), mutations=mutations))
        return new

    def change_set(self, row: R, column: str, add: Collection[Any] = (), remove: Collection[Any] = ()) -> R:
        """Add and remove elements of a set, leaving all others as they are; gives the new row.

        Raises:
            RowGone: the row is not there (any more).
        """
        row = self._present(row)
        shape = self._stage.replica.table(type(row)).shape
        known = shape.by_attribute[column]
        if known.arity is not Arity.SET:
            raise TypeError(f"{row.TABLE}.{column} is no set.")
        old = set(getattr(row, column))
        add = sorted(set(add) - old)
        remove = sorted(set(remove) & old)
        if known.name not in shape.columns or not (add or remove):
            return row
        mutations: list[Wire] = []
        if remove:
            mutations.append((known.name, "delete", known.encode(remove)))
        if add:
            mutations.append((known.name, "insert", known.encode(add)))
        new = structs.replace(row, **{column: tuple(sorted((old - set(remove)) | set(add)))})
        self._change(row, new, Mutate(table=row.TABLE, where=by_uuid(row.uuid), mutations=mutations))
        return new

    def change_references(
        self,
        row_type: type[Row],
        owner: RowUuid,
        column: str,
        add: Iterable[RowUuid] = (),
        remove: Iterable[RowUuid] = (),
    ) -> None:
        """Add to and take from one of the columns of references of the row `owner`.

        Raises:
            RowGone: there is no such owner (any more).
        """
        stage = self._stage
        if column not in row_type.CONTAINS and column not in row_type.JOINS:
            raise TypeError(f"{row_type.TABLE}.{column} is neither in its CONTAINS nor in its JOINS.")
        self.require(row_type, owner)
        for child in remove:
            stage.link(row_type, column, owner, child, False)
        for child in add:
            stage.link(row_type, column, owner, child, True)

    def delete(self, row: Row) -> None:
        """Delete a row. Its references from elsewhere are not touched.

        Raises:
            RowGone: the row is not there (any more).
        """
        row = self._present(row)
        self._change(row, None, Delete(table=row.TABLE, where=by_uuid(row.uuid)))

    def require(self, row_type: type[Row], uuid: RowUuid) -> None:
        """Let the transaction fail, and be run again, if that row is no longer there when the server gets it.

        Raises:
            RowGone: the row is not there even now.
        """
        stage = self._stage
        if stage.find(row_type, uuid) is None:
            raise RowGone(row_type.TABLE, uuid)
        staged = stage.rows.get(row_type)
        if staged and uuid in staged and stage.replica.find(row_type, uuid) is None:
            return  # this very batch inserts it
        if stage.require(row_type.TABLE, uuid):
            stage.operations.append(row_exists(row_type.TABLE, uuid))

    def _present(self, row: R) -> R:
        now = self._stage.find(type(row), row.uuid)
        if now is None:
            raise RowGone(row.TABLE, row.uuid)
        return now

    def _change(self, row: R, new: R | None, operation: Operation) -> None:
        self.require(type(row), row.uuid)
        self._stage.put(type(row), row.uuid, new)
        self._stage.operations.append(operation)


def _merge(now: Collection[RowUuid], staged: Mapping[RowUuid, bool] | None) -> Collection[RowUuid]:
    if not staged:
        return now
    merged = [uuid for uuid in now if staged.get(uuid, True)]
    merged += [uuid for uuid, present in staged.items() if present and uuid not in now]
    return merged
