"""The replica against a plain model, and values on the wire. Pure: no server."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovnest.ovsdb import Replica, RowUuid
from ovnest.ovsdb.replica import LostStep
from tests.ovsdb.tables import (
    INDEXES,
    PORT_BY_NAME,
    PORT_BY_TAG,
    SWITCH_BY_NAME,
    TABLES,
    Port,
    Switch,
)

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


def rows_of_ports() -> st.SearchStrategy[Port]:
    texts = st.text('ab"\u00e9', max_size=3)
    return st.builds(
        Port,
        uuid=st.sampled_from(PORTS),
        name=texts,
        # Sets come sorted; that one staged otherwise is no other row than it seems is what is looked for.
        addresses=st.lists(texts, max_size=3, unique=True).map(tuple),
        parent_name=st.none() | texts,
        tag=st.none() | st.integers(0, 9),
        up=st.none() | st.booleans(),
        dhcpv4_options=st.none() | st.sampled_from(PORTS),
        external_ids=st.dictionaries(texts, texts, max_size=3),
    )


def told_of(port: Port) -> bytes:
    """How a server tells of a new row: defaults are left out, sets and maps are in order."""
    columns: dict[str, Any] = {
        "external_ids": ["map", sorted(map(list, port.external_ids.items()))] if port.external_ids else None,
        "tag": port.tag,
        "up": port.up,
        "parent_name": port.parent_name,
        "name": port.name or None,
        "dhcpv4_options": ["uuid", port.dhcpv4_options] if port.dhcpv4_options else None,
    }
    if port.addresses:
        several = len(port.addresses) > 1
        columns["addresses"] = ["set", sorted(port.addresses)] if several else port.addresses[0]
    told = {name: value for name, value in columns.items() if value is not None}
    return msgspec.json.encode({"insert": told})


@given(st.lists(st.tuples(rows_of_ports(), rows_of_ports(), st.booleans()), max_size=6))
def test_a_row_is_what_the_server_tells_whatever_was_foretold(steps: list[tuple[Port, Port, bool]]) -> None:
    """`same`: what was foretold is told, in the order of columns that the server showed before."""
    foretelling, plain = Replica(TABLES, INDEXES), Replica(TABLES, INDEXES)
    for staged, other, same in steps:
        for _ in foretelling.foretell([staged]):
            pass
        told = msgspec.Raw(told_of(staged if same else other))
        foretelling.stage_told("Logical_Switch_Port", {staged.uuid: told})
        plain.stage("Logical_Switch_Port", {staged.uuid: msgspec.json.decode(told)})
        for replica in (foretelling, plain):
            for _ in replica.apply(whole=False):
                pass
        row = foretelling.find(Port, staged.uuid)
        assert row == plain.find(Port, staged.uuid)
        for seen in (staged, other):
            assert foretelling.all(PORT_BY_NAME, seen.name) == plain.all(PORT_BY_NAME, seen.name)
            family = (seen.parent_name, seen.tag)
            assert foretelling.all(PORT_BY_TAG, family) == plain.all(PORT_BY_TAG, family)


def test_a_row_with_a_column_that_the_server_lacks_is_not_foretold() -> None:
    replica = Replica(TABLES, INDEXES)
    shape = next(shape for shape in replica.shapes if shape.row_type is Port)
    shape.use(column for column in shape.by_attribute.values() if column.name != "tag")
    for _ in replica.foretell([Port(uuid=PORTS[0], name="a", tag=1)]):
        pass
    replica.stage_told("Logical_Switch_Port", {PORTS[0]: msgspec.Raw(b'{"insert":{"name":"a"}}')})
    for _ in replica.apply(whole=False):
        pass
    assert replica.find(Port, PORTS[0]) == Port(uuid=PORTS[0], name="a")


def test_what_was_foretold_and_not_told_is_forgotten_with_the_connection() -> None:
    """Another server may lack a column; and of another transaction the same UUID may tell another row."""
    replica = Replica(TABLES, INDEXES)
    port = Port(uuid=PORTS[0], name="a")
    for _ in replica.foretell([port]):
        pass
    replica.forget_foretold()
    replica.stage_told("Logical_Switch_Port", {PORTS[0]: msgspec.Raw(b'{"insert":{"name":"a"}}')})
    for _ in replica.apply(whole=False):
        pass
    assert replica.find(Port, PORTS[0]) == port
    assert replica.find(Port, PORTS[0]) is not port
