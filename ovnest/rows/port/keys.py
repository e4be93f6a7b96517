"""The keys of a port: in its row's external_ids, and in its document row."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from ovnest.codec import Codec, Key, derived, plain, some_text, text
from ovnest.northbound.names import network_of_switch
from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.resources.port import AddressPair, DhcpOption, Port
from ovnest.rows.home import DocumentKind
from ovnest.rows.standard import STANDARD

NAME: Final = "neutron:port_name"
PROJECT: Final = "neutron:project_id"
DEVICE_ID: Final = "neutron:device_id"
DEVICE_OWNER: Final = "neutron:device_owner"
CIDRS: Final = "neutron:cidrs"
SWITCH: Final = "neutron:network_name"
GROUPS: Final = "neutron:security_group_ids"
SCOPE4: Final = "neutron:subnet_pool_addr_scope4"
SCOPE6: Final = "neutron:subnet_pool_addr_scope6"
CAPABILITIES: Final = "neutron:port_capabilities"
MTU: Final = "neutron:mtu"
MAC: Final = "ovnest:mac_address"
IDEMPOTENCY_KEY: Final = "ovnest:idempotency"


_FACTS: Mapping[str, Key] = {
    "name": text(NAME, "the port's name; even when empty it marks a port of the API", editable=True),
    "device_id": text(DEVICE_ID, "device_id", editable=True),
    "device_owner": text(DEVICE_OWNER, "device_owner"),
    "project_id": text(PROJECT, "project_id"),
    "vnic_type": text("neutron:vnic_type", "binding:vnic_type", absent="normal"),
    "mac_address": text(MAC, "mac_address (`addresses` may hold only `unknown`)"),
    "idempotency_key": some_text(
        IDEMPOTENCY_KEY,
        "Idempotency-Key of the request that made it, a digest of that, `agent` if one did",
    ),
    **{name: STANDARD[name] for name in ("created_at", "updated_at", "revision_number")},
}
KEYS = Codec(
    Port,
    _FACTS,
    others=(
        text(CIDRS, "fixed_ips, as `address/prefix length` separated by spaces"),
        text(SWITCH, "the Logical_Switch's name: the network_id"),
        text(GROUPS, "security group ids, separated by spaces"),
        derived(SCOPE4, "address scope of the IPv4 subnet pool; empty"),
        derived(SCOPE6, "address scope of the IPv6 subnet pool; empty"),
        derived(CAPABILITIES, "`capabilities` of binding:profile, joined by semicolons"),
        derived(MTU, "the network's MTU on localports; else empty"),
    ),
)


class PortDetails(Struct, frozen=True, kw_only=True):
    """What a port has beside its row: these change nothing for northd here, and do on the row."""

    id: str
    description: Annotated[str, Meta(description="description")] = ""
    tags: Annotated[tuple[str, ...], Meta(description="the port's tags")] = ()
    profile: Annotated[
        dict[str, Any], Meta(description="binding:profile, without the parent and tag, which are columns")
    ] = {}
    host_id: Annotated[
        str, Meta(description="binding:host_id, where OVN must not have it as requested-chassis")
    ] = ""
    allowed_address_pairs: Annotated[
        tuple[AddressPair, ...], Meta(description="allowed_address_pairs, as they were sent")
    ] = ()
    extra_dhcp_opts: Annotated[tuple[DhcpOption, ...], Meta(description="extra_dhcp_opts")] = ()


DETAILS = DocumentKind(
    name="port",
    of="a port",
    subject="What a port has beside its row: these change nothing for northd here, and do on the row",
    codec=plain(PortDetails, without=("id",)),
)


def network_id_of(row: LogicalSwitchPort) -> str | None:
    """The network a port of the API is on; None for rows that are not ports of the API."""
    if NAME not in row.external_ids:
        return None
    return network_of_switch(row.external_ids.get(SWITCH, ""))


def addresses_of(row: LogicalSwitchPort) -> list[str]:
    """The fixed addresses of a port, without their prefix lengths."""
    return [cidr.partition("/")[0] for cidr in row.external_ids.get(CIDRS, "").split()]


def is_port(row: LogicalSwitchPort) -> bool:
    """Whether the row is a port of the API: named after its own id, on one of our networks."""
    return row.name == row.uuid and network_id_of(row) is not None
