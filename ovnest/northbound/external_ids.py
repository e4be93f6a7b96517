"""Every key in the Northbound's maps: on which row it stands, what it means, whether a hand may edit it.

`docs/northbound.md` is made from this table, and a test keeps the two alike. `KEYS` is also what a write
owns: keys that are not listed here belong to others and survive our updates.

Source: ML2/OVN's external_ids, which its agents read; ovnest's own keys begin with `ovnest:`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One key of a map column. `derived` keys are computed from facts; `editable` ones a hand may change."""

    table: str
    name: str
    meaning: str
    derived: bool = False
    editable: bool = False
    row: str = ""


# Keys that several kinds of row have.
REVISION = "neutron:revision_number"
PROJECT = "ovnest:project_id"
CREATED = "ovnest:created_at"
UPDATED = "ovnest:updated_at"
DESCRIPTION = "ovnest:description"
TAGS = "ovnest:tags"

# Logical_Switch
NETWORK_NAME = "neutron:network_name"
MTU = "neutron:mtu"
AZ_HINTS = "neutron:availability_zone_hints"
NETWORK_TYPE = "neutron:provnet-network-type"
PHYSICAL_NETWORK = "neutron:provnet-physical-network"
SEGMENTATION_ID = "ovnest:segmentation_id"
SEGMENT = "ovnest:segment_id"
ADMIN_STATE_UP = "ovnest:admin_state_up"
SHARED = "ovnest:shared"
EXTERNAL = "ovnest:external"
PORT_SECURITY = "ovnest:port_security_enabled"
DNS_DOMAIN = "ovnest:dns_domain"

# DHCP_Options
SUBNET = "subnet_id"
PORT = "port_id"
SUBNET_NETWORK = "neutron:network_id"
NAME = "ovnest:name"
ENABLE_DHCP = "ovnest:enable_dhcp"
GATEWAY = "ovnest:gateway_ip"
POOLS = "ovnest:allocation_pools"
NAMESERVERS = "ovnest:dns_nameservers"
ROUTES = "ovnest:host_routes"
RA_MODE = "ovnest:ipv6_ra_mode"
ADDRESS_MODE = "ovnest:ipv6_address_mode"
SERVICE_TYPES = "ovnest:service_types"

# Logical_Switch_Port
PORT_NAME = "neutron:port_name"
DEVICE_ID = "neutron:device_id"
DEVICE_OWNER = "neutron:device_owner"
PORT_PROJECT = "neutron:project_id"
CIDRS = "neutron:cidrs"
SWITCH = "neutron:network_name"
GROUPS = "neutron:security_group_ids"
SCOPE4 = "neutron:subnet_pool_addr_scope4"
SCOPE6 = "neutron:subnet_pool_addr_scope6"
VNIC_TYPE = "neutron:vnic_type"
CAPABILITIES = "neutron:port_capabilities"
PORT_MTU = "neutron:mtu"
MAC = "ovnest:mac_address"
ONCE = "ovnest:idempotency"

# Document rows, and the ledger
KIND = "ovnest:kind"
LAYOUT = "ovnest:layout"
SEQ = "ovnest:seq"
LAST = "ovnest:last"
SERVER = "ovnest:server:<id>"
LEADER = "ovnest:leader"

# Keys of options and other_config
REQUESTED_CHASSIS = "requested-chassis"
ROUTER_PORT = "router-port"
VIRTUAL_IP = "virtual-ip"
VIRTUAL_PARENTS = "virtual-parents"
VTEP_SWITCH = "vtep-physical-switch"
VTEP_LOGICAL = "vtep-logical-switch"

_LS_CONFIG = "Logical_Switch.other_config"
_LSP_OPTIONS = "Logical_Switch_Port.options"
_LS = "Logical_Switch.external_ids"
_LSP = "Logical_Switch_Port.external_ids"
_DHCP = "DHCP_Options.external_ids"
_COPP = "Copp.external_ids"

KEYS: tuple[Key, ...] = (
    Key(_LS, NETWORK_NAME, "the network's name", editable=True),
    Key(_LS, MTU, "the network's MTU, in bytes"),
    Key(_LS, REVISION, "revision_number, raised by each change"),
    Key(_LS, AZ_HINTS, "availability_zone_hints, comma-separated"),
    Key(_LS, NETWORK_TYPE, "provider:network_type: geneve, vlan or flat"),
    Key(_LS, PHYSICAL_NETWORK, "provider:physical_network; absent on a tunnel network"),
    Key(_LS, SEGMENTATION_ID, "provider:segmentation_id: VLAN ID, or the number shown for a tunnel network"),
    Key(_LS, SEGMENT, "id of the physical segment, which names its localnet port"),
    Key(_LS, PROJECT, "project_id"),
    Key(_LS, ADMIN_STATE_UP, "`false` when the network is disabled; absent when it is enabled"),
    Key(_LS, SHARED, "`true` when all projects may use the network", editable=True),
    Key(_LS, EXTERNAL, "`true` for router:external", editable=True),
    Key(_LS, PORT_SECURITY, "`false` when new ports get no port security", editable=True),
    Key(_LS, DNS_DOMAIN, "dns_domain", editable=True),
    Key(_LS, DESCRIPTION, "description", editable=True),
    Key(_LS, TAGS, "the resource's tags, a JSON list", editable=True),
    Key(_LS, CREATED, "created_at, UTC"),
    Key(_LS, UPDATED, "updated_at, UTC"),
    Key(_LSP, PORT_NAME, "the port's name; even when empty it marks a port of the API", editable=True),
    Key(_LSP, DEVICE_ID, "device_id", editable=True),
    Key(_LSP, DEVICE_OWNER, "device_owner"),
    Key(_LSP, PORT_PROJECT, "project_id"),
    Key(_LSP, CIDRS, "fixed_ips, as `address/prefix length` separated by spaces"),
    Key(_LSP, SWITCH, "the Logical_Switch's name: the network_id"),
    Key(_LSP, GROUPS, "security group ids, separated by spaces"),
    Key(_LSP, REVISION, "revision_number, raised by each change"),
    Key(_LSP, SCOPE4, "address scope of the IPv4 subnet pool; empty", derived=True),
    Key(_LSP, SCOPE6, "address scope of the IPv6 subnet pool; empty", derived=True),
    Key(_LSP, VNIC_TYPE, "binding:vnic_type"),
    Key(_LSP, CAPABILITIES, "`capabilities` of binding:profile, joined by semicolons", derived=True),
    Key(_LSP, PORT_MTU, "the network's MTU on localports; else empty", derived=True),
    Key(_LSP, MAC, "mac_address (`addresses` may hold only `unknown`)"),
    Key(_LSP, ONCE, "Idempotency-Key of the request that made it, a digest of that, `agent` if one did"),
    Key(_LSP, CREATED, "created_at, UTC"),
    Key(_LSP, UPDATED, "updated_at, UTC"),
    Key(_DHCP, SUBNET, "the subnet's id", row="a subnet, and a port's own options"),
    Key(_DHCP, SUBNET_NETWORK, "the subnet's network_id", row="a subnet, and a port's own options"),
    Key(_DHCP, REVISION, "revision_number, raised by each change"),
    Key(_DHCP, PORT, "the port whose own options these are", derived=True, row="a port's own options"),
    Key(_DHCP, NAME, "the subnet's name", editable=True),
    Key(_DHCP, PROJECT, "project_id"),
    Key(_DHCP, ENABLE_DHCP, "`false` when DHCP is off; absent when it is on"),
    Key(_DHCP, GATEWAY, "gateway_ip; absent when there is none"),
    Key(_DHCP, POOLS, "allocation_pools, as `start-end` separated by spaces"),
    Key(_DHCP, NAMESERVERS, "dns_nameservers, separated by spaces"),
    Key(_DHCP, ROUTES, "host_routes, as `destination,nexthop` separated by spaces"),
    Key(_DHCP, RA_MODE, "ipv6_ra_mode"),
    Key(_DHCP, ADDRESS_MODE, "ipv6_address_mode"),
    Key(_DHCP, SERVICE_TYPES, "service_types, separated by spaces"),
    Key(_DHCP, DESCRIPTION, "description", editable=True),
    Key(_DHCP, TAGS, "the resource's tags, a JSON list", editable=True),
    Key(_DHCP, CREATED, "created_at, UTC"),
    Key(_DHCP, UPDATED, "updated_at, UTC"),
    Key(_LS_CONFIG, "mcast_snoop", "`false`", derived=True),
    Key(_LS_CONFIG, "mcast_flood_unregistered", "`false`", derived=True),
    Key(_LS_CONFIG, "vlan-passthru", "`false`", derived=True),
    Key(_LS_CONFIG, "fdb_age_threshold", "`300` on vlan and flat networks", derived=True),
    Key(_LS_CONFIG, "broadcast-arps-to-all-routers", "`true` on external networks", derived=True),
    Key(
        _LSP_OPTIONS,
        REQUESTED_CHASSIS,
        "binding:host_id; of a container, router, virtual or vtep port it stands in its document instead",
        editable=True,
    ),
    Key(_LSP_OPTIONS, ROUTER_PORT, "a router's port: `lrp-<id>`", derived=True),
    Key(_LSP_OPTIONS, VIRTUAL_IP, "the address that others have as an allowed pair", derived=True),
    Key(_LSP_OPTIONS, VIRTUAL_PARENTS, "the ports that have it, comma-separated", derived=True),
    Key(_LSP_OPTIONS, VTEP_SWITCH, "from binding:profile", derived=True),
    Key(_LSP_OPTIONS, VTEP_LOGICAL, "from binding:profile", derived=True),
    Key(_LSP_OPTIONS, "network_name", "provider:physical_network", derived=True, row="a localnet port"),
    Key(_LSP_OPTIONS, "mcast_flood", "`false`", derived=True, row="a localnet port"),
    Key(_LSP_OPTIONS, "mcast_flood_reports", "`true`", derived=True, row="a localnet port"),
    Key(_LSP_OPTIONS, "localnet_learn_fdb", "`false`", derived=True, row="a localnet port"),
    Key(_COPP, KIND, "the document's kind; its other keys are listed by kind", row="a document"),
    Key(_COPP, LAYOUT, "which layout the rows have", row="the ledger"),
    Key(_COPP, SEQ, "number of the last batch of writes", row="the ledger"),
    Key(_COPP, LAST, "id of the server that wrote that batch", row="the ledger"),
    Key(_COPP, SERVER, "a server's last batch and when it was, in Unix time", row="the ledger"),
    Key(_COPP, LEADER, "chance, written to see whether a cluster's leader can commit", row="the ledger"),
)

OWNED: dict[str, frozenset[str]] = {
    column: frozenset(key.name for key in KEYS if key.table == column)
    for column in {key.table for key in KEYS}
}
