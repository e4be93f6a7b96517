"""The rows of the VM's own Open vSwitch that the agent reads or writes.

Source: ovs-vswitchd.conf.db(5).
"""

from typing import ClassVar
from uuid import uuid4

from ovnest.ovsdb import Index, Row, RowUuid

DATABASE = "Open_vSwitch"
USERSPACE = "netdev"
SYSTEM = ("", "system")  # the types of an interface that is a device of the kernel's

# Marks of what `ovnest agent setup` made: a bridge, the port of its uplink, and a bridge that the VM itself
# sends by, with the NIC that it has taken over.
MADE_BY_SETUP = "ovnest-agent-setup"
UPLINK = "ovnest-uplink"
TAKEN_OVER = "ovnest-taken-over"


class OpenVSwitch(Row, frozen=True, kw_only=True, gc=False):
    """The one row of the whole."""

    TABLE: ClassVar[str] = "Open_vSwitch"
    CONTAINS: ClassVar[dict[str, str]] = {"bridges": "Bridge"}

    ssl: RowUuid | None = None
    external_ids: dict[str, str] = {}


class Ssl(Row, frozen=True, kw_only=True, gc=False):
    """Keys and certificates by their files' names; Open vSwitch's own programs use them, too."""

    TABLE: ClassVar[str] = "SSL"

    private_key: str = ""
    certificate: str = ""
    ca_cert: str = ""
    external_ids: dict[str, str] = {}


class Bridge(Row, frozen=True, kw_only=True, gc=False):
    """A switch; `datapath_type` is "netdev" where it runs in userspace."""

    TABLE: ClassVar[str] = "Bridge"
    CONTAINS: ClassVar[dict[str, str]] = {"ports": "Port"}

    name: str = ""
    datapath_type: str = ""
    other_config: dict[str, str] = {}
    external_ids: dict[str, str] = {}


class Port(Row, frozen=True, kw_only=True, gc=False):
    """A port of a switch; with a tag it is an access port."""

    TABLE: ClassVar[str] = "Port"

    name: str = ""
    interfaces: tuple[RowUuid, ...] = ()
    tag: int | None = None
    external_ids: dict[str, str] = {}


class Interface(Row, frozen=True, kw_only=True, gc=False):
    """A device of a port. `ofport` is above 0 when the switch has it, else `error` says why not.

    `mtu` is what it has, `mtu_request` what an internal one is to have.
    """

    TABLE: ClassVar[str] = "Interface"

    name: str = ""
    type: str = ""
    ofport: int | None = None
    error: str | None = None
    ifindex: int | None = None
    mtu: int | None = None
    mtu_request: int | None = None
    external_ids: dict[str, str] = {}


BRIDGE_BY_NAME = Index("bridge by name", Bridge, lambda row: (row.name,))
PORT_BY_NAME = Index("port by name", Port, lambda row: (row.name,))

TABLES: tuple[type[Row], ...] = (OpenVSwitch, Bridge, Port, Interface)


def new_uuid() -> RowUuid:
    """For a row that is to be inserted."""
    return RowUuid(str(uuid4()))


def why_not_forwarding(interface: Interface | None, ifindex: int | None = None) -> str:
    """Why Open vSwitch does not forward for it (as the device of that index); empty if it does."""
    if interface is None:
        return "its port has no interface"
    if interface.error:
        return interface.error
    # The bridge's own port has the number 65534.
    taken_up = interface.ofport is not None and interface.ofport > 0
    if not taken_up or ifindex not in (None, interface.ifindex):
        return "Open vSwitch has not taken it up (is ovs-vswitchd running?)"
    return ""
