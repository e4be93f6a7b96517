"""Which columns and keys of a row are ours: what a write sets, and `ovnest check` compares.

Everything else in a row belongs to OVN or to somebody else, and survives.
"""

from ovnest.northbound.external_ids import OWNED
from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Row

SWITCH_OPTIONS = frozenset(
    {
        "mcast_snoop",
        "mcast_flood_unregistered",
        "vlan-passthru",
        "fdb_age_threshold",
        "broadcast-arps-to-all-routers",
    }
)
PORT_OPTIONS = frozenset(
    {
        "requested-chassis",
        "router-port",
        "virtual-ip",
        "virtual-parents",
        "network_name",
        "mcast_flood",
        "mcast_flood_reports",
        "localnet_learn_fdb",
        "vtep-physical-switch",
        "vtep-logical-switch",
    }
)

# Map columns: the keys that are ours; None means all of them.
OWNED_KEYS: dict[tuple[type[Row], str], frozenset[str] | None] = {
    (LogicalSwitch, "other_config"): SWITCH_OPTIONS,
    (LogicalSwitch, "external_ids"): OWNED["Logical_Switch.external_ids"],
    (LogicalSwitchPort, "options"): PORT_OPTIONS,
    (LogicalSwitchPort, "external_ids"): OWNED["Logical_Switch_Port.external_ids"],
    (DhcpOptions, "options"): None,
    (DhcpOptions, "external_ids"): OWNED["DHCP_Options.external_ids"],
    (Document, "external_ids"): None,
}
OWNED_COLUMNS: dict[type[Row], tuple[str, ...]] = {
    LogicalSwitch: ("name", "other_config", "external_ids"),
    LogicalSwitchPort: (
        "name",
        "type",
        "addresses",
        "port_security",
        "parent_name",
        "tag_request",
        "tag",
        "enabled",
        "options",
        "dhcpv4_options",
        "dhcpv6_options",
        "external_ids",
    ),
    DhcpOptions: ("cidr", "options", "external_ids"),
    Document: ("name", "external_ids"),
}
