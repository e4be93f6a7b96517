"""What is computed of CIDRs and pools again and again, remembered by their text."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from ovnest.allocation.pools import parse_pools, whole
from ovnest.allocation.ranges import AddressRange
from ovnest.resources.subnet import AllocationPool

REMEMBERED = 65536


@lru_cache(maxsize=REMEMBERED)
def parsed(cidr: str) -> IPv4Network | IPv6Network:
    """A subnet's CIDR as a network."""
    return ip_network(cidr)


@lru_cache(maxsize=REMEMBERED)
def range_of(cidr: str) -> AddressRange:
    """All addresses of a subnet."""
    return whole(parsed(cidr))


@lru_cache(maxsize=REMEMBERED)
def pool_ranges(pools: tuple[AllocationPool, ...]) -> tuple[AddressRange, ...]:
    """Allocation pools as ranges of numbers."""
    return parse_pools((pool.start, pool.end) for pool in pools)
