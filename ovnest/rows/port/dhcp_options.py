"""A port's own DHCP options: a row for each IP version, its subnet's options overlaid with its own.

Source: ovn-nb(5), DHCP_Options; ML2/OVN's table of supported options.
"""

from collections.abc import Mapping

from ovnest.northbound.names import port_dhcp_uuid
from ovnest.northbound.tables import DhcpOptions
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.rows.subnet import NETWORK, PORT, SUBNET, dhcp_options, quoted, serves_dhcp

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
            overlay[name] = quoted(option.opt_value) if name in _QUOTED else option.opt_value
    if not overlay or not serves_dhcp(subnet):
        return None
    options = dhcp_options(subnet, network, domain) | overlay
    return DhcpOptions(
        uuid=port_dhcp_uuid(port.id, subnet.ip_version),
        cidr=subnet.cidr,
        options={name: value for name, value in options.items() if value},
        external_ids={
            SUBNET: subnet.id,
            NETWORK: subnet.network_id,
            PORT: port.id,
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
