"""Facts to columns: what does not depend on a database."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ovnest.ovsdb import Row
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.rows import HOMES
from ovnest.rows.network import localnet_port, logical_switch
from ovnest.rows.port.columns import PortContext, PortRows, logical_switch_port
from ovnest.rows.port.dhcp_options import port_dhcp_options
from ovnest.rows.subnet import read_subnet, serves_dhcp, subnet_dhcp_options
from tests.resources.strategies import networks, placed_ports, subnets

Placed = tuple[Network, tuple[Subnet, ...], Port]


def rows_of(placed: Placed, **context: Any) -> PortRows:
    network, on, port = placed
    return logical_switch_port(
        port, PortContext(network=network, subnets={subnet.id: subnet for subnet in on}, **context)
    )


@given(placed_ports())
def test_the_same_facts_make_the_same_row_in_whatever_order_they_come(placed: Placed) -> None:
    network, on, port = placed
    rows = rows_of(placed)
    assert rows_of(placed) == rows
    turned = replace(port, allowed_address_pairs=port.allowed_address_pairs[::-1])
    assert set(rows_of((network, on, turned)).port.addresses) == set(rows.port.addresses)
    for column in ("addresses", "port_security"):
        value = getattr(rows.port, column)
        assert value == tuple(sorted(set(value))), "sets of the database, in its order"


@given(placed_ports())
def test_port_security_is_empty_just_where_it_is_off(placed: Placed) -> None:
    # Its being empty is the home of port_security_enabled.
    assert bool(rows_of(placed).port.port_security) == placed[2].port_security_enabled


@given(placed_ports())
def test_a_container_port_has_parent_tag_and_request_together_and_no_chassis(placed: Placed) -> None:
    row = rows_of(placed).port
    assert (row.parent_name is None) == (row.tag is None) == (row.tag_request is None)
    assert row.tag == row.tag_request
    assert row.up is False
    if row.parent_name is not None:
        assert "requested-chassis" not in row.options
        assert row.type in ("", "router")


@given(placed_ports(), st.booleans())
def test_a_port_in_use_does_not_turn_virtual(placed: Placed, is_parent: bool) -> None:
    rows = rows_of(placed, virtual_address="192.0.2.1", virtual_parents=("a",), is_parent=is_parent)
    port = placed[2]
    in_use = bool(port.host_id or port.device_id or is_parent or port.parent_name)
    assert rows.port.type != "virtual" or not in_use
    assert ("virtual-parents" in rows.port.options) == (rows.port.type == "virtual")


@given(placed_ports())
def test_dhcp_refers_to_a_row_that_answers(placed: Placed) -> None:
    _, on, port = placed
    rows = rows_of(placed)
    serving = {subnet.id for subnet in on if serves_dhcp(subnet)}
    own = {row.uuid for row in rows.dhcp_options}
    for reference in (rows.port.dhcpv4_options, rows.port.dhcpv6_options):
        assert reference is None or reference in serving | own
    assert own <= {rows.port.dhcpv4_options, rows.port.dhcpv6_options}
    if port.is_trusted:
        assert (rows.port.dhcpv4_options, rows.port.dhcpv6_options) == (None, None)


@given(networks(), subnets())
def test_a_subnet_derived_from_its_own_row_is_the_same_row(network: Network, subnet: Subnet) -> None:
    row = subnet_dhcp_options(subnet, network, "example.org")
    assert subnet_dhcp_options(read_subnet(row), network, "example.org") == row
    assert (row.options == {}) == (
        not serves_dhcp(subnet) or (subnet.ip_version == 4 and not subnet.gateway_ip)
    )


def owned(kind: type, row: Row) -> dict[str, frozenset[str] | None]:
    return dict(HOMES.owned(kind)[type(row)])


def assert_ours(kind: type, row: Row) -> None:
    """Every key of a map that a home wants is one that a write owns."""
    for column, keys in owned(kind, row).items():
        value = getattr(row, column)
        if isinstance(value, dict) and keys is not None:
            assert set(value) <= keys, column


@given(networks())
def test_the_keys_of_a_switch_and_a_localnet_port_are_ours(network: Network) -> None:
    assert_ours(Network, logical_switch(network))
    localnet = localnet_port(network)
    if localnet is not None:
        assert_ours(Network, localnet)


@given(placed_ports(), st.booleans())
def test_the_keys_of_a_port_are_ours(placed: Placed, virtual: bool) -> None:
    parents = ("a",) if virtual else ()
    rows = rows_of(placed, virtual_address="192.0.2.1", virtual_parents=parents)
    for row in (rows.port, *rows.dhcp_options):
        assert_ours(Port, row)


@given(placed_ports())
def test_a_port_has_options_of_its_own_only_where_it_says_something_and_dhcp_serves(placed: Placed) -> None:
    network, on, port = placed
    for subnet in on:
        row = port_dhcp_options(replace(port, extra_dhcp_opts=()), subnet, network, "")
        assert row is None
        if not serves_dhcp(subnet):
            assert port_dhcp_options(port, subnet, network, "") is None


def test_dependents_go_round_in_no_circle() -> None:
    # Of one kind among themselves they may: each resource is derived again once.
    edges = {cause: {kind for kind in kinds if kind is not cause} for cause, kinds in HOMES.causes.items()}

    def reached(kind: type, way: tuple[type, ...]) -> None:
        assert kind not in way, " -> ".join(each.__name__ for each in (*way, kind))
        for dependent in edges.get(kind, ()):
            reached(dependent, (*way, kind))

    for cause in edges:
        reached(cause, ())
    assert edges
