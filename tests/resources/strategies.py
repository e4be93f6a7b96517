"""Facts of any kind: what a database may hold, for the tests of several rooms."""

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from hypothesis import strategies as st

from ovnest.allocation.pools import slaac_address
from ovnest.allocation.ranges import address_text
from ovnest.resources.address_group import AddressGroup, in_order
from ovnest.resources.network import Network
from ovnest.resources.port import AddressPair, DhcpOption, FixedIp, Port
from ovnest.resources.subnet import AllocationPool, HostRoute, Subnet

OWNERS = ("", "compute:nova", "network:dhcp", "network:router_interface", "neutron:x")
OPTIONS = ("mtu", "router", "bootfile-name", "66", "dns-server", "nonsense", "dhcp_disabled")
TIME = "2026-11-24T12:00:00Z"

texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30)
# What stands in lists that are separated by spaces or commas.
words = st.text("abcdefghij-._:0123456789", min_size=1, max_size=12)
uuids = st.uuids().map(str)
macs = st.integers(0, (1 << 46) - 1).map(lambda n: (n << 2 & 0xFEFFFFFFFFFF).to_bytes(6, "big").hex(":"))
v4 = st.integers(1, (1 << 32) - 2).map(lambda n: str(IPv4Address(n)))
v6 = st.integers(1, (1 << 128) - 2).map(lambda n: str(IPv6Address(n)))
tags = st.lists(texts.filter(bool), max_size=3, unique=True).map(tuple)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def _standard() -> dict[str, st.SearchStrategy[Any]]:
    return {
        "id": uuids,
        "project_id": texts,
        "name": texts,
        "description": texts,
        "tags": tags,
        "created_at": st.just(TIME),
        "updated_at": st.just(TIME),
        "revision_number": st.integers(1, 10**9),
    }


def address_groups() -> st.SearchStrategy[AddressGroup]:
    """Address groups of both IP versions, in the order that facts have."""
    v4_cidrs = st.tuples(v4, st.integers(0, 32)).map("{0[0]}/{0[1]}".format)
    v6_cidrs = st.tuples(v6, st.integers(0, 128)).map("{0[0]}/{0[1]}".format)
    cidrs = (v4_cidrs | v6_cidrs).map(lambda text: str(ip_network(text, strict=False)))
    standard = {name: each for name, each in _standard().items() if name != "tags"}
    return st.builds(AddressGroup, **standard, addresses=st.lists(cidrs, max_size=6).map(in_order))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Networks of all three kinds."""
    kind = draw(st.sampled_from(("geneve", "vlan", "flat")))
    physical = kind != "geneve"
    number = (
        st.integers(1, 4094)
        if kind == "vlan"
        else st.none()
        if kind == "flat"
        else st.none() | st.integers(1, 1 << 23)
    )
    return draw(
        st.builds(
            Network,
            **_standard(),
            admin_state_up=st.booleans(),
            shared=st.booleans(),
            external=st.booleans(),
            mtu=st.integers(68, 65535),
            port_security_enabled=st.booleans(),
            dns_domain=texts,
            network_type=st.just(kind),
            physical_network=texts.filter(bool) if physical else st.none(),
            segmentation_id=number,
            segment_id=uuids if physical else st.none(),
            availability_zone_hints=st.lists(words, max_size=3).map(tuple),
        )
    )  # fmt: skip


@st.composite
def subnets(draw: st.DrawFn, network_id: st.SearchStrategy[str] = uuids, version: int = 0) -> Subnet:
    """Subnets of both versions and of every mode, with gateway and without."""
    version = version or draw(st.sampled_from((4, 6)))
    address, bits = (v4, 32) if version == 4 else (v6, 128)
    mode = None
    if version == 6:
        mode = draw(st.sampled_from((None, "slaac", "dhcpv6-stateful", "dhcpv6-stateless")))
    automatic = mode in ("slaac", "dhcpv6-stateless")
    length = 64 if automatic else draw(st.integers(bits // 4, bits - 4))
    cidr = ip_network(f"{draw(address)}/{length}", strict=False)
    first = int(cidr.network_address)
    inside = st.integers(first + 1, int(cidr.broadcast_address) - 1)
    ip_version: Any = version
    pools = draw(st.lists(st.tuples(inside, inside).map(sorted), max_size=2))
    destination = address.map(lambda text: str(ip_network(f"{text}/{bits // 2}", strict=False)))
    return draw(
        st.builds(
            Subnet,
            **_standard(),
            network_id=network_id,
            cidr=st.just(str(cidr)),
            ip_version=st.just(version),
            gateway_ip=st.none() | inside.map(lambda number: address_text(number, ip_version)),
            allocation_pools=st.just(
                tuple(AllocationPool(*(address_text(each, ip_version) for each in pool)) for pool in pools)
            ),
            dns_nameservers=st.lists(address, max_size=3).map(tuple),
            host_routes=st.lists(st.builds(HostRoute, destination, address), max_size=3).map(tuple),
            enable_dhcp=st.just(True) if mode else st.booleans(),
            ipv6_ra_mode=st.just(mode) | st.none() if mode else st.none(),
            ipv6_address_mode=st.just(mode),
            service_types=st.lists(words, max_size=2).map(tuple),
        )
    )


@st.composite
def places(draw: st.DrawFn) -> tuple[Network, tuple[Subnet, ...]]:
    """A network with up to four subnets that do not overlap."""
    network = draw(networks())
    found: list[Subnet] = []
    for subnet in draw(st.lists(subnets(st.just(network.id)), max_size=4)):
        cidr = ip_network(subnet.cidr)
        if not any(
            other.version == cidr.version and cidr.overlaps(other)
            for other in map(ip_network, [s.cidr for s in found])
        ):
            found.append(subnet)
    return network, tuple(found)  # fmt: skip


@st.composite
def ports(draw: st.DrawFn, network: Network, on: tuple[Subnet, ...]) -> Port:
    """Ports of every kind on these subnets: plain, container, of routers, with and without port security."""
    mac = draw(macs)
    fixed = []
    for subnet in draw(st.lists(st.sampled_from(on), max_size=4, unique=True) if on else st.just([])):
        cidr = ip_network(subnet.cidr)
        if subnet.ipv6_address_mode in ("slaac", "dhcpv6-stateless"):
            number = slaac_address(cidr, mac)
        else:
            number = draw(st.integers(int(cidr.network_address) + 1, int(cidr.broadcast_address) - 1))
        fixed.append(FixedIp(subnet.id, address_text(number, 4 if subnet.ip_version == 4 else 6)))
    owner = draw(
        st.sampled_from(("", "compute:nova", "network:dhcp", "network:router_interface", "neutron:x"))
    )
    secured = draw(st.booleans()) and not owner.startswith("network:")
    parent = draw(st.none() | uuids)
    pair = st.builds(AddressPair, ip_address=v4 | v6, mac_address=st.just(mac) | macs)
    option = st.builds(
        DhcpOption,
        opt_name=st.sampled_from(
            ("mtu", "router", "bootfile-name", "66", "dns-server", "nonsense", "dhcp_disabled")
        ),
        opt_value=texts.filter(bool),
        ip_version=st.sampled_from((4, 6)),
    )
    return draw(
        st.builds(
            Port,
            **_standard(),
            network_id=st.just(network.id),
            mac_address=st.just(mac),
            fixed_ips=st.just(tuple(fixed)),
            admin_state_up=st.booleans(),
            device_id=texts,
            device_owner=st.just(owner),
            parent_name=st.just(parent),
            tag=st.integers(1, 4094) if parent else st.none(),
            profile=st.dictionaries(texts, json_values, max_size=3),
            vnic_type=st.sampled_from(("normal", "direct")),
            host_id=texts,
            port_security_enabled=st.just(secured),
            allowed_address_pairs=st.lists(pair, max_size=3).map(tuple) if secured else st.just(()),
            extra_dhcp_opts=st.lists(
                option, max_size=3, unique_by=lambda each: (each.opt_name, each.ip_version)
            ).map(tuple),
            up=st.just(False),
        )
    )  # fmt: skip


@st.composite
def placed_ports(draw: st.DrawFn) -> tuple[Network, tuple[Subnet, ...], Port]:
    """A port with all that it stands on."""
    network, on = draw(places())
    return network, on, draw(ports(network, on))
