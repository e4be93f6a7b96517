"""Which columns and keys of a row are ours: what a write sets, and `ovnest check` compares.

Everything else in a row belongs to OVN or to somebody else, and survives.
"""

from ovnest.northbound.external_ids import OWNED
from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Row

# Map columns: the keys that are ours; None means all of them.
OWNED_KEYS: dict[tuple[type[Row], str], frozenset[str] | None] = {
    (LogicalSwitch, "other_config"): OWNED["Logical_Switch.other_config"],
    (LogicalSwitch, "external_ids"): OWNED["Logical_Switch.external_ids"],
    (LogicalSwitchPort, "options"): OWNED["Logical_Switch_Port.options"],
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
