"""Ports are found by what their rows say, the API's and those of others."""

from collections.abc import Hashable
from typing import Any

import pytest

from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.port import AddressPair, FixedIp
from ovnest.rows.home import Lookup
from ovnest.rows.port import lookups
from ovnest.rows.port.lookups import PortOwner
from tests.in_memory import LAN, V4, InMemory, a_network, a_port, a_subnet, uuid

VM, WEB, SPARE = uuid(1), uuid(2), uuid(3)


@pytest.fixture
def db() -> InMemory:
    """A VM's port on a host, a container port under it, a port that may use another address."""
    filled = InMemory()
    pair = AddressPair(ip_address="192.0.2.50/32", mac_address="fa:16:3e:00:00:03")
    filled.put(
        a_network(),
        a_subnet(),
        a_port(1, host_id="hv1", device_id="vm", device_owner="compute:nova"),
        a_port(2, parent_name=VM, tag=42, host_id="stale", idempotency_key="k digest agent"),
        a_port(
            3,
            project_id="blue",
            fixed_ips=(FixedIp(V4, "192.0.2.10"),),
            allowed_address_pairs=(pair,),
            idempotency_key="k digest",
        ),
    )
    return filled


@pytest.mark.parametrize(
    ("lookup", "key", "ids"),
    [
        (lookups.PORTS_OF_NETWORK, LAN, {VM, WEB, SPARE}),
        (lookups.PORTS_OF_NETWORK, uuid(9), set()),
        (lookups.PORT_BY_MAC, (LAN, "fa:16:3e:00:00:02"), {WEB}),
        (lookups.PORT_BY_MAC, (uuid(9), "fa:16:3e:00:00:02"), set()),
        (lookups.PORT_BY_ADDRESS, (LAN, "192.0.2.10"), {SPARE}),
        (lookups.PORT_BY_ADDRESS, (LAN, "192.0.2.50"), set()),
        (lookups.CHILDREN_OF, VM, {WEB}),
        (lookups.CHILD_BY_TAG, (VM, 42), {WEB}),
        (lookups.CHILD_BY_TAG, (VM, 43), set()),
        (lookups.PORTS_OF_DEVICE, "vm", {VM}),
        (lookups.PORTS_OF_DEVICE, "", set()),
        (lookups.PORTS_OF_PROJECT, "red", {VM, WEB}),
        (lookups.PORTS_OF_HOST, "hv1", {VM}),
        (lookups.PORTS_OF_HOST, "stale", set()),
        (lookups.PORT_BY_IDEMPOTENCY_KEY, ("blue", "", "k"), {SPARE}),
        (lookups.PORT_BY_IDEMPOTENCY_KEY, ("red", VM, "k"), {WEB}),
        (lookups.PORT_BY_IDEMPOTENCY_KEY, ("red", "", "k"), set()),
    ],
)
def test_ports_are_found_by_what_their_rows_say(
    db: InMemory, lookup: Lookup[Any], key: Hashable, ids: set[str]
) -> None:
    assert {each.id for each in db.tx().all(lookup, key)} == ids
    assert db.tx().any(lookup, key) == bool(ids)


def test_who_may_use_an_address_beside_his_own_is_found_by_it(db: InMemory) -> None:
    def holders(address: str) -> list[str]:
        return db.tx().all(lookups.NAMES_ALLOWED_ADDRESS, (LAN, address))

    assert holders("192.0.2.50") == [SPARE]
    assert holders("192.0.2.10") == [], "one's own is no allowed pair"


def test_a_tag_of_somebody_elses_row_counts_by_its_request_and_by_what_it_has(db: InMemory) -> None:
    theirs = LogicalSwitchPort(uuid=RowUuid(uuid(9)), name="theirs", parent_name=VM, tag_request=5, tag=6)
    db.transaction.insert(theirs)
    for tag in (5, 6):
        assert db.tx().all(lookups.NAMES_BY_TAG, (VM, tag)) == ["theirs"]
        assert db.tx().all(lookups.CHILD_BY_TAG, (VM, tag)) == [], "it is no port of the API"
    nought = LogicalSwitchPort(uuid=RowUuid(uuid(8)), name="nought", parent_name=VM, tag_request=0)
    db.transaction.insert(nought)
    assert db.tx().all(lookups.NAMES_BY_TAG, (VM, 0)) == [], "0 asks for any"


def test_a_glance_says_whose_a_port_is_as_the_port_itself_does(db: InMemory) -> None:
    for port_id in (VM, SPARE):
        port, owner = db.tx().all(lookups.PORTS_OF_NETWORK, LAN), db.get(PortOwner, port_id)
        (whole,) = (each for each in port if each.id == port_id)
        seen = (owner.id, owner.network_id, owner.project_id, owner.device_id, owner.device_owner)
        assert seen == (whole.id, LAN, whole.project_id, whole.device_id, whole.device_owner)
        assert (owner.parent_name, owner.host) == (whole.parent_name, whole.host_id)
    assert db.get(PortOwner, WEB).host == "", "a container is asked of no chassis"
    assert [each.id for each in db.tx().all(lookups.OWNERS_OF_CHILDREN, VM)] == [WEB]
    assert [each.id for each in db.tx().all(lookups.OWNERS_ON_HOST, "hv1")] == [VM]
