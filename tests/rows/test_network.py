"""Networks: a switch, and a localnet port where there is a physical network."""

from hypothesis import given

from ovnest.northbound.tables import LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.network import Network
from ovnest.rows.home import NOTHING
from ovnest.rows.network import (
    HOME,
    NAME,
    NETWORK_BY_SEGMENT,
    is_network,
    localnet_port,
    logical_switch,
    read_network,
)
from ovnest.rows.port.keys import is_port
from tests.in_memory import LAN, InMemory, a_network, uuid
from tests.resources.strategies import networks
from tests.rows.placed import sent


@given(networks())
def test_networks(network: Network) -> None:
    row = logical_switch(network)
    sent(row)
    assert is_network(row)
    assert read_network(row) == network
    localnet = localnet_port(network)
    assert (localnet is not None) == (network.network_type != "geneve")
    if localnet is not None:
        assert not is_port(localnet)
        assert localnet.tag == localnet.tag_request == network.segmentation_id


VLAN = {"network_type": "vlan", "physical_network": "physnet1", "segmentation_id": 42, "segment_id": uuid(42)}


def test_the_localnet_port_is_there_as_long_as_the_network_has_a_segment() -> None:
    db = InMemory()
    db.put(a_network(**VLAN))
    assert HOME.current(LAN, db.tx()) == HOME.desired(db.get(Network, LAN), db.tx())
    assert list(db.transaction.children(LogicalSwitch, "ports", RowUuid(LAN))) == [uuid(42)]
    assert HOME.owner(db.row(LogicalSwitchPort, uuid(42)), db.tx()) == LAN
    db.put(a_network())
    assert db.transaction.find(LogicalSwitchPort, RowUuid(uuid(42))) is None
    assert list(db.transaction.children(LogicalSwitch, "ports", RowUuid(LAN))) == []
    db.tx().drop(db.get(Network, LAN))
    assert HOME.current(LAN, db.tx()) == NOTHING


def test_a_network_is_found_by_its_segment_and_not_by_another() -> None:
    db = InMemory()
    db.put(a_network(**VLAN), a_network(id=uuid(2)))

    def found(*key: str) -> list[str]:
        return [each.id for each in db.tx().all(NETWORK_BY_SEGMENT, key)]

    assert found("vlan", "physnet1", "42") == [LAN]
    assert found("vlan", "physnet1", "43") == found("vlan", "physnet2", "42") == []
    assert found("geneve", "", "") == [uuid(2)]


def test_a_switch_that_looks_like_a_network_and_is_none_is_told_what_it_lacks() -> None:
    ids = {NAME: "theirs"}
    renamed = LogicalSwitch(uuid=RowUuid(LAN), name="theirs", external_ids=ids)
    unmarked = LogicalSwitch(uuid=RowUuid(LAN), name=f"neutron-{LAN}")
    others = LogicalSwitch(uuid=RowUuid(LAN), name="theirs")
    assert not any(map(is_network, (renamed, unmarked, others)))
    assert f"neutron-{LAN}" in (HOME.claims(renamed) or "")
    assert NAME in (HOME.claims(unmarked) or "")
    assert HOME.claims(others) is None
