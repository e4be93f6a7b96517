"""The least that must be written so that a resource's rows are as derived.

Sets and maps change by key, never whole, so keys and members of others survive.
"""

from collections.abc import Iterable
from typing import Any

from ovnest.derive.columns import OWNED_COLUMNS, OWNED_KEYS
from ovnest.northbound.tables import DhcpOptions, LogicalSwitchPort
from ovnest.ovsdb import Row, RowUuid, Transaction


def reconcile(staging: Transaction, present: Iterable[Row], wanted: Iterable[Row]) -> None:
    """Stage what turns the `present` rows into the `wanted` ones: inserts, changes and deletes."""
    left = {(type(row), row.uuid): row for row in present}
    for row in wanted:
        existing = left.pop((type(row), row.uuid), None)
        if existing is None:
            staging.insert(row)
        else:
            _change(staging, existing, row)
    for row in left.values():
        staging.delete(row)


def differences(present: Row, wanted: Row) -> dict[str, tuple[Any, Any]]:
    """The owned columns in which two rows differ: what is there and what should be. For maps, our keys."""
    found = {}
    for column in OWNED_COLUMNS[type(wanted)]:
        before, after = getattr(present, column), getattr(wanted, column)
        if isinstance(after, dict):
            owned = OWNED_KEYS[type(wanted), column]
            before = before if owned is None else {key: before[key] for key in before.keys() & owned}
        if before != after:
            found[column] = (before, after)
    return found


def new_references(present: Iterable[Row], wanted: Iterable[Row]) -> list[tuple[type[Row], RowUuid]]:
    """The rows that the wanted rows refer to and the present ones do not: those must be there at commit.

    A reference that stays is no reason to refuse: a container port whose parent is gone can still be changed.
    """
    known = {each for row in present for each in _referred(row)}
    return [each for row in wanted for each in _referred(row) if each not in known]


def _referred(row: Row) -> list[tuple[type[Row], RowUuid]]:
    if not isinstance(row, LogicalSwitchPort):
        return []
    referred: list[tuple[type[Row], RowUuid]] = [
        (DhcpOptions, options) for options in (row.dhcpv4_options, row.dhcpv6_options) if options is not None
    ]
    if row.parent_name is not None:
        referred.append((LogicalSwitchPort, RowUuid(row.parent_name)))
    return referred


def _change(staging: Transaction, present: Row, wanted: Row) -> None:
    scalars: dict[str, Any] = {}
    row = present
    for column, (before, after) in differences(present, wanted).items():
        if isinstance(after, dict):
            put = {key: value for key, value in after.items() if before.get(key) != value}
            row = staging.change_map(row, column, put, before.keys() - after.keys())
        elif isinstance(after, tuple):
            row = staging.change_set(row, column, set(after) - set(before), set(before) - set(after))
        else:
            scalars[column] = after
    if scalars:
        staging.update(row, **scalars)
