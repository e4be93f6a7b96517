"""Subnets: a row of DHCP options each, whether OVN answers there or not."""

import json

import pytest
from hypothesis import given

from ovnest.northbound.tables import DhcpOptions
from ovnest.ovsdb import RowUuid
from ovnest.resources.network import Network
from ovnest.resources.subnet import HostRoute, Subnet
from ovnest.rows.subnet import (
    HOME,
    NETWORK,
    PORT,
    SUBNET,
    SUBNETS_OF_NETWORK,
    dhcp_options,
    is_subnet,
    read_subnet,
    serves_dhcp,
    subnet_dhcp_options,
    subnet_of,
)
from tests.in_memory import LAN, V4, V6, InMemory, a_network, a_port, a_subnet, a_v6_subnet, uuid
from tests.resources.strategies import networks, subnets
from tests.rows.placed import sent


@given(subnets(), networks())
def test_subnets(subnet: Subnet, network: Network) -> None:
    row = subnet_dhcp_options(subnet, network, "")
    sent(row)
    assert is_subnet(row)
    assert read_subnet(row) == subnet


@given(networks(), subnets())
def test_a_subnet_derived_from_its_own_row_is_the_same_row(network: Network, subnet: Subnet) -> None:
    row = subnet_dhcp_options(subnet, network, "example.org")
    assert subnet_dhcp_options(read_subnet(row), network, "example.org") == row
    assert (row.options == {}) == (
        not serves_dhcp(subnet) or (subnet.ip_version == 4 and not subnet.gateway_ip)
    )


def test_the_domain_that_is_handed_out_is_a_string_of_ovns_and_is_left_out_where_there_is_none() -> None:
    assert json.loads(dhcp_options(a_subnet(), a_network(), 'a"b')["domain_name"]) == 'a"b'
    assert "domain_name" not in dhcp_options(a_subnet(), a_network(), "")


def test_the_default_route_stands_among_the_classless_routes_or_clients_would_have_none() -> None:
    routes = (HostRoute("198.51.100.0/24", "192.0.2.9"),)
    options = dhcp_options(a_subnet(host_routes=routes), a_network(), "")
    assert options["classless_static_route"] == "{198.51.100.0/24,192.0.2.9, 0.0.0.0/0,192.0.2.1}"
    assert "classless_static_route" not in dhcp_options(a_subnet(), a_network(), "")


def test_only_a_stateless_subnet_is_served_statelessly() -> None:
    def said(mode: str | None) -> str | None:
        subnet = a_v6_subnet(ipv6_address_mode=mode)
        return dhcp_options(subnet, a_network(), "").get("dhcpv6_stateless")

    assert said("dhcpv6-stateless") == "true"
    assert said("dhcpv6-stateful") is said(None) is None
    assert dhcp_options(a_v6_subnet(ipv6_address_mode="slaac"), a_network(), "") == {}


def test_an_address_belongs_to_the_subnet_whose_cidr_has_it() -> None:
    db = InMemory()
    db.put(a_network(), a_subnet(), a_v6_subnet(), a_subnet(id=uuid(9), cidr="198.51.100.0/24"))
    tx = db.tx()
    assert subnet_of(tx, LAN, "192.0.2.255") == V4
    assert subnet_of(tx, LAN, "198.51.100.1") == uuid(9)
    assert subnet_of(tx, LAN, "2001:db8::1") == V6
    for nobodys in ("203.0.113.1", "2001:db8:1::1", "::c000:209"):
        with pytest.raises(ValueError, match="belongs to no subnet"):
            subnet_of(tx, LAN, nobodys)
    with pytest.raises(ValueError, match="belongs to no subnet"):
        subnet_of(tx, uuid(8), "192.0.2.255")


def test_the_subnets_of_a_network_come_in_the_order_in_which_they_were_made() -> None:
    db = InMemory()
    db.put(a_network())
    for number, second in ((3, 1), (1, 3), (2, 2)):
        cidr = f"198.51.{number}.0/24"
        db.tx(now=f"2026-12-01T12:00:0{second}Z").put(a_subnet(id=uuid(number), cidr=cidr))
    assert [each.id for each in db.tx().all(SUBNETS_OF_NETWORK, LAN)] == [uuid(3), uuid(2), uuid(1)]


def test_options_of_a_port_are_no_subnet_and_a_half_written_subnet_is_told_what_it_lacks() -> None:
    key = RowUuid(V4)
    whole = {SUBNET: V4, NETWORK: LAN}
    assert is_subnet(DhcpOptions(uuid=key, external_ids=whole))
    ports = DhcpOptions(uuid=key, external_ids={**whole, PORT: "p"})
    assert not is_subnet(ports)
    assert HOME.claims(ports) is None
    half = DhcpOptions(uuid=key, external_ids={SUBNET: "another"})
    assert not is_subnet(half)
    assert SUBNET in (HOME.claims(half) or "")
    assert HOME.claims(DhcpOptions(uuid=key, external_ids={"theirs": "x"})) is None


def test_a_networks_mtu_is_handed_out_as_it_is_now() -> None:
    db = InMemory()
    db.put(a_network(), a_subnet(), a_port(1))
    assert db.row(DhcpOptions, V4).options["mtu"] == "1442"
    db.put(a_network(mtu=1400))
    assert db.row(DhcpOptions, V4).options["mtu"] == "1400"
    assert db.get(Subnet, V4).revision_number == 1, "what is only derived again is no change of the subnet"
