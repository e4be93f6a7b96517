"""The replica against a plain model, and values on the wire. Pure: no server."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovnest.ovsdb import Replica, RowUuid
from ovnest.ovsdb.replica import LostStep
from tests.ovsdb.tables import INDEXES, PORT_BY_NAME, SWITCH_BY_NAME, TABLES, Port, Switch

PORTS = [RowUuid(f"p{number}") for number in range(6)]
SWITCHES = [RowUuid(f"s{number}") for number in range(3)]


def take_in(replica: Replica, updates: dict[str, Any], *, whole: bool = False) -> None:
    for table, rows in updates.items():
        replica.stage(table, rows)
    for _ in replica.apply(whole=whole):
        pass


def wire_set(uuids: set[RowUuid]) -> Any:
    atoms = [["uuid", uuid] for uuid in sorted(uuids)]
    return atoms[0] if len(atoms) == 1 else ["set", atoms]


State = tuple[dict[RowUuid, dict[str, Any]], dict[RowUuid, set[RowUuid]]]


def random_state(chance: random.Random) -> State:
    ports = {
        uuid: {
            "name": chance.choice("abc"),
            "ids": {key: chance.choice("xy") for key in "kl" if chance.random() < 0.6},
        }
        for uuid in PORTS
        if chance.random() < 0.7
    }
    switches = {
        uuid: {port for port in ports if chance.random() < 0.4} for uuid in SWITCHES if chance.random() < 0.8
    }
    return ports, switches


def whole_wire(state: State, kind: str = "initial") -> dict[str, Any]:
    ports, switches = state
    wire: dict[str, Any] = {"Logical_Switch_Port": {}, "Logical_Switch": {}}
    for uuid, port in ports.items():
        columns = {"name": port["name"]}
        if port["ids"]:
            columns["external_ids"] = ["map", [[key, value] for key, value in port["ids"].items()]]
        wire["Logical_Switch_Port"][uuid] = {kind: columns}
    for uuid, members in switches.items():
        wire["Logical_Switch"][uuid] = {kind: {"ports": wire_set(members)} if members else {}}
    return wire


def difference(old: State, new: State) -> dict[str, Any]:
    """What a server says of the way from `old` to `new`, as `update2` words it."""
    wire: dict[str, Any] = {"Logical_Switch_Port": {}, "Logical_Switch": {}}
    whole = whole_wire(new, "insert")
    for table, before, after in (("Logical_Switch_Port", old[0], new[0]), ("Logical_Switch", old[1], new[1])):
        for uuid in before.keys() - after.keys():
            wire[table][uuid] = {"delete": None}
        for uuid in after.keys() - before.keys():
            wire[table][uuid] = whole[table][uuid]
    for uuid in old[0].keys() & new[0].keys():
        columns: dict[str, Any] = {}
        was, now = old[0][uuid], new[0][uuid]
        if was["name"] != now["name"]:
            columns["name"] = now["name"]
        pairs = [
            [key, now["ids"].get(key, was["ids"].get(key))]
            for key in was["ids"].keys() | now["ids"].keys()
            if was["ids"].get(key) != now["ids"].get(key)
        ]
        if pairs:
            columns["external_ids"] = ["map", pairs]
        if columns:
            wire["Logical_Switch_Port"][uuid] = {"modify": columns}
    for uuid in old[1].keys() & new[1].keys():
        if old[1][uuid] != new[1][uuid]:
            wire["Logical_Switch"][uuid] = {"modify": {"ports": wire_set(old[1][uuid] ^ new[1][uuid])}}
    return wire


def check(replica: Replica, state: State) -> None:
    ports, switches = state
    assert {row.uuid: (row.name, row.external_ids) for row in replica.rows(Port)} == {
        uuid: (port["name"], port["ids"]) for uuid, port in ports.items()
    }
    for name in "abc":
        found = {row.uuid for row in replica.all(PORT_BY_NAME, name)}
        assert found == {uuid for uuid, port in ports.items() if port["name"] == name}
    for uuid in SWITCHES:
        assert set(replica.children(Switch, "ports", uuid)) == switches.get(uuid, set())
    for uuid in PORTS:
        owners = set(replica.owners(Switch, "ports", uuid))
        assert owners == {switch for switch, members in switches.items() if uuid in members}


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.booleans(), min_size=1, max_size=8))
def test_updates_and_reloads_in_any_order_give_the_state(seed: int, reloads: list[bool]) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    replica = Replica(TABLES, INDEXES)
    for shape in replica.shapes:
        for column in shape.by_attribute.values():
            column.single = column.name in ("name", "up", "tag", "parent_name", "dhcpv4_options")
    told: dict[tuple[type, RowUuid], Any] = {}

    def listen(changes: list[Any]) -> None:
        for old, new in changes:
            row = new or old
            assert told.get((type(row), row.uuid)) == old
            told[type(row), row.uuid] = new

    replica.listeners.append(listen)
    state: State = ({}, {})
    for reload in reloads:
        new = random_state(chance)
        take_in(replica, whole_wire(new) if reload else difference(state, new), whole=reload)
        state = new
        check(replica, state)
    assert {row.uuid for row in told.values() if row is not None} == state[0].keys() | state[1].keys()


def test_a_row_that_stayed_the_same_stays_the_same_object() -> None:
    replica = Replica(TABLES, INDEXES)
    wire = {"Logical_Switch": {"s1": {"initial": {"name": "blue"}}}}
    take_in(replica, wire, whole=True)
    (before,) = replica.all(SWITCH_BY_NAME, "blue")
    take_in(replica, wire, whole=True)
    assert replica.find(Switch, RowUuid("s1")) is before


def test_an_update_of_a_row_that_is_not_there_is_noticed() -> None:
    replica = Replica(TABLES, INDEXES)
    replica.stage("Logical_Switch", {RowUuid("s1"): {"modify": {"name": "x"}}})
    with pytest.raises(LostStep, match="s1"):
        list(replica.apply(whole=False))
