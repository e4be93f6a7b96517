"""The least that must be written so that what is there is what should be: the difference of two `Wanted`.

Sets and maps change by key, never whole, so keys and members of others survive.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from ovnest.ovsdb import Row, RowUuid, Transaction
from ovnest.rows.home import Entry, Reference, Wanted
from ovnest.rows.homes import Owned

OwnedOf = Mapping[type[Row], Owned]


def reconcile(staging: Transaction, present: Wanted, wanted: Wanted, owned: OwnedOf) -> None:
    """Stage what turns `present` into `wanted`: rows, references to them, keys in rows that several share.

    `owned` says which columns and keys of each type of row are ours.
    """
    left = {(type(row), row.uuid): row for row in present.rows}
    for row in wanted.rows:
        existing = left.pop((type(row), row.uuid), None) if left else None
        if existing is None:
            staging.insert(row)
        else:
            _change(staging, existing, row, owned[type(row)])
    if not present.references:
        _refer(staging, wanted.references, ())
    elif present.references != wanted.references:
        _refer(staging, wanted.references - present.references, present.references - wanted.references)
    for row in left.values():
        staging.delete(row)
    if present.entries or wanted.entries:
        _share(staging, present.entries, wanted.entries)


def differences(present: Row, wanted: Row, owned: Owned) -> dict[str, tuple[Any, Any]]:
    """The owned columns in which two rows differ: what is there and what should be. For maps, our keys."""
    found = {}
    for column, keys in owned:
        before, after = getattr(present, column), getattr(wanted, column)
        if isinstance(after, dict) and keys is not None:
            before = {key: before[key] for key in before.keys() & keys}
        if before != after:
            found[column] = (before, after)
    return found


def new_references(
    present: Iterable[Row], wanted: Iterable[Row], row_types: Mapping[str, type[Row]]
) -> list[tuple[type[Row], RowUuid]]:
    """The rows that the wanted rows refer to and the present ones do not: those must be there at commit.

    A reference that stays is no reason to refuse: a container port whose parent is gone can still be changed.
    """
    known = _referred(present)
    return [(row_types[table], uuid) for table, uuid in _referred(wanted) if (table, uuid) not in known]


def _referred(rows: Iterable[Row]) -> dict[tuple[str, RowUuid], None]:
    found: dict[tuple[str, RowUuid], None] = {}
    for row in rows:
        for column, table in row.REFERS.items():
            uuid = getattr(row, column)
            if uuid is not None:
                found[table, uuid] = None
    return found


def _change(staging: Transaction, present: Row, wanted: Row, owned: Owned) -> None:
    scalars: dict[str, Any] = {}
    row = present
    for column, (before, after) in differences(present, wanted, owned).items():
        if isinstance(after, dict):
            put = {key: value for key, value in after.items() if before.get(key) != value}
            row = staging.change_map(row, column, put, before.keys() - after.keys())
        elif isinstance(after, tuple):
            row = staging.change_set(row, column, set(after) - set(before), set(before) - set(after))
        else:
            scalars[column] = after
    if scalars:
        staging.update(row, **scalars)


def _refer(staging: Transaction, add: Iterable[Reference], remove: Iterable[Reference]) -> None:
    for each in add:
        staging.change_references(each.owner_type, each.owner, each.column, add=(each.member,))
    for each in remove:
        staging.change_references(each.owner_type, each.owner, each.column, remove=(each.member,))


def _share(staging: Transaction, present: Iterable[Entry], wanted: Iterable[Entry]) -> None:
    """Keys in a row that several share: it comes with the first key of anybody, and goes with the last."""
    before, after = _by_place(present), _by_place(wanted)
    for place in before.keys() | after.keys():
        row, column = (after.get(place) or before[place])[0]
        put = dict((after.get(place) or (None, {}))[1])
        gone = (before.get(place) or (None, {}))[1].keys() - put.keys()
        there = staging.find(type(row), row.uuid)
        if there is None:
            if put:
                staging.insert(replace(row, **{column: put}))
            continue
        there = staging.change_map(there, column, put, gone)
        if not getattr(there, column):
            staging.delete(there)


def _by_place(entries: Iterable[Entry]) -> dict[Any, tuple[tuple[Row, str], dict[str, str]]]:
    found: dict[Any, tuple[tuple[Row, str], dict[str, str]]] = {}
    for entry in entries:
        place = (type(entry.row), entry.row.uuid, entry.column)
        found.setdefault(place, ((entry.row, entry.column), {}))[1].update(entry.items)
    return found
