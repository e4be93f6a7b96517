"""What can be done with subnets.

Source: Neutron API reference, "Subnets"; neutron.db.db_base_plugin_v2._validate_subnet.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from msgspec import UNSET
from msgspec.structs import replace

from ovnest.allocation.pools import (
    check_gateway_outside,
    check_pools,
    default_gateway,
    default_pools,
    is_gateway_address,
    overlapping,
    parse_pools,
    version_of,
    whole,
)
from ovnest.allocation.ranges import AddressRange, address_text, ip_version
from ovnest.errors import InvalidInput
from ovnest.errors.network import NetworkNotFound
from ovnest.errors.subnet import (
    BadSubnetRequest,
    DNSNameServersExhausted,
    GatewayIpInUse,
    HostRoutesExhausted,
    SubnetInUse,
    SubnetOverlaps,
    SubnetPoolNotFound,
)
from ovnest.northbound.cidrs import parsed, pool_ranges
from ovnest.operations.kind import Extension, Kind, Narrow
from ovnest.operations.steps.choose_addresses import AUTOMATIC, self_configured
from ovnest.operations.steps.chosen import changes
from ovnest.operations.steps.drop_port import AUTO_DELETED
from ovnest.operations.steps.mtu import require_mtu
from ovnest.operations.steps.rights import require_create, require_delete, require_update
from ovnest.operations.steps.visible import visible_network, visible_subnet
from ovnest.policy.rules.subnet import RULES
from ovnest.resources.network import Network
from ovnest.resources.port import ROUTER_INTERFACES, ROUTER_PORTS, FixedIp
from ovnest.resources.subnet import (
    DNS_NAMESERVERS_MAX,
    HOST_ROUTES_MAX,
    SUBNET,
    AllocationPool,
    CreateSubnet,
    Subnet,
    UpdateSubnet,
)
from ovnest.rows.port.lookups import PORT_BY_ADDRESS, PORTS_OF_NETWORK
from ovnest.rows.subnet import SUBNETS_OF_NETWORK
from ovnest.transaction import Tx

IpNetwork = IPv4Network | IPv6Network
EUI64_PREFIX = 64
UNSPECIFIED_V4 = IPv4Address(0)
UNSPECIFIED_V6 = IPv6Address(0)


def create_subnet(tx: Tx, want: CreateSubnet) -> Subnet:
    """Make a subnet. Without a gateway given it is the first address, without pools all that is left.

    Raises:
        NetworkNotFound: there is no such network for this caller.
        PolicyNotAuthorized: the caller may not.
        InvalidInput, SubnetOverlaps: the addresses are not ones that this network can have.
        NetworkMTUSubnetConflict: the network's MTU is too small for them.
        OutOfBoundsAllocationPool and others of `errors.pools`: the pools do not fit.
    """
    network = visible_network(tx, want.network_id)
    project_id = require_create(tx, SUBNET, want, network)
    cidr = _cidr(want)
    require_mtu(network.id, network.mtu, {cidr.version})
    _refuse_overlap(tx, network, cidr)
    first = address_text(default_gateway(cidr), version_of(cidr))
    gateway = first if want.gateway_ip is UNSET else want.gateway_ip
    subnet = Subnet(
        id=tx.new_id(),
        project_id=project_id,
        network_id=network.id,
        cidr=str(cidr),
        ip_version=cidr.version,
        name=want.name,
        description=want.description,
        gateway_ip=gateway,
        dns_nameservers=want.dns_nameservers,
        host_routes=want.host_routes,
        enable_dhcp=want.enable_dhcp,
        ipv6_ra_mode=want.ipv6_ra_mode,
        ipv6_address_mode=want.ipv6_address_mode,
        service_types=want.service_types,
        tags=want.tags,
    )
    _check(subnet, cidr)
    _check_dhcp(subnet, cidr)
    number = None if gateway is None else int(ip_address(gateway))
    if want.allocation_pools is UNSET:
        ranges = default_pools(cidr, number)
    else:
        ranges = parse_pools((pool.start, pool.end) for pool in want.allocation_pools)
        check_pools(ranges, cidr, number)
    subnet = tx.put(replace(subnet, allocation_pools=_pools(ranges)))
    if subnet.ipv6_address_mode in AUTOMATIC:
        _configure_ports(tx, subnet)
    return subnet


def update_subnet(tx: Tx, subnet_id: str, change: UpdateSubnet) -> Subnet:
    """Change a subnet.

    Raises:
        SubnetNotFound: there is none that the caller may see.
        PolicyNotAuthorized: the caller may not.
        GatewayIpInUse: the gateway that it has is a router's.
        InvalidInput and those of `errors.pools`: as on create.
    """
    subnet = visible_subnet(tx, subnet_id)
    require_update(tx, SUBNET, change, subnet)
    if tx.find(Network, subnet.network_id) is None:  # deleted by another writer
        raise NetworkNotFound(net_id=subnet.network_id)
    given = changes(change)
    cidr = parsed(subnet.cidr)
    if "allocation_pools" in given:
        ranges = parse_pools((pool.start, pool.end) for pool in given["allocation_pools"])
        given["allocation_pools"] = _pools(ranges)
    changed = replace(subnet, **given)
    _check(changed, cidr)
    if not subnet.enable_dhcp:
        _check_dhcp(changed, cidr)
    ranges = pool_ranges(changed.allocation_pools)
    number = None if changed.gateway_ip is None else int(ip_address(changed.gateway_ip))
    if "allocation_pools" in given:
        check_pools(ranges, cidr, number)
    elif "gateway_ip" in given:
        check_gateway_outside(ranges, number)
    if changed.gateway_ip != subnet.gateway_ip:
        _refuse_gateway_in_use(tx, subnet)
    return tx.put(changed)


def delete_subnet(tx: Tx, subnet_id: str, query: Mapping[str, str]) -> None:
    """Delete a subnet. Addresses that ports gave themselves (SLAAC) go with it.

    Raises:
        SubnetNotFound: there is none that the caller may see.
        SubnetInUse: ports have addresses of it.
    """
    subnet = visible_subnet(tx, subnet_id)
    require_delete(tx, SUBNET, subnet)
    version = ip_version(subnet.ip_version)
    if tx.context.addresses.taken(subnet.network_id, version).count(whole(parsed(subnet.cidr))):
        _take_from_ports(tx, subnet)
    tx.drop(subnet)


def _cidr(want: CreateSubnet) -> IpNetwork:
    if want.cidr is not None and want.prefixlen is not None:
        raise BadSubnetRequest(msg="cidr and prefixlen must not be supplied together")
    if want.subnetpool_id is not None:
        raise SubnetPoolNotFound(subnetpool_id=want.subnetpool_id)
    if want.use_default_subnetpool:
        raise BadSubnetRequest(msg=f"No default subnetpool found for IPv{want.ip_version}")
    if want.cidr is None:
        raise BadSubnetRequest(msg="a subnetpool must be specified in the absence of a cidr")
    cidr = ip_network(want.cidr)
    if want.ip_version != cidr.version:
        raise InvalidInput(
            error_message=f"cidr '{want.cidr}' does not match the ip_version '{want.ip_version}'"
        )
    if cidr.network_address == UNSPECIFIED_V6:
        raise InvalidInput(error_message="IPv6 subnet '::' is not supported")
    if cidr.prefixlen == 0:
        raise InvalidInput(error_message="0 is not allowed as CIDR prefix length")
    return cidr


def _refuse_overlap(tx: Tx, network: Network, cidr: IpNetwork) -> None:
    others = {parsed(subnet.cidr): subnet for subnet in tx.all(SUBNETS_OF_NETWORK, network.id)}
    other = overlapping(cidr, others)
    if other is not None:
        raise SubnetOverlaps(cidr=cidr, network_id=network.id, other_cidr=other, other_id=others[other].id)


def _check(subnet: Subnet, cidr: IpNetwork) -> None:
    """What a subnet's attributes must fulfil together, new or changed."""
    _check_modes(subnet, cidr)
    if subnet.gateway_ip is not None:
        gateway = ip_address(subnet.gateway_ip)
        if gateway.version != cidr.version:
            raise InvalidInput(
                error_message=f"gateway_ip '{gateway}' does not match the ip_version '{cidr.version}'"
            )
        if not is_gateway_address(cidr, int(gateway)):
            raise InvalidInput(error_message=f"Gateway {gateway} is not valid on subnet {cidr}")
    if len(subnet.host_routes) > HOST_ROUTES_MAX:
        raise HostRoutesExhausted(subnet_id=subnet.id, quota=HOST_ROUTES_MAX)
    for route in subnet.host_routes:
        versions = {ip_network(route.destination).version, ip_address(route.nexthop).version}
        if versions != {cidr.version}:
            raise InvalidInput(
                error_message=f"host_route {route.destination} via {route.nexthop} does not match "
                f"the ip_version '{cidr.version}'"
            )
    if len(subnet.dns_nameservers) > DNS_NAMESERVERS_MAX:
        raise DNSNameServersExhausted(subnet_id=subnet.id, quota=DNS_NAMESERVERS_MAX)
    for server in subnet.dns_nameservers:
        if ip_address(server).version != cidr.version:
            raise InvalidInput(
                error_message=f"dns_nameserver '{server}' does not match the ip_version '{cidr.version}'"
            )


def _check_dhcp(subnet: Subnet, cidr: IpNetwork) -> None:
    """What DHCP asks of a subnet where it is switched on."""
    if not subnet.enable_dhcp:
        return
    if cidr.prefixlen > cidr.max_prefixlen - 2:
        raise InvalidInput(
            error_message="Subnet has a prefix length that is incompatible with DHCP service enabled: "
            f"/{cidr.max_prefixlen - 2} is the longest, or set enable_dhcp to False"
        )
    if cidr.is_multicast or cidr.is_loopback:
        kind = "Multicast" if cidr.is_multicast else "Loopback"
        raise InvalidInput(error_message=f"{kind} IP subnet is not supported if enable_dhcp is True")
    if cidr.network_address == UNSPECIFIED_V4:
        raise InvalidInput(
            error_message="First IP '0.0.0.0' of network is not supported if enable_dhcp is True"
        )


def _check_modes(subnet: Subnet, cidr: IpNetwork) -> None:
    modes = {mode for mode in (subnet.ipv6_ra_mode, subnet.ipv6_address_mode) if mode is not None}
    if not modes:
        return
    if cidr.version == 4:
        raise InvalidInput(
            error_message="ipv6_ra_mode and ipv6_address_mode are not valid when ip_version is 4"
        )
    if not subnet.enable_dhcp:
        raise InvalidInput(
            error_message="ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"
        )
    if len(modes) > 1:
        raise InvalidInput(
            error_message=f"ipv6_ra_mode set to '{subnet.ipv6_ra_mode}' with ipv6_address_mode set to "
            f"'{subnet.ipv6_address_mode}' is not valid. "
            "If both attributes are set, they must be the same value"
        )
    if modes & AUTOMATIC and cidr.prefixlen != EUI64_PREFIX:
        raise InvalidInput(
            error_message=f"Invalid CIDR {cidr} for IPv6 address mode. Addresses in EUI-64 format "
            f"need a prefix of /{EUI64_PREFIX}"
        )


def _refuse_gateway_in_use(tx: Tx, subnet: Subnet) -> None:
    if subnet.gateway_ip is not None:
        for port in tx.all(PORT_BY_ADDRESS, (subnet.network_id, subnet.gateway_ip)):
            if port.device_owner in ROUTER_PORTS:
                raise GatewayIpInUse(ip_address=subnet.gateway_ip, port_id=port.id)


def _configure_ports(tx: Tx, subnet: Subnet) -> None:
    """The network's hosts configure themselves on the new subnet, so its ports have the addresses."""
    for port in list(tx.all(PORTS_OF_NETWORK, subnet.network_id)):
        if port.device_owner not in ROUTER_INTERFACES:
            address = self_configured(subnet, port.mac_address)
            tx.put(replace(port, fixed_ips=(*port.fixed_ips, FixedIp(subnet.id, address))))


def _take_from_ports(tx: Tx, subnet: Subnet) -> None:
    automatic = subnet.ipv6_address_mode in AUTOMATIC
    for port in list(tx.all(PORTS_OF_NETWORK, subnet.network_id)):
        left = tuple(fixed for fixed in port.fixed_ips if fixed.subnet_id != subnet.id)
        if len(left) == len(port.fixed_ips):
            continue
        goes = port.device_owner not in ROUTER_INTERFACES if automatic else port.device_owner in AUTO_DELETED
        if not goes:
            raise SubnetInUse(subnet_id=subnet.id, port_id=port.id)
        tx.put(replace(port, fixed_ips=left))


def _pools(ranges: Sequence[AddressRange]) -> tuple[AllocationPool, ...]:
    return tuple(AllocationPool(each.start, each.end) for each in ranges)


KIND = Kind(
    resource=SUBNET,
    rules=RULES,
    create=create_subnet,
    update=update_subnet,
    delete=delete_subnet,
    computed=lambda tx, subnet: {"subnetpool_id": None},
    filters=(Narrow(lookup=SUBNETS_OF_NETWORK, by=("network_id",)),),
    aliases=(
        Extension(
            alias="subnet-service-types",
            name="Subnet service types",
            updated="2016-03-15T18:00:00-00:00",
            description="Which device owners a subnet gives addresses to.",
            attributes=("service_types",),
        ),
    ),
)
