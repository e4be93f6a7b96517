from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import netaddr  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ovnest.allocation.pools import (
    check_pools,
    default_gateway,
    default_pools,
    is_gateway_address,
    is_host_address,
    overlapping,
    parse_pools,
    slaac_address,
)
from ovnest.allocation.ranges import AddressRange, IpNetwork
from ovnest.errors.pools import (
    GatewayConflictWithAllocationPools,
    InvalidAllocationPool,
    OutOfBoundsAllocationPool,
    OverlappingAllocationPools,
)


def networks() -> st.SearchStrategy[IpNetwork]:
    four = st.builds(
        lambda address, length: IPv4Network((address, length), strict=False),
        st.integers(0, (1 << 32) - 1),
        st.integers(8, 32),
    )
    six = st.builds(
        lambda address, length: IPv6Network((address, length), strict=False),
        st.integers(0, (1 << 128) - 1),
        st.integers(48, 128),
    )
    return st.one_of(four, six)


def number(text: str) -> int:
    return int(ip_address(text))


def shown(pools: tuple[AddressRange, ...]) -> list[str]:
    return [str(pool) for pool in pools]


@pytest.mark.parametrize(
    ("cidr", "gateway", "pools"),
    [
        ("192.0.2.0/24", None, ["192.0.2.1-192.0.2.254"]),
        ("192.0.2.0/24", "192.0.2.1", ["192.0.2.2-192.0.2.254"]),
        ("192.0.2.0/24", "192.0.2.254", ["192.0.2.1-192.0.2.253"]),
        ("192.0.2.0/24", "192.0.2.7", ["192.0.2.1-192.0.2.6", "192.0.2.8-192.0.2.254"]),
        ("192.0.2.0/24", "198.51.100.1", ["192.0.2.1-192.0.2.254"]),
        ("192.0.2.0/31", None, ["192.0.2.0-192.0.2.1"]),
        ("192.0.2.0/31", "192.0.2.0", ["192.0.2.1-192.0.2.1"]),
        ("192.0.2.9/32", None, ["192.0.2.9-192.0.2.9"]),
        ("192.0.2.9/32", "192.0.2.9", ["192.0.2.9-192.0.2.9"]),
        ("2001:db8::/64", None, ["2001:db8::1-2001:db8::ffff:ffff:ffff:ffff"]),
        ("2001:db8::/64", "2001:db8::1", ["2001:db8::2-2001:db8::ffff:ffff:ffff:ffff"]),
        ("2001:db8::/64", "2001:db8::", ["2001:db8::1-2001:db8::ffff:ffff:ffff:ffff"]),
        ("2001:db8::/127", "2001:db8::1", []),
        ("2001:db8::9/128", None, ["2001:db8::9-2001:db8::9"]),
    ],
)
def test_default_pools_are_neutrons(cidr: str, gateway: str | None, pools: list[str]) -> None:
    assert shown(default_pools(ip_network(cidr), number(gateway) if gateway else None)) == pools


@given(networks(), st.data())
def test_default_pools_pass_their_own_check_and_leave_the_gateway_out(
    network: IpNetwork, data: st.DataObject
) -> None:
    gateway = data.draw(st.integers(int(network.network_address), int(network.broadcast_address)))
    assume(network.num_addresses > 1)
    pools = default_pools(network, gateway)
    check_pools(pools, network, gateway)
    without = default_pools(network, None)
    missing = sum(pool.size for pool in without) - sum(pool.size for pool in pools)
    assert missing == (1 if any(gateway in pool for pool in without) else 0)
    assert all(is_host_address(network, address) for pool in pools for address in (pool.first, pool.last))


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=5), st.integers(0, 255))
def test_pools_are_refused_for_what_is_wrong_with_them(spans: list[tuple[int, int]], gateway: int) -> None:
    network = ip_network("192.0.2.0/24")
    base = int(network.network_address)
    pools = [AddressRange(version=4, first=base + a, last=base + a + n) for a, n in spans]
    addresses = [a for pool in pools for a in range(pool.first, pool.last + 1)]
    if any(not base + 1 <= a <= base + 254 for a in addresses):
        with pytest.raises(OutOfBoundsAllocationPool, match=r"spans beyond the subnet cidr 192\.0\.2\.0/24"):
            check_pools(pools, network, base + gateway)
    elif len(addresses) != len(set(addresses)):
        with pytest.raises(
            OverlappingAllocationPools, match=r"Found overlapping allocation pools: 192\.0\.2\."
        ):
            check_pools(pools, network, base + gateway)
    elif base + gateway in addresses:
        with pytest.raises(GatewayConflictWithAllocationPools, match=f"Gateway ip 192.0.2.{gateway} "):
            check_pools(pools, network, base + gateway)
    else:
        check_pools(pools, network, base + gateway)
        check_pools(pools, network, None)


@pytest.mark.parametrize(
    "pool", [("192.0.2.9", "192.0.2.3"), ("192.0.2.9", "2001:db8::1"), ("192.0.2", "192.0.2.9"), ("", "")]
)
def test_a_pool_that_is_none_is_refused_by_its_text(pool: tuple[str, str]) -> None:
    with pytest.raises(InvalidAllocationPool, match=f"The allocation pool {pool[0]}-{pool[1]} is not valid"):
        parse_pools([pool])


def test_a_pool_of_the_other_version_is_refused() -> None:
    pools = parse_pools([("2001:db8::1", "2001:db8::2")])
    with pytest.raises(InvalidAllocationPool):
        check_pools(pools, ip_network("192.0.2.0/24"), None)


@pytest.mark.parametrize(
    ("cidr", "address", "router", "host", "gateway"),
    [
        ("192.0.2.0/24", "192.0.2.0", False, False, False),
        ("192.0.2.0/24", "192.0.2.255", False, False, False),
        ("192.0.2.0/24", "192.0.2.1", False, True, True),
        ("192.0.2.0/24", "198.51.100.1", False, False, True),
        ("192.0.2.0/31", "192.0.2.0", False, True, True),
        ("2001:db8::/64", "2001:db8::", False, False, True),
        ("2001:db8::/64", "2001:db8::", True, True, True),
        ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", False, True, True),
        ("2001:db8::/64", "2001:db8:0:1::", True, False, True),
    ],
)
def test_who_may_stand_where(cidr: str, address: str, router: bool, host: bool, gateway: bool) -> None:
    network = ip_network(cidr)
    assert is_host_address(network, number(address), router=router) is host
    assert is_gateway_address(network, number(address)) is gateway


def test_a_gateway_is_chosen_when_none_is_named() -> None:
    assert default_gateway(ip_network("192.0.2.0/24")) == number("192.0.2.1")
    assert default_gateway(ip_network("2001:db8::/64")) == number("2001:db8::1")


@given(networks(), st.lists(networks(), max_size=4))
def test_an_overlap_is_found_as_the_standard_library_finds_it(
    network: IpNetwork, others: list[IpNetwork]
) -> None:
    nested = (
        [*others, *network.subnets(new_prefix=network.max_prefixlen)] if network.num_addresses < 9 else others
    )
    first = next((o for o in nested if o.version == network.version and o.overlaps(network)), None)
    assert overlapping(network, nested) == first


@given(st.integers(0, (1 << 64) - 1), st.integers(1, (1 << 48) - 2))
def test_a_slaac_address_is_netaddrs(prefix: int, mac: int) -> None:
    network = IPv6Network((prefix << 64, 64))
    text = str(netaddr.EUI(mac, dialect=netaddr.mac_unix_expanded))
    assert slaac_address(network, text) == int(netaddr.EUI(mac).ipv6(prefix << 64))


def test_slaac_needs_a_64() -> None:
    with pytest.raises(ValueError, match="is not an IPv6 /64"):
        slaac_address(ip_network("2001:db8::/56"), "fa:16:3e:00:00:01")


def test_a_range_backwards_or_beyond_its_version_is_none() -> None:
    with pytest.raises(ValueError, match="is no range of IPv4 addresses"):
        AddressRange(version=4, first=2, last=1)
    with pytest.raises(ValueError, match="is no range of IPv4 addresses"):
        AddressRange(version=4, first=0, last=1 << 32)
