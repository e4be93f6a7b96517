"""DHCP_Options rows: every subnet, and a port's own options.

Source: ovn-nb(5), DHCP_Options; ML2/OVN's choice of options.
"""

from collections.abc import Iterable, Mapping

import msgspec

from ovnest.allocation.macs import mac_from_id
from ovnest.derive.logical_switch import set_if, written_tags
from ovnest.northbound import external_ids as keys
from ovnest.northbound.names import port_dhcp_uuid
from ovnest.northbound.tables import DhcpOptions
from ovnest.ovsdb import RowUuid
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet

LEASE_S = 43200
SLAAC = "slaac"
STATELESS = "dhcpv6-stateless"
DHCP_OFF = "dhcp_disabled"

# What Neutron's clients call an option, and what OVN does. Numbers are DHCP's own codes.
# Source: ML2/OVN's table of supported options; ovn-nb(5), "DHCP_Options".
_V4_NAMES: Mapping[str, str] = {
    "arp-timeout": "arp_cache_timeout",
    "35": "arp_cache_timeout",
    "tcp-keepalive": "tcp_keepalive_interval",
    "38": "tcp_keepalive_interval",
    "bootfile-name": "bootfile_name",
    "67": "bootfile_name",
    "bootfile-name-alt": "bootfile_name_alt",
    "classless-static-route": "classless_static_route",
    "121": "classless_static_route",
    "default-ttl": "default_ttl",
    "23": "default_ttl",
    "dns-server": "dns_server",
    "6": "dns_server",
    "domain-name": "domain_name",
    "15": "domain_name",
    "domain-search": "domain_search_list",
    "119": "domain_search_list",
    "ethernet-encap": "ethernet_encap",
    "36": "ethernet_encap",
    "ip-forward-enable": "ip_forward_enable",
    "19": "ip_forward_enable",
    "lease-time": "lease_time",
    "51": "lease_time",
    "log-server": "log_server",
    "7": "log_server",
    "lpr-server": "lpr_server",
    "9": "lpr_server",
    "ms-classless-static-route": "ms_classless_static_route",
    "249": "ms_classless_static_route",
    "mtu": "mtu",
    "26": "mtu",
    "netmask": "netmask",
    "1": "netmask",
    "nis-server": "nis_server",
    "41": "nis_server",
    "ntp-server": "ntp_server",
    "42": "ntp_server",
    "path-prefix": "path_prefix",
    "210": "path_prefix",
    "policy-filter": "policy_filter",
    "21": "policy_filter",
    "router": "router",
    "3": "router",
    "router-discovery": "router_discovery",
    "31": "router_discovery",
    "router-solicitation": "router_solicitation",
    "32": "router_solicitation",
    "server-id": "server_id",
    "54": "server_id",
    "server-ip-address": "tftp_server_address",
    "swap-server": "swap_server",
    "16": "swap_server",
    "T1": "T1",
    "58": "T1",
    "T2": "T2",
    "59": "T2",
    "tcp-ttl": "tcp_ttl",
    "37": "tcp_ttl",
    "tftp-server": "tftp_server",
    "66": "tftp_server",
    "tftp-server-address": "tftp_server_address",
    "150": "tftp_server_address",
    "wpad": "wpad",
    "252": "wpad",
}
_V6_NAMES: Mapping[str, str] = {
    "server-id": "server_id",
    "2": "server_id",
    "ia-addr": "ia_addr",
    "5": "ia_addr",
    "dns-server": "dns_server",
    "23": "dns_server",
    "domain-search": "domain_search",
    "24": "domain_search",
}
_QUOTED = frozenset({"domain_name", "domain_search_list", "domain_search", "bootfile_name",
                     "bootfile_name_alt", "path_prefix", "tftp_server", "wpad"})  # fmt: skip


def serves_dhcp(subnet: Subnet) -> bool:
    """Whether OVN answers DHCP on the subnet: not when it is off, nor where hosts choose (SLAAC)."""
    return subnet.enable_dhcp and subnet.ipv6_address_mode != SLAAC


def subnet_dhcp_options(subnet: Subnet, network: Network, domain: str) -> DhcpOptions:
    """The row of a subnet. Its options are empty when OVN does not answer DHCP there.

    `domain` is the domain name that all subnets hand out; empty: none.
    """
    ids = {
        keys.SUBNET: subnet.id,
        keys.SUBNET_NETWORK: subnet.network_id,
        keys.REVISION: str(subnet.revision_number),
        keys.NAME: subnet.name,
        keys.PROJECT: subnet.project_id,
        keys.POOLS: " ".join(f"{pool.start}-{pool.end}" for pool in subnet.allocation_pools),
        keys.CREATED: subnet.created_at,
        keys.UPDATED: subnet.updated_at,
    }
    set_if(
        ids,
        (keys.ENABLE_DHCP, None if subnet.enable_dhcp else "false"),
        (keys.GATEWAY, subnet.gateway_ip),
        (keys.NAMESERVERS, " ".join(subnet.dns_nameservers) or None),
        (keys.ROUTES, " ".join(f"{r.destination},{r.nexthop}" for r in subnet.host_routes) or None),
        (keys.RA_MODE, subnet.ipv6_ra_mode),
        (keys.ADDRESS_MODE, subnet.ipv6_address_mode),
        (keys.SERVICE_TYPES, " ".join(subnet.service_types) or None),
        (keys.DESCRIPTION, subnet.description or None),
        (keys.TAGS, written_tags(subnet.tags)),
    )
    return DhcpOptions(
        uuid=RowUuid(subnet.id),
        cidr=subnet.cidr,
        options=_options(subnet, network, domain),
        external_ids=ids,
    )


def port_dhcp_options(port: Port, subnet: Subnet, network: Network, domain: str) -> DhcpOptions | None:
    """The row of a port that has DHCP options of its own for the subnet's IP version; else None.

    The subnet's options, overlaid with the port's. Options that OVN does not know are left out, as
    ML2/OVN does.
    """
    names = _V4_NAMES if subnet.ip_version == 4 else _V6_NAMES
    own = [option for option in port.extra_dhcp_opts if option.ip_version == subnet.ip_version]
    overlay = {}
    for option in own:
        name = names.get(option.opt_name)
        if name is not None and option.opt_value is not None:
            overlay[name] = _quoted(option.opt_value) if name in _QUOTED else option.opt_value
    if not overlay or not serves_dhcp(subnet):
        return None
    options = _options(subnet, network, domain) | overlay
    return DhcpOptions(
        uuid=port_dhcp_uuid(port.id, subnet.ip_version),
        cidr=subnet.cidr,
        options={name: value for name, value in options.items() if value},
        external_ids={
            keys.SUBNET: subnet.id,
            keys.SUBNET_NETWORK: subnet.network_id,
            keys.PORT: port.id,
        },
    )


def is_dhcp_disabled(port: Port, ip_version: int) -> bool:
    """Whether the port itself switches OVN's DHCP off, by the option `dhcp_disabled`."""
    return any(
        option.opt_name == DHCP_OFF
        and option.ip_version == ip_version
        and (option.opt_value or "").lower() == "true"
        for option in port.extra_dhcp_opts
    )


def _options(subnet: Subnet, network: Network, domain: str) -> dict[str, str]:
    if not serves_dhcp(subnet):
        return {}
    return _v4_options(subnet, network, domain) if subnet.ip_version == 4 else _v6_options(subnet)


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
        options["domain_name"] = _quoted(domain)
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


def _quoted(value: str) -> str:
    """A string in OVN's expression language, which writes them as JSON does."""
    return msgspec.json.encode(value).decode()


def _set(values: Iterable[str]) -> str:
    return "{" + ", ".join(values) + "}"
