"""The fixed IPs of a port: wanted by subnet or address, or chosen from the network's pools.

Source: Neutron's IPAM (neutron.db.ipam_pluggable_backend): one address of each IP version, and one of
every subnet whose hosts configure themselves (SLAAC, stateless DHCPv6).
"""

from collections.abc import Sequence
from ipaddress import ip_address

from msgspec import Struct

from ovnest.allocation.pools import is_host_address, slaac_address
from ovnest.allocation.ranges import address_text, ip_version
from ovnest.errors import InvalidInput
from ovnest.errors.port import (
    AllocationOnAutoAddressSubnet,
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressAlreadyAllocated,
    IpAddressGenerationFailure,
    IpAddressGenerationFailureNoMatchingSubnet,
    IPAllocationRequiresSubnets,
    TooManyFixedIps,
)
from ovnest.northbound.cidrs import parsed, pool_ranges
from ovnest.operations.steps.visible import visible_subnet
from ovnest.resources.network import Network
from ovnest.resources.port import ROUTER_INTERFACES, ROUTER_PORTS, FixedIp, FixedIpRequest
from ovnest.resources.subnet import Subnet
from ovnest.rows.subnet import SUBNETS_OF_NETWORK
from ovnest.transaction import Tx

AUTOMATIC = frozenset({"slaac", "dhcpv6-stateless"})


class AddressedPort(Struct, frozen=True, kw_only=True):
    """What of a port its addresses depend on. `fixed_ips` are those that it has already."""

    id: str
    mac_address: str
    device_owner: str = ""
    fixed_ips: tuple[FixedIp, ...] = ()

    @property
    def may_be_anycast(self) -> bool:
        """Whether it may have IPv6's subnet-router anycast address: a router's port, or one yet to be."""
        return not self.device_owner or self.device_owner in ROUTER_PORTS

    @property
    def configures_itself(self) -> bool:
        """Whether it has an address of its own making wherever hosts configure themselves."""
        return self.device_owner not in ROUTER_INTERFACES


def choose_addresses(
    tx: Tx, network: Network, port: AddressedPort, wanted: Sequence[FixedIpRequest] | None
) -> tuple[FixedIp, ...]:
    """The addresses that the port gets. None wanted means: one of each IP version, if there are subnets.

    Whatever is wanted, it has those that its host gives itself: the host does not ask us.

    Raises:
        TooManyFixedIps, InvalidInput, IPAllocationRequiresSubnets: what is wanted makes no sense here.
        SubnetNotFound: a wanted subnet is not there.
        InvalidIpForNetwork, InvalidIpForSubnet, AllocationOnAutoAddressSubnet: an address that no port, or
            not this one, can have there.
        IpAddressAlreadyAllocated: an address is another port's.
        IpAddressGenerationFailure, IpAddressGenerationFailureNoMatchingSubnet: no pool has a free one.
    """
    all_subnets = tx.all(SUBNETS_OF_NETWORK, network.id)
    subnets = _usable(all_subnets, port.device_owner)
    if all_subnets and not subnets:
        raise IpAddressGenerationFailureNoMatchingSubnet(
            network_id=network.id, service_type=port.device_owner
        )
    if wanted is None:
        chosen = _one_of_each_version(tx, network, port, subnets)
    else:
        if len(wanted) > tx.settings.max_fixed_ips_per_port:
            raise TooManyFixedIps(most=tx.settings.max_fixed_ips_per_port)
        chosen = _as_wanted(tx, network, port, subnets, wanted)
    return (*chosen, *_automatic(tx, port, subnets, chosen))


def self_configured(subnet: Subnet, mac: str) -> str:
    """The address that a host with this MAC address gives itself there."""
    return address_text(slaac_address(parsed(subnet.cidr), mac), 6)


def _as_wanted(
    tx: Tx,
    network: Network,
    port: AddressedPort,
    subnets: Sequence[Subnet],
    wanted: Sequence[FixedIpRequest],
) -> list[FixedIp]:
    if wanted and not subnets:
        raise IPAllocationRequiresSubnets()
    chosen: dict[int, FixedIp] = {}
    # Addresses asked for by number come first, so that a free choice does not take them.
    for place, request in sorted(enumerate(wanted), key=lambda each: each[1].ip_address is None):
        subnet = _wanted_subnet(tx, network, port, subnets, request)
        have = list(chosen.values())
        if request.ip_address is not None:
            chosen[place] = _claimed(tx, port, subnet, request.ip_address)
        elif _is_automatic(subnet, port):
            continue  # the port has that one anyway
        else:
            chosen[place] = _kept(port, subnet, have) or _free(tx, network, [subnet], have)
    return [chosen[place] for place in sorted(chosen)]


def _one_of_each_version(
    tx: Tx, network: Network, port: AddressedPort, subnets: Sequence[Subnet]
) -> list[FixedIp]:
    chosen: list[FixedIp] = []
    for version in (4, 6):
        candidates = [
            subnet
            for subnet in subnets
            if subnet.ip_version == version and subnet.ipv6_address_mode not in AUTOMATIC
        ]
        if candidates:
            chosen.append(_free(tx, network, candidates, chosen))
    return chosen


def _automatic(
    tx: Tx, port: AddressedPort, subnets: Sequence[Subnet], chosen: Sequence[FixedIp]
) -> list[FixedIp]:
    have = {fixed.subnet_id for fixed in chosen}
    added = []
    for subnet in subnets:
        if _is_automatic(subnet, port) and subnet.id not in have:
            address = self_configured(subnet, port.mac_address)
            _refuse_taken(tx, port, subnet, address)
            added.append(FixedIp(subnet.id, address))
    return added


def _is_automatic(subnet: Subnet, port: AddressedPort) -> bool:
    return subnet.ipv6_address_mode in AUTOMATIC and port.configures_itself


def _wanted_subnet(
    tx: Tx, network: Network, port: AddressedPort, subnets: Sequence[Subnet], request: FixedIpRequest
) -> Subnet:
    if request.subnet_id is not None:
        found = next((subnet for subnet in subnets if subnet.id == request.subnet_id), None)
        if found is not None:
            return found
        visible_subnet(tx, request.subnet_id)
        raise InvalidInput(
            error_message=f"Failed to create port on network {network.id}, because fixed_ips included "
            f"invalid subnet {request.subnet_id}"
        )
    for subnet in subnets:
        if _may_have(port, subnet, request.ip_address or ""):
            return subnet
    raise InvalidIpForNetwork(ip_address=request.ip_address)


def _may_have(port: AddressedPort, subnet: Subnet, address: str) -> bool:
    network, number = parsed(subnet.cidr), ip_address(address)
    return number.version == network.version and is_host_address(network, int(number), port.may_be_anycast)


def _claimed(tx: Tx, port: AddressedPort, subnet: Subnet, address: str) -> FixedIp:
    if not _may_have(port, subnet, address):
        raise InvalidIpForSubnet(ip_address=address)
    if _is_automatic(subnet, port) and address != self_configured(subnet, port.mac_address):
        raise AllocationOnAutoAddressSubnet(ip=address, subnet_id=subnet.id)
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
        version = ip_version(subnet.ip_version)
        taken = tx.context.addresses.taken(network.id, version)
        ranges = pool_ranges(subnet.allocation_pools)
        start = 0
        while (number := taken.first_free(ranges, start=start)) is not None and number >= start:
            address = address_text(number, version)
            if address not in own:
                return FixedIp(subnet.id, address)
            start = number + 1
    raise IpAddressGenerationFailure(net_id=network.id)


def _refuse_taken(tx: Tx, port: AddressedPort, subnet: Subnet, address: str) -> None:
    own = any(fixed.ip_address == address for fixed in port.fixed_ips)
    if tx.context.addresses.holders(subnet.network_id, address) > own:
        raise IpAddressAlreadyAllocated(ip=address, subnet_id=subnet.id)


def _usable(subnets: Sequence[Subnet], device_owner: str) -> list[Subnet]:
    """The subnets for a port with this owner, those made for it first (extension subnet-service-types)."""
    for_all = [subnet for subnet in subnets if not subnet.service_types]
    if len(for_all) == len(subnets):  # nearly always
        return for_all
    return [subnet for subnet in subnets if device_owner in subnet.service_types] + for_all
