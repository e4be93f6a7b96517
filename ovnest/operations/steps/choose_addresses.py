"""The fixed IPs of a port: wanted by subnet or address, or chosen from the network's pools.

Source: Neutron's IPAM (neutron.db.ipam_pluggable_backend): one address of each IP version, and one of
every subnet whose hosts configure themselves (SLAAC, stateless DHCPv6).
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from msgspec import Struct

from ovnest.allocation.pools import is_host_address, parse_pools, slaac_address
from ovnest.allocation.ranges import AddressRange, IpVersion, address_text
from ovnest.errors import InvalidInput
from ovnest.errors.ports import (
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressAlreadyAllocated,
    IpAddressGenerationFailure,
    TooManyFixedIps,
)
from ovnest.northbound.indexes import PORT_BY_ADDRESS
from ovnest.resources.network import Network
from ovnest.resources.port import FixedIp, FixedIpRequest
from ovnest.resources.subnet import AllocationPool, Subnet
from ovnest.transaction import Tx

AUTOMATIC = frozenset({"slaac", "dhcpv6-stateless"})
_ROUTERS = ("network:router_interface", "network:router_gateway", "network:router_centralized_snat")


class AddressedPort(Struct, frozen=True, kw_only=True):
    """What of a port its addresses depend on. `fixed_ips` are those that it has already."""

    id: str
    mac_address: str
    device_owner: str = ""
    fixed_ips: tuple[FixedIp, ...] = ()

    @property
    def is_router(self) -> bool:
        """Whether it is a router's, which may have any address and configures none by itself."""
        return is_router(self.device_owner)


def is_router(device_owner: str) -> bool:
    """Whether a port with this owner is a router's."""
    return device_owner.startswith(_ROUTERS)


def choose_addresses(
    tx: Tx, network: Network, port: AddressedPort, wanted: Sequence[FixedIpRequest] | None
) -> tuple[FixedIp, ...]:
    """The addresses that the port gets. None wanted means: one of each IP version, if there are subnets.

    Raises:
        TooManyFixedIps, InvalidInput: what is wanted makes no sense on this network.
        InvalidIpForNetwork, InvalidIpForSubnet: an address that no port can have there.
        IpAddressAlreadyAllocated: an address is another port's.
        IpAddressGenerationFailure: the pools are used up.
    """
    subnets = tx.subnets_of(network.id)
    if wanted is None:
        chosen = _one_of_each_version(tx, network, port, _usable(subnets, port.device_owner))
    else:
        if len(wanted) > tx.settings.max_fixed_ips_per_port:
            raise TooManyFixedIps(most=tx.settings.max_fixed_ips_per_port)
        chosen = _as_wanted(tx, network, port, subnets, wanted)
    return (*chosen, *_automatic(tx, port, subnets, chosen, anything=wanted is None or bool(wanted)))


def _as_wanted(
    tx: Tx,
    network: Network,
    port: AddressedPort,
    subnets: Sequence[Subnet],
    wanted: Sequence[FixedIpRequest],
) -> list[FixedIp]:
    by_id = {subnet.id: subnet for subnet in subnets}
    chosen: dict[int, FixedIp] = {}
    # Addresses asked for by number come first, so that a free choice does not take them.
    for place, request in sorted(enumerate(wanted), key=lambda each: each[1].ip_address is None):
        subnet = _wanted_subnet(network, by_id, subnets, request)
        if request.ip_address is not None:
            chosen[place] = _claimed(tx, port, subnet, request.ip_address)
        elif subnet.ipv6_address_mode in AUTOMATIC and not port.is_router:
            chosen[place] = _self_configured(tx, port, subnet)
        else:
            have = list(chosen.values())
            chosen[place] = _kept(port, subnet, have) or _free(tx, network, [subnet], have)
    return [chosen[place] for place in range(len(wanted))]


def _one_of_each_version(
    tx: Tx, network: Network, port: AddressedPort, subnets: Sequence[Subnet]
) -> list[FixedIp]:
    chosen: list[FixedIp] = []
    for version in (4, 6):
        candidates = [
            subnet
            for subnet in subnets
            if subnet.ip_version == version and (subnet.ipv6_address_mode not in AUTOMATIC or port.is_router)
        ]
        if candidates:
            chosen.append(_free(tx, network, candidates, chosen))
    return chosen


def _automatic(
    tx: Tx, port: AddressedPort, subnets: Sequence[Subnet], chosen: Sequence[FixedIp], *, anything: bool
) -> list[FixedIp]:
    """Hosts configure themselves on these subnets whether asked to or not, so the port has the address."""
    if port.is_router or not anything:
        return []
    have = {fixed.subnet_id for fixed in chosen}
    return [
        _self_configured(tx, port, subnet)
        for subnet in _usable(subnets, port.device_owner)
        if subnet.ipv6_address_mode in AUTOMATIC and subnet.id not in have
    ]


def _wanted_subnet(
    network: Network, by_id: dict[str, Subnet], subnets: Sequence[Subnet], request: FixedIpRequest
) -> Subnet:
    if request.subnet_id is not None:
        subnet = by_id.get(request.subnet_id)
        if subnet is None:
            raise InvalidInput(
                error_message=f"Failed to create port on network {network.id}, because fixed_ips included "
                f"invalid subnet {request.subnet_id}"
            )
        return subnet
    number = ip_address(request.ip_address or "")
    for subnet in subnets:
        if number in parsed(subnet.cidr):
            return subnet
    raise InvalidIpForNetwork(ip_address=request.ip_address)


def _claimed(tx: Tx, port: AddressedPort, subnet: Subnet, address: str) -> FixedIp:
    network = parsed(subnet.cidr)
    number = ip_address(address)
    if number.version != network.version or not is_host_address(network, int(number), port.is_router):
        raise InvalidIpForSubnet(ip_address=address)
    configured = subnet.ipv6_address_mode in AUTOMATIC and not port.is_router
    if configured and int(number) != slaac_address(network, port.mac_address):
        raise InvalidInput(
            error_message=f"IPv6 address {address} can not be directly assigned to a port on subnet "
            f"{subnet.id} since the subnet is configured for automatic addresses"
        )
    _refuse_taken(tx, port, subnet, address)
    return FixedIp(subnet.id, address)


def _self_configured(tx: Tx, port: AddressedPort, subnet: Subnet) -> FixedIp:
    address = address_text(slaac_address(parsed(subnet.cidr), port.mac_address), 6)
    _refuse_taken(tx, port, subnet, address)
    return FixedIp(subnet.id, address)


def _kept(port: AddressedPort, subnet: Subnet, chosen: Sequence[FixedIp]) -> FixedIp | None:
    """An address of the subnet that the port has already, so that an update need not renumber it."""
    return next(
        (fixed for fixed in port.fixed_ips if fixed.subnet_id == subnet.id and fixed not in chosen), None
    )


def _free(tx: Tx, network: Network, subnets: Sequence[Subnet], chosen: Sequence[FixedIp]) -> FixedIp:
    """The lowest free address of the pools of the first subnet that has one."""
    own = {fixed.ip_address for fixed in chosen}
    for subnet in subnets:
        version: IpVersion = 4 if subnet.ip_version == 4 else 6
        taken = tx.context.addresses.taken(network.id, version)
        ranges = pool_ranges(subnet.allocation_pools)
        start = 0
        while (number := taken.first_free(ranges, start=start)) is not None and number >= start:
            address = address_text(number, version)
            if address not in own and not tx.view.all(PORT_BY_ADDRESS, (network.id, address)):
                return FixedIp(subnet.id, address)
            start = number + 1
    raise IpAddressGenerationFailure(net_id=network.id)


def _refuse_taken(tx: Tx, port: AddressedPort, subnet: Subnet, address: str) -> None:
    holders = tx.view.all(PORT_BY_ADDRESS, (subnet.network_id, address))
    if any(row.uuid != port.id for row in holders):
        raise IpAddressAlreadyAllocated(ip=address, subnet_id=subnet.id)


def _usable(subnets: Sequence[Subnet], device_owner: str) -> list[Subnet]:
    """The subnets a port with this owner may choose from (extension subnet-service-types)."""
    return [s for s in subnets if not s.service_types or device_owner in s.service_types]


@lru_cache(maxsize=65536)
def parsed(cidr: str) -> IPv4Network | IPv6Network:
    """A subnet's CIDR as a network."""
    return ip_network(cidr)


@lru_cache(maxsize=65536)
def pool_ranges(pools: tuple[AllocationPool, ...]) -> tuple[AddressRange, ...]:
    """Allocation pools as ranges of numbers."""
    return parse_pools((pool.start, pool.end) for pool in pools)
