"""Subnets: what a client may send, what the database holds, what is shown.

Source: Neutron API reference, "Subnets".
"""

from typing import Any, Literal, get_args

from msgspec import UNSET, Struct, UnsetType

from ovnest.errors.subnet import SubnetNotFound
from ovnest.resources.fields import (
    DESCRIPTION_MAX,
    NAME_MAX,
    Coercions,
    Description,
    Name,
    Uuid,
    boolean,
    choice,
    distinct,
    ip_address,
    ip_network,
    ip_version,
    limited,
    listed,
    mapping,
    optional,
    required,
    resource_tags,
    text_or_empty,
    uuid,
    whole_number,
)
from ovnest.resources.network import NETWORK
from ovnest.resources.resource import Parent, Resource

Ipv6Mode = Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"]
IPV6_MODES = get_args(Ipv6Mode)
IpVersion = Literal[4, 6]
DNS_NAMESERVERS_MAX = 5  # Neutron's max_dns_nameservers
HOST_ROUTES_MAX = 20  # Neutron's max_subnet_host_routes


class AllocationPool(Struct, frozen=True, gc=False):
    """Addresses that ports are given by themselves, from `start` to `end`, both included."""

    start: str
    end: str


class HostRoute(Struct, frozen=True, gc=False):
    """A route that DHCP hands out."""

    destination: str
    nexthop: str


class Subnet(Struct, frozen=True, kw_only=True, gc=False):
    """The facts of one subnet."""

    id: str  # UUID, the `_uuid` of its DHCP_Options row
    project_id: str  # its owner
    network_id: str  # UUID of its network
    cidr: str  # canonical text, without host bits
    ip_version: int  # 4 or 6
    name: str = ""  # for people; several may have the same
    description: str = ""  # for people
    gateway_ip: str | None = None  # canonical text; None: there is none
    allocation_pools: tuple[AllocationPool, ...] = ()  # addresses given by themselves, in their order
    dns_nameservers: tuple[str, ...] = ()  # addresses, in their order
    host_routes: tuple[HostRoute, ...] = ()  # handed out by DHCP (RFC 3442)
    enable_dhcp: bool = True  # whether OVN answers DHCP there
    ipv6_ra_mode: str | None = None  # who sends router advertisements; None: not said
    ipv6_address_mode: str | None = None  # how hosts get addresses; None: not said
    service_types: tuple[str, ...] = ()  # device owners it is for; none: for all
    tags: tuple[str, ...] = ()  # words that stick to it, in alphabetical order
    created_at: str = ""  # UTC, YYYY-MM-DDTHH:MM:SSZ
    updated_at: str = ""  # likewise
    revision_number: int = 0  # from 1; each change raises it


class CreateSubnet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may send to make a subnet.

    A `gateway_ip` left out means the first address; null means none.
    """

    network_id: Uuid
    cidr: str | None = None
    ip_version: IpVersion
    project_id: Name | None = None
    name: Name = ""
    description: Description = ""
    gateway_ip: str | UnsetType | None = UNSET
    allocation_pools: tuple[AllocationPool, ...] | UnsetType = UNSET
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[HostRoute, ...] = ()
    enable_dhcp: bool = True
    ipv6_ra_mode: Ipv6Mode | None = None
    ipv6_address_mode: Ipv6Mode | None = None
    service_types: tuple[str, ...] = ()
    subnetpool_id: Uuid | None = None
    prefixlen: int | None = None
    use_default_subnetpool: bool = False
    tags: tuple[str, ...] = ()


class UpdateSubnet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may change. A field left out stays as it is; `gateway_ip: null` takes it away."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    gateway_ip: str | UnsetType | None = UNSET
    allocation_pools: tuple[AllocationPool, ...] | UnsetType = UNSET
    dns_nameservers: tuple[str, ...] | UnsetType = UNSET
    host_routes: tuple[HostRoute, ...] | UnsetType = UNSET
    enable_dhcp: bool | UnsetType = UNSET
    service_types: tuple[str, ...] | UnsetType = UNSET


class SubnetBody(Struct, frozen=True, kw_only=True, gc=False):
    """A subnet as it is shown."""

    id: str
    name: str
    tenant_id: str
    project_id: str
    network_id: str
    ip_version: int
    subnetpool_id: str | None
    enable_dhcp: bool
    ipv6_ra_mode: str | None
    ipv6_address_mode: str | None
    gateway_ip: str | None
    cidr: str
    allocation_pools: tuple[AllocationPool, ...]
    host_routes: tuple[HostRoute, ...]
    dns_nameservers: tuple[str, ...]
    description: str
    service_types: tuple[str, ...]
    tags: tuple[str, ...]
    created_at: str
    updated_at: str
    revision_number: int


def _service_type(value: Any) -> str:
    name: str = limited(NAME_MAX)(value)
    if name.split() != [name]:  # blanks separate them in the database
        raise ValueError(f"{name!r} is empty or has blanks in it")
    if not name.startswith(("compute:", "network:", "neutron:")):
        raise ValueError(f"{name!r} is not a device owner: it starts with neither network: nor compute:")
    return name


_POOL = required("start", "end", of=mapping(start=ip_address, end=ip_address))
_ROUTE = required("destination", "nexthop", of=mapping(destination=ip_network, nexthop=ip_address))

_BOTH: Coercions = {
    "name": limited(NAME_MAX, text_or_empty),
    "description": limited(DESCRIPTION_MAX, text_or_empty),
    "gateway_ip": optional(ip_address),
    "allocation_pools": listed(_POOL),
    "dns_nameservers": distinct(listed(ip_address)),
    "host_routes": distinct(listed(_ROUTE)),
    "enable_dhcp": boolean,
    "service_types": distinct(listed(_service_type)),
}
UPDATE_SUBNET = _BOTH
CREATE_SUBNET: Coercions = {
    **_BOTH,
    "network_id": uuid,
    "cidr": optional(ip_network),
    "ip_version": ip_version,
    "project_id": optional(limited(NAME_MAX)),
    "tenant_id": optional(limited(NAME_MAX)),
    "ipv6_ra_mode": optional(choice(*IPV6_MODES)),
    "ipv6_address_mode": optional(choice(*IPV6_MODES)),
    "subnetpool_id": optional(uuid),
    "prefixlen": optional(whole_number(0, 128)),
    "use_default_subnetpool": boolean,
    "tags": resource_tags,
}

SUBNET = Resource(
    singular="subnet",
    plural="subnets",
    facts=Subnet,
    body=SubnetBody,
    not_found=lambda key: SubnetNotFound(subnet_id=key),
    create=CreateSubnet,
    create_coercions=CREATE_SUBNET,
    update=UpdateSubnet,
    update_coercions=UPDATE_SUBNET,
    parent=Parent(resource=NETWORK, attribute="network_id"),
)
