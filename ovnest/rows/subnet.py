"""Subnets: each is a DHCP_Options row, whether OVN answers DHCP there or not.

Source: ovn-nb(5), DHCP_Options; ML2/OVN's choice of options.
"""

from collections.abc import Iterable, Iterator

import msgspec

from ovnest.allocation.macs import mac_from_id
from ovnest.allocation.ranges import address_number
from ovnest.codec import Codec, derived, flag, some_text, structs_of, text, words
from ovnest.northbound.cidrs import range_of
from ovnest.northbound.tables import DhcpOptions
from ovnest.ovsdb import Index, Row, RowUuid
from ovnest.resources.network import Network
from ovnest.resources.subnet import AllocationPool, HostRoute, Subnet
from ovnest.rows.home import NOTHING, Dependents, Facts, Home, Lookup, Wanted
from ovnest.rows.standard import STANDARD

SUBNET = "subnet_id"
NETWORK = "neutron:network_id"
PORT = "port_id"  # on the row of a port's own options
OURS = "ovnest:"
LEASE_S = 43200
SLAAC = "slaac"
STATELESS = "dhcpv6-stateless"
_BOTH = "a subnet, and a port's own options"

KEYS = Codec(
    Subnet,
    {
        "network_id": text(NETWORK, "the subnet's network_id", on=_BOTH),
        "name": text("ovnest:name", "the subnet's name", editable=True),
        "enable_dhcp": flag(
            "ovnest:enable_dhcp", "`false` when DHCP is off; absent when it is on", written=False
        ),
        "gateway_ip": some_text("ovnest:gateway_ip", "gateway_ip; absent when there is none", absent=None),
        "allocation_pools": structs_of(
            AllocationPool,
            "ovnest:allocation_pools",
            "allocation_pools, as `start-end` separated by spaces",
            separator="-",
            always=True,
        ),
        "dns_nameservers": words("ovnest:dns_nameservers", "dns_nameservers, separated by spaces"),
        "host_routes": structs_of(
            HostRoute,
            "ovnest:host_routes",
            "host_routes, as `destination,nexthop` separated by spaces",
            separator=",",
        ),
        "ipv6_ra_mode": some_text("ovnest:ipv6_ra_mode", "ipv6_ra_mode", absent=None),
        "ipv6_address_mode": some_text("ovnest:ipv6_address_mode", "ipv6_address_mode", absent=None),
        "service_types": words("ovnest:service_types", "service_types, separated by spaces"),
        **STANDARD,
    },
    others=(derived(SUBNET, "the subnet's id", on=_BOTH),),
)


def is_subnet(row: DhcpOptions) -> bool:
    """Whether the row is a subnet of the API, not the options of one port nor somebody else's."""
    ids = row.external_ids
    return ids.get(SUBNET) == row.uuid and PORT not in ids and NETWORK in ids


def read_subnet(row: DhcpOptions) -> Subnet:
    """The facts of a subnet.

    Raises:
        ValueError: a list in it cannot be understood.
    """
    return KEYS.read(row.external_ids, id=row.uuid, cidr=row.cidr, ip_version=6 if ":" in row.cidr else 4)


def subnet_of(facts: Facts, network_id: str, address: str) -> str:
    """The id of the subnet that an address of a network belongs to.

    Raises:
        ValueError: it belongs to none.
    """
    version, number = address_number(address)
    for subnet in facts.all(SUBNETS_OF_NETWORK, network_id):
        if subnet.ip_version == version and number in range_of(subnet.cidr):
            return subnet.id
    raise ValueError(f"the address {address} belongs to no subnet of network {network_id}")


def serves_dhcp(subnet: Subnet) -> bool:
    """Whether OVN answers DHCP on the subnet: not when it is off, nor where hosts use SLAAC."""
    return subnet.enable_dhcp and subnet.ipv6_address_mode != SLAAC


def subnet_dhcp_options(subnet: Subnet, network: Network, domain: str) -> DhcpOptions:
    """The row of a subnet. Its options are empty when OVN does not answer DHCP there.

    `domain` is the domain name that all subnets hand out; empty: none.
    """
    return DhcpOptions(
        uuid=RowUuid(subnet.id),
        cidr=subnet.cidr,
        options=dhcp_options(subnet, network, domain),
        external_ids={SUBNET: subnet.id, **KEYS.write(subnet)},
    )


def dhcp_options(subnet: Subnet, network: Network, domain: str) -> dict[str, str]:
    """What DHCP hands out on a subnet, in OVN's words."""
    if not serves_dhcp(subnet):
        return {}
    return _v4_options(subnet, network, domain) if subnet.ip_version == 4 else _v6_options(subnet)


def quoted(value: str) -> str:
    """A string in OVN's expression language, which writes them as JSON does."""
    return msgspec.json.encode(value).decode()


def _v4_options(subnet: Subnet, network: Network, domain: str) -> dict[str, str]:
    if subnet.gateway_ip is None:  # nobody whose address OVN could answer with
        return {}
    options = {
        "server_id": subnet.gateway_ip,
        "server_mac": mac_from_id(subnet.id),
        "lease_time": str(LEASE_S),
        "mtu": str(network.mtu),
        "router": subnet.gateway_ip,
    }
    if subnet.dns_nameservers:
        options["dns_server"] = _set(subnet.dns_nameservers)
    if domain:
        options["domain_name"] = quoted(domain)
    if subnet.host_routes:
        # RFC 3442: a client that takes these ignores `router`, so the default route stands here too.
        routes = [f"{route.destination},{route.nexthop}" for route in subnet.host_routes]
        options["classless_static_route"] = _set([*routes, f"0.0.0.0/0,{subnet.gateway_ip}"])
    return options


def _v6_options(subnet: Subnet) -> dict[str, str]:
    options = {"server_id": mac_from_id(subnet.id)}
    if subnet.dns_nameservers:
        options["dns_server"] = _set(subnet.dns_nameservers)
    if subnet.ipv6_address_mode == STATELESS:
        options["dhcpv6_stateless"] = "true"
    return options


def _set(values: Iterable[str]) -> str:
    return "{" + ", ".join(values) + "}"


def _current(key: str, facts: Facts) -> Wanted:
    row = facts.view.find(DhcpOptions, RowUuid(key))
    return NOTHING if row is None else Wanted(rows=(row,))


def _desired(subnet: Subnet, facts: Facts) -> Wanted:
    network = facts.get(Network, subnet.network_id)
    return Wanted(rows=(subnet_dhcp_options(subnet, network, facts.settings.dns_domain),))


def _claims(row: DhcpOptions) -> str | None:
    ids = row.external_ids
    if PORT in ids or not any(key == SUBNET or key.startswith(OURS) for key in ids):
        return None
    return f"a subnet has its own _uuid as {SUBNET}, and {NETWORK}"


def _owner(row: Row, facts: Facts) -> str | None:
    return row.uuid if isinstance(row, DhcpOptions) and PORT not in row.external_ids else None


def _of_network(facts: Facts, before: Network | None, after: Network | None) -> Iterator[Subnet]:
    if before is not None and after is not None and before.mtu != after.mtu:
        yield from facts.all(SUBNETS_OF_NETWORK, after.id)


def _network_of(row: DhcpOptions) -> Iterable[str]:
    network_id = row.external_ids.get(NETWORK)
    return () if network_id is None or PORT in row.external_ids else (network_id,)


SUBNETS_OF_NETWORK = Lookup(
    Index("subnets of a network", DhcpOptions, _network_of),
    Subnet,
    order=lambda subnet: (subnet.created_at, subnet.id),
    remembered=True,
)

HOME = Home(
    facts=Subnet,
    row=DhcpOptions,
    keys={DhcpOptions: KEYS},
    is_one=is_subnet,
    read=lambda row, facts: read_subnet(row),
    current=_current,
    desired=_desired,
    claims=_claims,
    owner=_owner,
    alone=True,
    lookups=(SUBNETS_OF_NETWORK,),
    depends={Network: Dependents("DHCP hands out the network's MTU", _of_network)},
)
