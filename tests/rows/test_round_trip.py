"""Facts are written and read again: the same facts, for whatever can be in them."""

from contextlib import suppress
from ipaddress import ip_address, ip_network

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ovnest.northbound.tables import (
    REQUESTED_CHASSIS,
    DhcpOptions,
    Document,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnest.ovsdb import Row, RowUuid
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.resources.vlan_tags import VlanTags
from ovnest.rows.docs import keys
from ovnest.rows.document import is_empty, read_document, to_document
from ovnest.rows.network import is_network, localnet_port, logical_switch, read_network
from ovnest.rows.port.columns import PortContext, logical_switch_port
from ovnest.rows.port.dhcp_options import port_dhcp_options
from ovnest.rows.port.keys import DETAILS, PortDetails, is_port
from ovnest.rows.port.reading import read_port
from ovnest.rows.subnet import is_subnet, read_subnet, subnet_dhcp_options
from ovnest.rows.vlan_tags import KIND as VLAN_TAGS
from tests.resources.strategies import networks, placed_ports, subnets, texts, uuids


def sent(row: Row) -> None:
    """Fail on a value that OVSDB would not take: a NUL, an empty key, something that is no string."""
    for name in row.__struct_fields__:
        value = getattr(row, name)
        texts_in = (
            [*value, *value.values()]
            if isinstance(value, dict)
            else value
            if isinstance(value, tuple)
            else ()
        )
        for text in texts_in:
            assert isinstance(text, str), f"{name}: {text!r}"
            assert "\0" not in text


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


@given(subnets(), networks())
def test_subnets(subnet: Subnet, network: Network) -> None:
    row = subnet_dhcp_options(subnet, network, "")
    sent(row)
    assert is_subnet(row)
    assert read_subnet(row) == subnet


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


@given(
    st.builds(
        VlanTags,
        id=uuids,
        last=st.integers(0, 4094),
        freed=st.dictionaries(st.integers(1, 4094), st.integers(0, 2**40), max_size=20),
    )
)
def test_vlan_tags(memory: VlanTags) -> None:
    row = to_document(VLAN_TAGS, memory.id, memory)
    sent(row)
    assert read_document(VLAN_TAGS, row) == memory
    assert set(row.external_ids) <= {"ovnest:kind", "last", *(f"freed.{tag}" for tag in memory.freed)}


NAMES = [key.name for found in keys().values() for key in found]
ANY_KEYS = st.dictionaries(texts | st.sampled_from(NAMES), texts)


@given(ANY_KEYS, texts)
def test_rows_of_any_content_are_read_or_not_understood(ids: dict[str, str], text: str) -> None:
    # What a hand has written makes a ValueError or a KeyError, which leaves the row out, and nothing else.
    key = RowUuid(text)
    switch = LogicalSwitch(uuid=key, name=text, external_ids=ids)
    port = LogicalSwitchPort(uuid=key, name=text, external_ids=ids)
    document = Document(uuid=key, name=text, external_ids=ids)
    for read in (
        lambda: read_network(switch),
        lambda: read_subnet(DhcpOptions(uuid=key, cidr=text, external_ids=ids)),
        lambda: read_port(port, None, lambda network_id, address: "subnet"),
        lambda: read_document(DETAILS, document),
        lambda: read_document(VLAN_TAGS, document),
    ):
        with suppress(ValueError, KeyError):
            read()


@given(placed_ports())
def test_a_ports_own_options_differ_from_the_subnets_only_where_it_says_so(
    placed: tuple[Network, tuple[Subnet, ...], Port],
) -> None:
    network, on, port = placed
    for subnet in on:
        row = port_dhcp_options(port, subnet, network, "example.org")
        base = subnet_dhcp_options(subnet, network, "example.org")
        if row is None or not base.options:
            continue
        named = {
            option.opt_value for option in port.extra_dhcp_opts if option.ip_version == subnet.ip_version
        }
        changed = {value for key, value in row.options.items() if base.options.get(key) != value}
        assert changed <= named | {msgspec.json.encode(value).decode() for value in named}
