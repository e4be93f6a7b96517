"""A port is read from its rows as it was written, for whatever can be in it."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.northbound.tables import REQUESTED_CHASSIS, LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.rows.document import is_empty, read_document, to_document
from ovnest.rows.port.columns import PortContext, logical_switch_port
from ovnest.rows.port.keys import CIDRS, DETAILS, MAC, NAME, SWITCH, PortDetails, is_port
from ovnest.rows.port.reading import read_port
from ovnest.rows.subnet import is_subnet
from tests.resources.strategies import placed_ports
from tests.rows.placed import sent


@given(placed_ports(), st.booleans())
def test_ports(placed: tuple[Network, tuple[Subnet, ...], Port], is_parent: bool) -> None:
    network, on, port = placed
    context = PortContext(network=network, subnets={subnet.id: subnet for subnet in on}, is_parent=is_parent)
    rows = logical_switch_port(port, context)
    sent(rows.port)
    assert is_port(rows.port)
    for own in rows.dhcp_options:
        sent(own)
        assert not is_subnet(own)
    in_row = REQUESTED_CHASSIS in rows.port.options
    details = PortDetails(
        id=port.id,
        description=port.description,
        tags=port.tags,
        profile=port.profile,
        host_id="" if in_row else port.host_id,
        allowed_address_pairs=port.allowed_address_pairs,
        extra_dhcp_opts=port.extra_dhcp_opts,
    )
    stored = None if is_empty(details) else read_document(DETAILS, to_document(DETAILS, port.id, details))

    def subnet_of(network_id: str, address: str) -> str:
        assert network_id == network.id
        return next(subnet.id for subnet in on if ip_address(address) in ip_network(subnet.cidr))

    assert read_port(rows.port, stored, subnet_of) == port


def row(**columns: object) -> LogicalSwitchPort:
    ids = {NAME: "", SWITCH: "neutron-lan", MAC: "fa:16:3e:00:00:01", CIDRS: "192.0.2.9/24"}
    return LogicalSwitchPort(**{"uuid": RowUuid("p"), "name": "p", "external_ids": ids} | columns)  # type: ignore[arg-type]  # all


def read(found: LogicalSwitchPort) -> Port:
    return read_port(found, None, lambda network_id, address: "subnet")


@pytest.mark.parametrize("missing", [NAME, SWITCH, MAC])
def test_a_row_without_a_key_that_must_be_there_is_not_understood(missing: str) -> None:
    ids = {key: value for key, value in row().external_ids.items() if key != missing}
    with pytest.raises(ValueError, match="which network"):
        read(row(external_ids=ids))


@pytest.mark.parametrize(
    ("wanted", "given", "tag"), [(5, None, 5), (None, 6, 6), (5, 6, 5), (0, 7, 7), (None, None, None)]
)
def test_of_a_tag_and_a_request_the_request_counts_first(
    wanted: int | None, given: int | None, tag: int | None
) -> None:
    assert read(row(parent_name="vm", tag_request=wanted, tag=given)).tag == tag
    assert read(row(tag_request=wanted, tag=given)).tag is None, "without a parent it is no container's"


def test_a_port_is_enabled_unless_it_is_said_not_to_be_and_up_only_where_ovn_says_so() -> None:
    assert [read(row(enabled=each)).admin_state_up for each in (None, True, False)] == [True, True, False]
    assert [read(row(up=each)).up for each in (None, True, False)] == [False, True, False]
