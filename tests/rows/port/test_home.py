"""The home of ports: which rows are a port's, and when they are derived again."""

import pytest
from msgspec.structs import replace

from ovnest.northbound.names import document_uuid, port_dhcp_uuid
from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.network import Network
from ovnest.resources.port import AddressPair, DhcpOption, FixedIp, Port
from ovnest.resources.subnet import Subnet
from ovnest.rows.port.home import HOME
from ovnest.rows.port.keys import NAME
from tests.in_memory import LAN, V4, InMemory, a_network, a_port, a_subnet, uuid

VIP = FixedIp(V4, "192.0.2.10")
ROUTER = DhcpOption(opt_name="router", opt_value="192.0.2.9")


@pytest.fixture
def db() -> InMemory:
    filled = InMemory()
    filled.put(a_network(), a_subnet())
    return filled


def holder(number: int, **facts: object) -> Port:
    """A port that may use 192.0.2.10 beside its own address."""
    pair = AddressPair(ip_address="192.0.2.10", mac_address=f"fa:16:3e:00:00:{number:02x}")
    return a_port(number, allowed_address_pairs=(pair,), **facts)


def kind(db: InMemory, number: int) -> str:
    return db.row(LogicalSwitchPort, uuid(number)).type


def test_what_a_port_has_beside_its_row_comes_and_goes_with_it(db: InMemory) -> None:
    db.put(a_port(1, description="d", fixed_ips=(VIP,), extra_dhcp_opts=(ROUTER,)))
    document, own = RowUuid(document_uuid("port", uuid(1))), port_dhcp_uuid(uuid(1), 4)
    assert db.row(Document, document).external_ids["description"] == "d"
    assert db.row(DhcpOptions, own).options["router"] == "192.0.2.9"
    assert list(db.transaction.children(LogicalSwitch, "ports", RowUuid(LAN))) == [uuid(1)]
    db.put(a_port(1, fixed_ips=(VIP,)))
    assert db.transaction.find(Document, document) is None
    assert db.transaction.find(DhcpOptions, own) is None
    db.tx().drop(db.get(Port, uuid(1)))
    assert db.transaction.find(LogicalSwitchPort, RowUuid(uuid(1))) is None
    assert list(db.transaction.children(LogicalSwitch, "ports", RowUuid(LAN))) == []


@pytest.mark.parametrize("facts", [{"host_id": "hv1"}, {"host_id": "hv1", "parent_name": uuid(9), "tag": 5}])
def test_a_host_is_read_again_wherever_it_stands(db: InMemory, facts: dict[str, object]) -> None:
    db.put(a_port(9), a_port(1, **facts))
    assert db.get(Port, uuid(1)).host_id == "hv1"
    asked = "requested-chassis" in db.row(LogicalSwitchPort, uuid(1)).options
    assert asked == ("parent_name" not in facts)


def test_a_port_turns_virtual_with_whoever_may_use_its_address_and_back_with_the_last(db: InMemory) -> None:
    db.put(a_port(1, fixed_ips=(VIP,)), holder(2), holder(3))
    row = db.row(LogicalSwitchPort, uuid(1))
    assert (row.type, row.options["virtual-parents"]) == ("virtual", f"{uuid(2)},{uuid(3)}")
    db.put(a_port(2))
    assert db.row(LogicalSwitchPort, uuid(1)).options["virtual-parents"] == uuid(3)
    db.tx().drop(db.get(Port, uuid(3)))
    assert kind(db, 1) == ""
    assert db.get(Port, uuid(1)).revision_number == 1, "its own facts are as they were"


def test_a_port_is_no_virtual_one_by_its_own_pair(db: InMemory) -> None:
    db.put(holder(1, fixed_ips=(VIP,)))
    assert kind(db, 1) == ""


def test_a_contested_port_is_bound_again_while_it_is_a_parent(db: InMemory) -> None:
    db.put(a_port(1, fixed_ips=(VIP,)), holder(2))
    assert kind(db, 1) == "virtual"
    db.put(a_port(3, parent_name=uuid(1), tag=5))
    assert kind(db, 1) == ""
    db.put(replace(db.get(Port, uuid(3)), parent_name=None, tag=None))
    assert kind(db, 1) == "virtual"


def test_a_change_of_dhcp_reaches_the_ports_of_that_subnet(db: InMemory) -> None:
    db.put(
        a_port(1, fixed_ips=(VIP,)),
        a_port(2, fixed_ips=(FixedIp(V4, "192.0.2.11"),), extra_dhcp_opts=(ROUTER,)),
    )
    db.put(replace(db.get(Subnet, V4), dns_nameservers=("192.0.2.53",)))
    assert db.row(DhcpOptions, port_dhcp_uuid(uuid(2), 4)).options["dns_server"] == "{192.0.2.53}"
    db.put(replace(db.get(Subnet, V4), enable_dhcp=False))
    for number in (1, 2):
        assert db.row(LogicalSwitchPort, uuid(number)).dhcpv4_options is None
    assert db.transaction.find(DhcpOptions, port_dhcp_uuid(uuid(2), 4)) is None


def test_a_networks_mtu_reaches_a_ports_own_options_and_localports(db: InMemory) -> None:
    local = {"device_owner": "network:distributed", "device_id": f"ovnmeta-{LAN}"}
    db.put(a_port(1, fixed_ips=(VIP,), extra_dhcp_opts=(ROUTER,)), a_port(2, **local))
    db.put(replace(db.get(Network, LAN), mtu=1300))
    assert db.row(DhcpOptions, port_dhcp_uuid(uuid(1), 4)).options["mtu"] == "1300"
    assert db.row(LogicalSwitchPort, uuid(2)).external_ids["neutron:mtu"] == "1300"


def test_rows_of_a_port_that_is_gone_hang_on_nothing(db: InMemory) -> None:
    db.put(a_port(1, description="d", fixed_ips=(VIP,), extra_dhcp_opts=(ROUTER,)))
    rows = HOME.current(uuid(1), db.tx()).rows
    db.tx().drop(db.get(Port, uuid(1)))
    said = {type(row): HOME.leftover(row, db.tx()) for row in rows}
    assert said == {
        LogicalSwitchPort: None,
        Document: f"the port {uuid(1)} is gone",
        DhcpOptions: f"options of port {uuid(1)}, which is gone",
    }


def test_a_row_that_has_our_keys_and_is_no_port_is_told_what_a_port_is() -> None:
    key = RowUuid(uuid(1))
    assert NAME in (HOME.claims(LogicalSwitchPort(uuid=key, external_ids={NAME: "x"})) or "")
    assert HOME.claims(LogicalSwitchPort(uuid=key, external_ids={"ovnest:x": "x"})) is not None
    assert HOME.claims(LogicalSwitchPort(uuid=key, external_ids={"theirs": "x"})) is None
