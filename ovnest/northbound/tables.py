"""A Struct for each Northbound table we use, with the columns we read or write and what they mean to us.

Source: ovn-nb(5), schema versions 7.0.0 (OVN 23.03) and later.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from ovnest.codec import derived, some_text
from ovnest.northbound.columns import Column
from ovnest.ovsdb import Row, RowUuid

REQUESTED_CHASSIS: Final = "requested-chassis"
ROUTER_PORT: Final = "router-port"
VIRTUAL_IP: Final = "virtual-ip"
VIRTUAL_PARENTS: Final = "virtual-parents"
VTEP_SWITCH: Final = "vtep-physical-switch"
VTEP_LOGICAL: Final = "vtep-logical-switch"

_KEYS = "see its keys"
_LOCALNET = "a localnet port"


class LogicalSwitch(Row, frozen=True, kw_only=True, gc=False):
    """A network. `ports` is a reverse index: a value of 50,000 members would cost 1 ms a change."""

    TABLE: ClassVar[str] = "Logical_Switch"
    CONTAINS: ClassVar[Mapping[str, str]] = {"ports": "Logical_Switch_Port"}
    BESIDE: ClassVar[Mapping[str, Column]] = {
        "_uuid": Column("the network's id"),
        "ports": Column("the network's ports and its localnet port, and what others put there", derived=True),
    }

    name: Annotated[str, Column("`neutron-<network id>`", derived=True)] = ""
    other_config: Annotated[
        dict[str, str],
        Column(
            _KEYS,
            derived=True,
            keys=(
                derived("mcast_snoop", "`false`"),
                derived("mcast_flood_unregistered", "`false`"),
                derived("vlan-passthru", "`false`"),
                derived("fdb_age_threshold", "`300` on vlan and flat networks"),
                derived("broadcast-arps-to-all-routers", "`true` on external networks"),
            ),
        ),
    ] = {}
    external_ids: Annotated[dict[str, str], Column(_KEYS)] = {}


class LogicalSwitchPort(Row, frozen=True, kw_only=True, gc=False):
    """A port, or the localnet port of a physical segment. `up` is northd's, `tag` northd's copy."""

    TABLE: ClassVar[str] = "Logical_Switch_Port"
    REFERS: ClassVar[Mapping[str, str]] = {
        "dhcpv4_options": "DHCP_Options",
        "dhcpv6_options": "DHCP_Options",
        "parent_name": "Logical_Switch_Port",
    }
    BESIDE: ClassVar[Mapping[str, Column]] = {
        "_uuid": Column("the port's id; of a localnet port, the segment's")
    }

    name: Annotated[str, Column("the port's id; `provnet-<segment id>`", derived=True)] = ""
    type: Annotated[
        str, Column("empty, `router`, `localport`, `virtual`, `vtep` or `localnet`", derived=True)
    ] = ""
    addresses: Annotated[
        tuple[str, ...], Column("MAC and fixed IPs; `unknown` without port security", derived=True)
    ] = ()
    port_security: Annotated[
        tuple[str, ...],
        Column("MAC, fixed IPs, allowed pairs; empty: port_security_enabled false", derived=True),
    ] = ()
    parent_name: Annotated[
        str | None, Column("the parent of a container port: parent_name of binding:profile")
    ] = None
    tag_request: Annotated[
        int | None, Column("its tag: tag of binding:profile; of a localnet port the VLAN")
    ] = None
    tag: Annotated[
        int | None, Column("the same; ovn-northd copies it, we write it at once", derived=True)
    ] = None
    up: Annotated[
        bool | None,
        Column("OVN's word: the port is bound. Written once, `false`, when the row is made", observed=True),
    ] = None
    enabled: Annotated[bool | None, Column("admin_state_up", editable=True)] = None
    options: Annotated[
        dict[str, str],
        Column(
            _KEYS,
            keys=(
                some_text(
                    REQUESTED_CHASSIS,
                    "binding:host_id; of a container, router, virtual or vtep port it stands in its document "
                    "instead",
                    editable=True,
                ),
                derived(ROUTER_PORT, "a router's port: `lrp-<id>`"),
                derived(VIRTUAL_IP, "the address that others have as an allowed pair"),
                derived(VIRTUAL_PARENTS, "the ports that have it, comma-separated"),
                derived(VTEP_SWITCH, "from binding:profile"),
                derived(VTEP_LOGICAL, "from binding:profile"),
                derived("network_name", "provider:physical_network", on=_LOCALNET),
                derived("mcast_flood", "`false`", on=_LOCALNET),
                derived("mcast_flood_reports", "`true`", on=_LOCALNET),
                derived("localnet_learn_fdb", "`false`", on=_LOCALNET),
            ),
        ),
    ] = {}
    dhcpv4_options: Annotated[
        RowUuid | None, Column("the subnet's row, or the port's own; none: no DHCP", derived=True)
    ] = None
    dhcpv6_options: Annotated[RowUuid | None, Column("likewise", derived=True)] = None
    external_ids: Annotated[dict[str, str], Column(_KEYS)] = {}


class DhcpOptions(Row, frozen=True, kw_only=True, gc=False):
    """A subnet, or the DHCP options of one port that differ from its subnet's."""

    TABLE: ClassVar[str] = "DHCP_Options"
    BESIDE: ClassVar[Mapping[str, Column]] = {
        "_uuid": Column("the subnet's id; of a port's own options, made from the port's id")
    }

    cidr: Annotated[str, Column("the subnet's cidr")] = ""
    options: Annotated[
        dict[str, str],
        Column("what DHCP hands out; empty: OVN does not answer. All keys are ours", derived=True, keys=None),
    ] = {}
    external_ids: Annotated[dict[str, str], Column(_KEYS)] = {}


class AddressSet(Row, frozen=True, kw_only=True, gc=False):
    """The addresses of an address group that are of one IP version."""

    TABLE: ClassVar[str] = "Address_Set"
    BESIDE: ClassVar[Mapping[str, Column]] = {
        "_uuid": Column("of `_ip4` the address group's id; of `_ip6` made from that")
    }

    name: Annotated[
        str, Column("`ag_<id>_ip4` or `ag_<id>_ip6`, the id's hyphens being underscores", derived=True)
    ] = ""
    addresses: Annotated[
        tuple[str, ...], Column("the group's addresses of that IP version, as CIDRs", editable=True)
    ] = ()
    external_ids: Annotated[dict[str, str], Column(_KEYS)] = {}


class Document(Row, frozen=True, kw_only=True, gc=False):
    """A document row: what OVN has no row for. OVN ignores a `Copp` that nothing refers to."""

    TABLE: ClassVar[str] = "Copp"
    BESIDE: ClassVar[Mapping[str, Column]] = {
        "_uuid": Column("made from the name, so that two servers cannot make two", derived=True)
    }

    name: Annotated[str, Column("`ovnest:<kind>:<id>`; `ovnest:ledger`")] = ""
    external_ids: Annotated[
        dict[str, str], Column("the document's attributes; the ledger's keys", keys=None)
    ] = {}
