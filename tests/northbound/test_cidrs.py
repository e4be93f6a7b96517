"""What is remembered of CIDRs and pools is what is computed."""

from ipaddress import ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ovnest.allocation.ranges import address_number
from ovnest.northbound.cidrs import parsed, pool_ranges, range_of
from ovnest.resources.subnet import AllocationPool, Subnet
from tests.resources.strategies import subnets


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6), st.integers(0, 32))
def test_a_subnets_range_is_from_its_first_address_to_its_last(address: Any, length: int) -> None:
    network = ip_network(f"{address}/{length}", strict=False)
    found = range_of(str(network))
    assert (found.version, found.first, found.last) == (
        network.version,
        int(network.network_address),
        int(network.broadcast_address),
    )
    assert parsed(str(network)) == network


@given(subnets())
def test_pools_are_ranges_in_their_order(subnet: Subnet) -> None:
    found = pool_ranges(subnet.allocation_pools)
    assert [(each.start, each.end) for each in found] == [(p.start, p.end) for p in subnet.allocation_pools]


def test_the_same_pools_are_computed_once_and_others_are_others() -> None:
    pools = (AllocationPool("192.0.2.2", "192.0.2.9"),)
    assert pool_ranges(pools) is pool_ranges((AllocationPool("192.0.2.2", "192.0.2.9"),))
    assert pool_ranges((AllocationPool("192.0.2.2", "192.0.2.8"),))[0].last == address_number("192.0.2.8")[1]
