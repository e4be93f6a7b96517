"""Every column of the Northbound that we read or write: what it means to us, and who may change it.

`docs/northbound.md` is made from this table; what stands in map columns is in `external_ids.KEYS`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column. `derived`: computed from facts; `editable`: a hand may change it; neither: leave it."""

    table: str
    name: str
    meaning: str
    derived: bool = False
    editable: bool = False


_LS, _LSP, _DHCP, _COPP = "Logical_Switch", "Logical_Switch_Port", "DHCP_Options", "Copp"

COLUMNS: tuple[Column, ...] = (
    Column(_LS, "_uuid", "the network's id"),
    Column(_LS, "name", "`neutron-<network id>`", derived=True),
    Column(
        _LS, "ports", "the network's ports and its localnet port, and what others put there", derived=True
    ),
    Column(_LS, "other_config", "see its keys", derived=True),
    Column(_LS, "external_ids", "see its keys"),
    Column(_LSP, "_uuid", "the port's id; of a localnet port, the segment's"),
    Column(_LSP, "name", "the port's id; `provnet-<segment id>`", derived=True),
    Column(_LSP, "type", "empty, `router`, `localport`, `virtual`, `vtep` or `localnet`", derived=True),
    Column(_LSP, "addresses", "MAC and fixed IPs; `unknown` without port security", derived=True),
    Column(
        _LSP,
        "port_security",
        "MAC, fixed IPs, allowed pairs; empty: port_security_enabled false",
        derived=True,
    ),
    Column(_LSP, "parent_name", "the parent of a container port: parent_name of binding:profile"),
    Column(_LSP, "tag_request", "its tag: tag of binding:profile; of a localnet port the VLAN"),
    Column(_LSP, "tag", "the same; ovn-northd copies it, we write it at once", derived=True),
    Column(_LSP, "up", "OVN's word: the port is bound. Written once, `false`, when the row is made"),
    Column(_LSP, "enabled", "admin_state_up", editable=True),
    Column(_LSP, "options", "see its keys"),
    Column(_LSP, "dhcpv4_options", "the subnet's row, or the port's own; none: no DHCP", derived=True),
    Column(_LSP, "dhcpv6_options", "likewise", derived=True),
    Column(_LSP, "external_ids", "see its keys"),
    Column(_DHCP, "_uuid", "the subnet's id; of a port's own options, made from the port's id"),
    Column(_DHCP, "cidr", "the subnet's cidr"),
    Column(
        _DHCP,
        "options",
        "what DHCP hands out; empty: OVN does not answer. All keys are ours",
        derived=True,
    ),
    Column(_DHCP, "external_ids", "see its keys"),
    Column(_COPP, "_uuid", "made from the name, so that two servers cannot make two", derived=True),
    Column(_COPP, "name", "`ovnest:<kind>:<id>`; `ovnest:ledger`"),
    Column(_COPP, "external_ids", "the document's attributes; the ledger's keys"),
)
