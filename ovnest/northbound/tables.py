"""A Struct for each Northbound table we use, with the columns we read or write.

Source: ovn-nb(5), schema versions 7.0.0 (OVN 23.03) and later.
"""

from typing import ClassVar

from ovnest.ovsdb import Row, RowUuid


class LogicalSwitch(Row, frozen=True, kw_only=True, gc=False):
    """A network. `ports` is a reverse index: a value of 50,000 members would cost 1 ms a change."""

    TABLE: ClassVar[str] = "Logical_Switch"
    REFERENCES: ClassVar[tuple[str, ...]] = ("ports",)

    name: str = ""
    other_config: dict[str, str] = {}
    external_ids: dict[str, str] = {}


class LogicalSwitchPort(Row, frozen=True, kw_only=True, gc=False):
    """A port, or the localnet port of a physical segment. `up` is northd's, `tag` northd's copy."""

    TABLE: ClassVar[str] = "Logical_Switch_Port"

    name: str = ""
    type: str = ""
    addresses: tuple[str, ...] = ()
    port_security: tuple[str, ...] = ()
    parent_name: str | None = None
    tag_request: int | None = None
    tag: int | None = None
    up: bool | None = None
    enabled: bool | None = None
    options: dict[str, str] = {}
    dhcpv4_options: RowUuid | None = None
    dhcpv6_options: RowUuid | None = None
    external_ids: dict[str, str] = {}


class DhcpOptions(Row, frozen=True, kw_only=True, gc=False):
    """A subnet, or the DHCP options of one port that differ from its subnet's."""

    TABLE: ClassVar[str] = "DHCP_Options"

    cidr: str = ""
    options: dict[str, str] = {}
    external_ids: dict[str, str] = {}


class Document(Row, frozen=True, kw_only=True, gc=False):
    """A document row: what OVN has no row for. OVN ignores a `Copp` that nothing refers to."""

    TABLE: ClassVar[str] = "Copp"

    name: str = ""
    external_ids: dict[str, str] = {}


TABLES: tuple[type[Row], ...] = (LogicalSwitch, LogicalSwitchPort, DhcpOptions, Document)
