"""A Struct for each Southbound table we use, with the columns that we read or write.

Source: ovn-sb(5).
"""

from typing import ClassVar

from ovnest.ovsdb import Row, RowUuid

SOUTHBOUND = "OVN_Southbound"


class Chassis(Row, frozen=True, kw_only=True, gc=False):
    """A hypervisor that ovn-controller has registered; it takes its row along when it leaves in order."""

    TABLE: ClassVar[str] = "Chassis"

    name: str = ""
    hostname: str = ""


class ChassisPrivate(Row, frozen=True, kw_only=True, gc=False):
    """How far a chassis has come; only its own ovn-controller writes it."""

    TABLE: ClassVar[str] = "Chassis_Private"

    name: str = ""
    nb_cfg: int = 0


class SouthboundGlobal(Row, frozen=True, kw_only=True, gc=False):
    """The one row of the whole: how far all chassis should have come, who may come in, with which keys."""

    TABLE: ClassVar[str] = "SB_Global"

    nb_cfg: int = 0
    connections: tuple[RowUuid, ...] = ()
    ssl: RowUuid | None = None


class Connection(Row, frozen=True, kw_only=True, gc=False):
    """A way in. Without `role` whoever comes by it may write everything."""

    TABLE: ClassVar[str] = "Connection"

    target: str = ""
    role: str = ""
    read_only: bool = False


class Ssl(Row, frozen=True, kw_only=True, gc=False):
    """The server's own key and certificate, and the CA that clients' certificates must come from."""

    TABLE: ClassVar[str] = "SSL"

    private_key: str = ""
    certificate: str = ""
    ca_cert: str = ""
    bootstrap_ca_cert: bool = False


class Role(Row, frozen=True, kw_only=True, gc=False):
    """What those may do who come by a connection with that role."""

    TABLE: ClassVar[str] = "RBAC_Role"

    name: str = ""
    permissions: dict[str, RowUuid] = {}


class Permission(Row, frozen=True, kw_only=True, gc=False):
    """What they may do in one table; `authorization` names columns that must have the client's name."""

    TABLE: ClassVar[str] = "RBAC_Permission"

    table: str = ""
    authorization: tuple[str, ...] = ()
