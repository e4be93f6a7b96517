"""What can be wrong with ports beside their columns."""

import pytest

from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.port import FixedIp
from ovnest.rows.finding import (
    DUPLICATE_ADDRESS,
    DUPLICATE_MAC,
    DUPLICATE_TAG,
    NO_PARENT,
    TAG_WITHOUT_REQUEST,
)
from ovnest.rows.port.check import duplicates, parents
from tests.in_memory import V4, InMemory, a_network, a_port, a_subnet, uuid


@pytest.fixture
def db() -> InMemory:
    filled = InMemory()
    filled.put(a_network(), a_subnet(), a_port(1))
    return filled


def theirs(db: InMemory, name: str, **columns: object) -> None:
    """A row that somebody else has made."""
    key = RowUuid(uuid(100 + len(db.stage.operations)))
    db.transaction.insert(LogicalSwitchPort(uuid=key, name=name, **columns))  # type: ignore[arg-type]  # the test says which


def test_what_two_ports_have_is_said_once_and_names_both(db: InMemory) -> None:
    fixed = (FixedIp(V4, "192.0.2.10"),)
    db.put(a_port(2, fixed_ips=fixed, parent_name=uuid(1), tag=7))
    assert list(duplicates(db.tx())) == []
    db.put(a_port(3, fixed_ips=fixed, parent_name=uuid(1), tag=7, mac_address="fa:16:3e:00:00:02"))
    found = list(duplicates(db.tx()))
    assert sorted(each.kind for each in found) == [DUPLICATE_ADDRESS, DUPLICATE_MAC, DUPLICATE_TAG]
    assert all(each.there == [uuid(2), uuid(3)] and each.row == uuid(2) for each in found)


def test_the_same_address_and_mac_on_two_networks_are_nobodys_fault(db: InMemory) -> None:
    db.put(a_network(id=uuid(50)), a_subnet(id=uuid(51), network_id=uuid(50)))
    db.put(a_port(2, fixed_ips=(FixedIp(V4, "192.0.2.10"),)))
    fixed = (FixedIp(uuid(51), "192.0.2.10"),)
    db.put(a_port(3, network_id=uuid(50), fixed_ips=fixed, mac_address="fa:16:3e:00:00:02"))
    assert list(duplicates(db.tx())) == []


def test_a_tag_that_another_has_as_a_request_is_taken_twice_and_no_tag_is_not(db: InMemory) -> None:
    theirs(db, "a", parent_name=uuid(1), tag_request=7)
    theirs(db, "b", parent_name=uuid(1), tag=7)
    theirs(db, "c", parent_name=uuid(1), tag_request=0)
    theirs(db, "d", parent_name=uuid(1), tag_request=0)
    assert [(each.kind, each.there) for each in duplicates(db.tx())] == [(DUPLICATE_TAG, ["a", "b"])]


def test_container_ports_under_what_ovn_binds_none_under_are_named_with_the_reason(db: InMemory) -> None:
    db.put(a_port(2, parent_name=uuid(1), tag=7))
    assert list(parents(db.tx())) == []
    theirs(db, "router", type="router")
    for name, parent in (("a", "nobody"), ("b", uuid(2)), ("c", "router")):
        theirs(db, name, parent_name=parent, tag_request=1)
    found = {each.name: each for each in parents(db.tx())}
    assert {each.kind for each in found.values()} == {NO_PARENT}
    assert {name: each.text for name, each in found.items()} == {
        "a": "there is no port of that name",
        "b": "it is itself a container port",
        "c": "it is a router port",
    }


def test_a_virtual_port_may_be_a_parent(db: InMemory) -> None:
    theirs(db, "vip", type="virtual")
    theirs(db, "a", parent_name="vip", tag_request=1)
    assert list(parents(db.tx())) == []


def test_a_tag_that_northd_may_take_away_is_found_on_rows_of_others_only(db: InMemory) -> None:
    db.put(a_port(2, parent_name=uuid(1), tag=7))
    db.transaction.update(db.row(LogicalSwitchPort, uuid(2)), tag_request=None)
    theirs(db, "a", parent_name=uuid(1), tag=8)
    theirs(db, "b", parent_name=uuid(1), tag=9, tag_request=9)
    theirs(db, "c", tag=10)
    assert [(each.kind, each.name, each.there) for each in parents(db.tx())] == [
        (TAG_WITHOUT_REQUEST, "a", 8)
    ]
