"""The columns of a port's row: what follows from its facts and what it stands on."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ovnest.rows.subnet import serves_dhcp
from tests.resources.strategies import placed_ports
from tests.rows.placed import Placed, rows_of


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
