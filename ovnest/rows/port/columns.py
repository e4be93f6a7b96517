"""Logical_Switch_Port rows of ports.

Source: ovn-nb(5), Logical_Switch_Port; ML2/OVN's layout.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ovnest.northbound.names import switch_name
from ovnest.northbound.tables import (
    REQUESTED_CHASSIS,
    ROUTER_PORT,
    VIRTUAL_IP,
    VIRTUAL_PARENTS,
    VTEP_LOGICAL,
    VTEP_SWITCH,
    DhcpOptions,
    LogicalSwitchPort,
)
from ovnest.ovsdb import RowUuid
from ovnest.resources.fields import ip_or_network
from ovnest.resources.network import Network
from ovnest.resources.port import ROUTER_PORTS, Port
from ovnest.resources.subnet import Subnet
from ovnest.rows.port import keys
from ovnest.rows.port.dhcp_options import is_dhcp_disabled, port_dhcp_options
from ovnest.rows.subnet import serves_dhcp

UNKNOWN = "unknown"
VTEP = (VTEP_SWITCH, VTEP_LOGICAL)
LOCALPORTS = {"network:distributed": "ovnmeta-", "ovn-lb-hm:distributed": "ovn-lb-hm"}


class PortContext(Struct, frozen=True, kw_only=True):
    """What a port's row depends on beside the port.

    Its network, its subnets by id, the ports that hold one of its addresses as an allowed pair (its virtual
    parents), the domain that DHCP hands out, and whether it has container ports.
    """

    network: Network
    subnets: Mapping[str, Subnet]
    virtual_address: str | None = None
    virtual_parents: Sequence[str] = ()
    domain: str = ""
    is_parent: bool = False


class PortRows(Struct, frozen=True, kw_only=True):
    """The rows of one port: its logical switch port, and its own DHCP options if it has any."""

    port: LogicalSwitchPort
    dhcp_options: tuple[DhcpOptions, ...] = ()


def logical_switch_port(port: Port, context: PortContext) -> PortRows:
    """The rows of a port.

    `tag` is written together with `tag_request`: northd otherwise gives a new port its tag one pass
    later, or, when `up` is false from the start, never.
    """
    kind = _type(port, context)
    options = _options(port, context, kind)
    v4, v6, own = _dhcp(port, context)
    secured = _port_security(port)
    return PortRows(
        port=LogicalSwitchPort(
            uuid=RowUuid(port.id),
            name=port.id,
            type=kind,
            addresses=_addresses(port, kind, secured, served=v4 is not None or v6 is not None),
            port_security=secured,
            parent_name=port.parent_name,
            tag_request=port.tag,
            tag=port.tag,
            up=False,  # unset, northd would write it, and pay twice for a container port
            enabled=port.admin_state_up,
            options=options,
            dhcpv4_options=v4,
            dhcpv6_options=v6,
            external_ids=_external_ids(port, context, kind),
        ),
        dhcp_options=own,
    )


def router_port_name(port_id: str) -> str:
    """The name of the Logical_Router_Port that a router's port is the other end of."""
    return f"lrp-{port_id}"


def lsp_type(port: Port) -> str:
    """What a port is to OVN by its owner or its profile: `router`, `localport`, `vtep`; empty for a VIF.

    Only under a VIF can OVN bind container ports.
    """
    if port.device_owner in ROUTER_PORTS:
        return "router"
    prefix = LOCALPORTS.get(port.device_owner)
    if prefix is not None and port.device_id.startswith(prefix):
        return "localport"
    if port.parent_name is not None or not port.profile:
        return ""
    return "vtep" if all(key in port.profile for key in VTEP) else ""


def _type(port: Port, context: PortContext) -> str:
    kind = lsp_type(port)
    if kind or port.parent_name is not None:
        return kind
    # A port that somebody uses (a VM's, or the parent of containers) stays what it is, whoever else allows
    # its address: OVN would no longer bind it.
    in_use = port.host_id or port.device_id or context.is_parent
    return "virtual" if context.virtual_parents and not in_use else ""


def _options(port: Port, context: PortContext, kind: str) -> dict[str, str]:
    if kind == "router":
        return {ROUTER_PORT: router_port_name(port.id)}
    if kind == "vtep":
        return {key: port.profile[key] for key in VTEP}
    if kind == "virtual" and context.virtual_address is not None:
        return {
            VIRTUAL_IP: context.virtual_address,
            VIRTUAL_PARENTS: ",".join(sorted(context.virtual_parents)),
        }
    # Never on a container port: it goes where its parent is, and a stale host would keep it down.
    if port.host_id and port.parent_name is None:
        return {REQUESTED_CHASSIS: port.host_id}
    return {}


def _port_security(port: Port) -> tuple[str, ...]:
    if not port.port_security_enabled or port.is_trusted:
        return ()
    own = [port.mac_address, *[fixed.ip_address for fixed in port.fixed_ips]]
    if not port.allowed_address_pairs:
        return (" ".join(own),)
    others = []
    for pair in port.allowed_address_pairs:
        address = ip_or_network(pair.ip_address)
        if pair.mac_address == port.mac_address:
            own.append(address)
        else:
            others.append(f"{pair.mac_address} {address}")
    return tuple(sorted({" ".join(dict.fromkeys(own)), *others}))


def _addresses(port: Port, kind: str, secured: tuple[str, ...], *, served: bool) -> tuple[str, ...]:
    if kind == "router":
        return ("router",)
    if kind == "vtep" or not (secured or kind or served):
        return (UNKNOWN,)
    own = " ".join([port.mac_address, *[fixed.ip_address for fixed in port.fixed_ips]])
    if secured and not port.allowed_address_pairs:
        return (own,)
    macs = (
        {pair.mac_address for pair in port.allowed_address_pairs} - {port.mac_address} if secured else set()
    )
    learns = () if secured or kind else (UNKNOWN,)
    return tuple(sorted({own, *macs, *learns}))


def _dhcp(port: Port, context: PortContext) -> tuple[RowUuid | None, RowUuid | None, tuple[DhcpOptions, ...]]:
    if port.device_owner.startswith(("network:", "neutron:")):
        return None, None, ()
    chosen: dict[int, RowUuid] = {}
    own = []
    for fixed in port.fixed_ips:
        subnet = context.subnets[fixed.subnet_id]
        version = subnet.ip_version
        if version in chosen or not serves_dhcp(subnet):
            continue
        if not port.extra_dhcp_opts:  # nearly every port
            chosen[version] = RowUuid(subnet.id)
            continue
        if is_dhcp_disabled(port, version):
            continue
        row = port_dhcp_options(port, subnet, context.network, context.domain)
        if row is not None:
            own.append(row)
        chosen[version] = RowUuid(subnet.id) if row is None else row.uuid
    return chosen.get(4), chosen.get(6), tuple(own)


def _external_ids(port: Port, context: PortContext, kind: str) -> dict[str, str]:
    capabilities = port.profile.get("capabilities")
    written = keys.KEYS.write(port)
    written[keys.CIDRS] = " ".join(
        [_cidr(fixed.ip_address, context.subnets[fixed.subnet_id]) for fixed in port.fixed_ips]
    )
    written[keys.SWITCH] = switch_name(port.network_id)
    written[keys.GROUPS] = written[keys.SCOPE4] = written[keys.SCOPE6] = ""
    written[keys.CAPABILITIES] = ";".join(capabilities) if isinstance(capabilities, list) else ""
    written[keys.MTU] = str(context.network.mtu) if kind == "localport" else ""
    return written


def _cidr(address: str, subnet: Subnet) -> str:
    return f"{address}/{subnet.cidr.partition('/')[2]}"
