"""Reading subnets from DHCP_Options rows: every subnet is one, with DHCP or without."""

from ovnest.northbound import external_ids as keys
from ovnest.northbound.networks import read_tags
from ovnest.northbound.tables import DhcpOptions
from ovnest.resources.subnet import AllocationPool, HostRoute, Subnet


def is_subnet(row: DhcpOptions) -> bool:
    """Whether the row is a subnet of the API, not the options of one port nor somebody else's."""
    ids = row.external_ids
    return ids.get(keys.SUBNET) == row.uuid and keys.PORT not in ids and keys.SUBNET_NETWORK in ids


def read_subnet(row: DhcpOptions) -> Subnet:
    """The facts of a subnet.

    Raises:
        ValueError: a list in it cannot be understood.
    """
    ids = row.external_ids
    return Subnet(
        id=row.uuid,
        project_id=ids.get(keys.PROJECT, ""),
        network_id=ids[keys.SUBNET_NETWORK],
        cidr=row.cidr,
        ip_version=6 if ":" in row.cidr else 4,
        name=ids.get(keys.NAME, ""),
        description=ids.get(keys.DESCRIPTION, ""),
        gateway_ip=ids.get(keys.GATEWAY),
        allocation_pools=tuple(
            AllocationPool(start, end) for start, end in _pairs(ids.get(keys.POOLS, ""), "-")
        ),
        dns_nameservers=tuple(ids.get(keys.NAMESERVERS, "").split()),
        host_routes=tuple(HostRoute(to, via) for to, via in _pairs(ids.get(keys.ROUTES, ""), ",")),
        enable_dhcp=ids.get(keys.ENABLE_DHCP) != "false",
        ipv6_ra_mode=ids.get(keys.RA_MODE),
        ipv6_address_mode=ids.get(keys.ADDRESS_MODE),
        service_types=tuple(ids.get(keys.SERVICE_TYPES, "").split()),
        tags=read_tags(ids.get(keys.TAGS)),
        created_at=ids.get(keys.CREATED, ""),
        updated_at=ids.get(keys.UPDATED, ""),
        revision_number=int(ids.get(keys.REVISION, "0")),
    )


def _pairs(written: str, separator: str) -> list[tuple[str, str]]:
    pairs = []
    for item in written.split():
        left, found, right = item.partition(separator)
        if not found:
            raise ValueError(f"{item!r} is not two values joined by {separator!r}")
        pairs.append((left, right))
    return pairs
