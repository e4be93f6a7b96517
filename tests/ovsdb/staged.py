"""A replica that holds what a test says, and transactions on it; no server."""

from collections.abc import Iterable
from typing import Any

from ovnest.ovsdb import Replica, Row, RowUuid, Transaction
from ovnest.ovsdb.staging import Stage
from tests.ovsdb.tables import INDEXES, TABLES, Port, Switch


def replica_with(
    rows: Iterable[Row], members: Iterable[tuple[str, str]] = (), trackers: Iterable[Any] = ()
) -> Replica:
    """The replica after a first load of these rows, and of ports in switches."""
    replica = Replica(TABLES, INDEXES, list(trackers))
    wires: dict[str, dict[str, Any]] = {}
    for row in rows:
        wires.setdefault(row.TABLE, {})[row.uuid] = dict(replica.table(type(row)).shape.encode(row))
    for switch, port in members:
        wires[Switch.TABLE][switch].setdefault("ports", ["set", []])[1].append(["uuid", port])
    for table, wire in wires.items():
        replica.stage(table, {RowUuid(uuid): {"initial": _lists(columns)} for uuid, columns in wire.items()})
    for _ in replica.apply(whole=True):
        pass
    return replica


def staged(replica: Replica) -> Transaction:
    """An operation's transaction, the first of its batch."""
    stage = Stage(replica)
    stage.begin()
    return Transaction(stage)


def port(number: int, **columns: Any) -> Port:
    return Port(uuid=RowUuid(f"p{number}"), **columns)


def switch(number: int, **columns: Any) -> Switch:
    return Switch(uuid=RowUuid(f"s{number}"), **columns)


def _lists(wire: Any) -> Any:
    """As JSON would have it."""
    if isinstance(wire, dict):
        return {name: _lists(value) for name, value in wire.items()}
    return [_lists(each) for each in wire] if isinstance(wire, list | tuple) else wire
