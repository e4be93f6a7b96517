"""A subnet's addresses: its allocation pools, its gateway, who may stand where.

Source: neutron.ipam.utils and neutron.db.ipam_backend_mixin; the messages are Neutron's.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from itertools import combinations

from ovnest.allocation.macs import mac_to_int
from ovnest.allocation.ranges import AddressRange, IpNetwork, IpVersion, ip_version
from ovnest.errors.pools import (
    GatewayConflictWithAllocationPools,
    InvalidAllocationPool,
    OutOfBoundsAllocationPool,
    OverlappingAllocationPools,
)

SLAAC_PREFIX_BITS = 64


def version_of(network: IpNetwork) -> IpVersion:
    """4 or 6."""
    return ip_version(network.version)


def whole(network: IpNetwork) -> AddressRange:
    """Every address of the subnet, also those that nobody may have."""
    return AddressRange(
        version=version_of(network),
        first=int(network.network_address),
        last=int(network.broadcast_address),
    )


def usable(network: IpNetwork) -> AddressRange:
    """The addresses a pool may have.

    IPv4 leaves out the network's own and the broadcast address, but in a /31 and a /32 there are none;
    IPv6 leaves out the first, the anycast address of the subnet's routers (RFC 4291, 2.6.1).
    """
    every = whole(network)
    if every.size == 1 or (every.version == 4 and every.size == 2):
        return every
    last = every.last - 1 if every.version == 4 else every.last
    return AddressRange(version=every.version, first=every.first + 1, last=last)


def default_pools(network: IpNetwork, gateway: int | None) -> tuple[AddressRange, ...]:
    """The pools of a subnet that was made without any: all that is usable, around the gateway."""
    every = usable(network)
    if gateway is None or gateway not in every or every.size == 1 == whole(network).size:
        return (every,)
    sides = ((every.first, gateway - 1), (gateway + 1, every.last))
    return tuple(
        AddressRange(version=every.version, first=first, last=last) for first, last in sides if first <= last
    )


def parse_pools(pools: Iterable[tuple[str, str]]) -> tuple[AddressRange, ...]:
    """Pools from the texts of their first and last addresses, in the order given.

    Raises:
        InvalidAllocationPool: an address is none, the two are of different versions or in the wrong order.
    """
    return tuple(_parse_pool(start, end) for start, end in pools)


def check_pools(pools: Sequence[AddressRange], network: IpNetwork, gateway: int | None) -> None:
    """Whether a subnet may have these pools.

    Raises:
        InvalidAllocationPool: a pool is of the other IP version.
        OutOfBoundsAllocationPool: a pool has addresses that are not usable in the subnet.
        OverlappingAllocationPools: two pools share an address.
        GatewayConflictWithAllocationPools: the gateway would be given to a port.
    """
    bounds = usable(network)
    for pool in pools:
        if pool.version != bounds.version:
            raise InvalidAllocationPool(pool=pool)
        if pool.first < bounds.first or pool.last > bounds.last:
            raise OutOfBoundsAllocationPool(pool=pool, subnet_cidr=network)
    for one, other in combinations(pools, 2):
        if one.overlaps(other):
            raise OverlappingAllocationPools(pool_1=one, pool_2=other, subnet_cidr=network)
    check_gateway_outside(pools, gateway)


def check_gateway_outside(pools: Sequence[AddressRange], gateway: int | None) -> None:
    """Whether the pools leave the gateway alone, as a subnet's update asks when one of both changes.

    Raises:
        GatewayConflictWithAllocationPools: the gateway would be given to a port.
    """
    for pool in pools:
        if gateway is not None and gateway in pool:
            address = _address(gateway, pool.version)
            raise GatewayConflictWithAllocationPools(ip_address=address, pool=pool)


def is_host_address(network: IpNetwork, address: int, router: bool = False) -> bool:
    """Whether a port may have the address: it is usable, or a `router` port's and the routers' anycast."""
    if network.version == 6 and router:
        return address in whole(network)
    return address in usable(network)


def is_gateway_address(network: IpNetwork, address: int) -> bool:
    """Whether the address may be the subnet's gateway; one outside may, its own subnet is not known here."""
    return network.version == 6 or address not in whole(network) or address in usable(network)


def default_gateway(network: IpNetwork) -> int:
    """The gateway of a subnet that was made without naming one: the address after the subnet's own."""
    every = whole(network)
    return min(every.first + 1, every.last)


def overlapping(network: IpNetwork, others: Iterable[IpNetwork]) -> IpNetwork | None:
    """The first of `others` that shares an address with the subnet."""
    return next((other for other in others if whole(network).overlaps(whole(other))), None)


def slaac_address(network: IpNetwork, mac: str) -> int:
    """The address that a host with this MAC gives itself in the subnet: modified EUI-64.

    Raises:
        ValueError: the subnet is not an IPv6 /64.

    Source: RFC 4291, appendix A; RFC 4862, 5.5.3.
    """
    if network.version != 6 or network.prefixlen != SLAAC_PREFIX_BITS:
        raise ValueError(f"{network} is not an IPv6 /{SLAAC_PREFIX_BITS}, as SLAAC needs it")
    value = mac_to_int(mac) ^ 1 << 41  # the universal/local bit is turned round
    interface = value >> 24 << 40 | 0xFFFE << 24 | value & 0xFFFFFF
    return int(network.network_address) | interface


def _parse_pool(start: str, end: str) -> AddressRange:
    try:
        first, last = ipaddress.ip_address(start), ipaddress.ip_address(end)
        if first.version != last.version:
            raise ValueError(f"{start} and {end} are of different versions")
        return AddressRange(version=ip_version(first.version), first=int(first), last=int(last))
    except ValueError as error:
        raise InvalidAllocationPool(pool=f"{start}-{end}") from error


def _address(address: int, version: IpVersion) -> str:
    return AddressRange(version=version, first=address, last=address).start
