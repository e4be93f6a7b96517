"""What a chassis' certificate can do in the Southbound and what not: each in words, and as a transaction.

`docs/security.md` has the words as a table; `python -m tests.southbound.chassis_rights` prints it.
"""

from typing import Any

from msgspec import Struct

NAMES = ("vm-a", "vm-b")


class Facts(Struct, frozen=True, kw_only=True):
    """The `_uuid`s that the transactions need: of both chassis, and of the ports' datapath."""

    own: str
    other: str
    datapath: str


class Attempt(Struct, frozen=True, kw_only=True):
    """Something that vm-a tries. `operations` have Facts' names in braces."""

    words: str
    allowed: bool
    operations: tuple[dict[str, Any], ...]


def _is(column: str, value: str) -> list[list[str]]:
    return [[column, "==", value]]


def _update(table: str, column: str, value: str, **row: Any) -> dict[str, Any]:
    return {"op": "update", "table": table, "where": _is(column, value), "row": row}


def _delete(table: str, column: str, value: str) -> dict[str, Any]:
    return {"op": "delete", "table": table, "where": _is(column, value)}


def _insert(table: str, **row: Any) -> dict[str, Any]:
    return {"op": "insert", "table": table, "row": row}


def _port(**row: Any) -> dict[str, Any]:
    return _update("Port_Binding", "logical_port", "other", **row)


def _map(key: str, value: str) -> list[Any]:
    return ["map", [[key, value]]]


def registration(name: str, ip: str, hostname: str = "") -> tuple[dict[str, Any], ...]:
    """What ovn-controller writes of itself."""
    encap = {"op": "insert", "table": "Encap", "uuid-name": "encap"}
    return (
        {**encap, "row": {"chassis_name": name, "type": "geneve", "ip": ip}},
        _insert("Chassis", name=name, hostname=hostname or name, encaps=["named-uuid", "encap"]),
        _insert("Chassis_Private", name=name),
    )


_MAC = "fa:16:3e:00:00:99"
_DATAPATH = ["uuid", "{datapath}"]

ATTEMPTS = (
    # Its own rows
    Attempt(
        words="write its own Chassis row: settings, tunnel ends, transport zones",
        allowed=True,
        operations=(_update("Chassis", "name", "vm-a", other_config=_map("x", "y")),),
    ),
    Attempt(
        words="write its own Chassis_Private row",
        allowed=True,
        operations=(_update("Chassis_Private", "name", "vm-a", nb_cfg=7),),
    ),
    Attempt(
        words="move its own tunnel end to any address that is free, and so keep another from using it",
        allowed=True,
        operations=(_update("Encap", "chassis_name", "vm-a", ip="192.0.2.77"),),
    ),
    Attempt(
        words="change its own name or host name afterwards",
        allowed=False,
        operations=(_update("Chassis", "name", "vm-a", hostname="another"),),
    ),
    Attempt(
        words="delete its own rows, and register again with any host name, another's among them",
        allowed=True,
        operations=(
            _delete("Chassis_Private", "name", "vm-a"),
            _delete("Chassis", "name", "vm-a"),
            *registration("vm-a", "192.0.2.1", hostname="vm-b"),
        ),
    ),
    # Another's rows
    Attempt(
        words="write another's Chassis row",
        allowed=False,
        operations=(_update("Chassis", "name", "vm-b", other_config=_map("x", "y")),),
    ),
    Attempt(
        words="write another's Chassis_Private row",
        allowed=False,
        operations=(_update("Chassis_Private", "name", "vm-b", nb_cfg=7),),
    ),
    Attempt(
        words="write another's Encap row: send its tunnels elsewhere",
        allowed=False,
        operations=(_update("Encap", "chassis_name", "vm-b", ip="192.0.2.66"),),
    ),
    Attempt(
        words="delete another's Chassis row", allowed=False, operations=(_delete("Chassis", "name", "vm-b"),)
    ),
    Attempt(
        words="delete another's Chassis_Private row",
        allowed=False,
        operations=(_delete("Chassis_Private", "name", "vm-b"),),
    ),
    Attempt(
        words="delete another's Encap row",
        allowed=False,
        operations=(_delete("Encap", "chassis_name", "vm-b"),),
    ),
    Attempt(
        words="register under another name",
        allowed=False,
        operations=registration("vm-c", "192.0.2.9"),
    ),
    Attempt(
        words="take an address that another's tunnel end has",
        allowed=False,  # not by the role: two rows cannot have it
        operations=(_update("Encap", "chassis_name", "vm-a", ip="192.0.2.2"),),
    ),
    # Ports
    Attempt(
        words="claim a port that is bound to another: its traffic then comes here",
        allowed=True,
        operations=(_port(chassis=["uuid", "{own}"]),),
    ),
    Attempt(words="release a port of another", allowed=True, operations=(_port(chassis=["set", []]),)),
    Attempt(
        words="say that a port of another is bound there, or is not up",
        allowed=True,
        operations=(_port(chassis=["uuid", "{other}"], up=False),),
    ),
    Attempt(
        words="change the options of a port's binding",
        allowed=True,
        operations=(_port(options=_map("x", "y")),),
    ),
    Attempt(
        words="change a port's addresses, type, tag, parent or tunnel key",
        allowed=False,
        operations=(_port(mac=_MAC),),
    ),
    Attempt(
        words="say where a port is asked to be (requested_chassis)",
        allowed=False,
        operations=(_port(requested_chassis=["uuid", "{own}"]),),
    ),
    Attempt(
        words="delete a port's binding",
        allowed=False,
        operations=(_delete("Port_Binding", "logical_port", "other"),),
    ),
    # What all chassis learn
    Attempt(
        words="write, change and delete what all chassis have learnt: MAC_Binding, FDB",
        allowed=True,
        operations=(
            _insert("MAC_Binding", ip="10.1.0.254", logical_port="other", mac=_MAC, datapath=_DATAPATH),
            _update("MAC_Binding", "logical_port", "other", mac="fa:16:3e:00:00:98"),
            _delete("MAC_Binding", "logical_port", "other"),
            _insert("FDB", mac=_MAC, dp_key=1, port_key=1),
            _delete("FDB", "mac", _MAC),
        ),
    ),
    Attempt(
        words="announce an event of a load balancer (Controller_Event)",
        allowed=True,
        operations=(_insert("Controller_Event", event_type="empty_lb_backends"),),
    ),
    # What only northd makes
    *(
        Attempt(words=words, allowed=False, operations=(operation,))
        for words, operation in (
            (
                "make flows (Logical_Flow): rules of security groups, routing, DHCP",
                _insert(
                    "Logical_Flow", pipeline="ingress", table_id=0, priority=1, match="1", actions="drop;"
                ),
            ),
            ("delete flows", {"op": "delete", "table": "Logical_Flow", "where": []}),
            ("make a network (Datapath_Binding)", _insert("Datapath_Binding", tunnel_key=99)),
            ("make an address set", _insert("Address_Set", name="x")),
            ("make a port group", _insert("Port_Group", name="x")),
            (
                "make a multicast group",
                _insert("Multicast_Group", name="x", datapath=_DATAPATH, tunnel_key=40000),
            ),
            ("answer names (DNS)", _insert("DNS", datapaths=_DATAPATH)),
            ("make itself a gateway (HA_Chassis_Group)", _insert("HA_Chassis_Group", name="x")),
            (
                "make a BFD session",
                _insert("BFD", src_port=50000, disc=1, dst_ip="192.0.2.9", logical_port="x"),
            ),
            ("make a service monitor", _insert("Service_Monitor", ip="192.0.2.9", port=1, logical_port="x")),
            (
                "change what is the same for all (SB_Global)",
                {"op": "update", "table": "SB_Global", "where": [], "row": {"nb_cfg": 99}},
            ),
        )
    ),
    # The control itself
    *(
        Attempt(words=words, allowed=False, operations=(operation,))
        for words, operation in (
            ("open another way in (Connection)", _insert("Connection", target="ptcp:16999:127.0.0.1")),
            ("take the role off its way in", _update("Connection", "role", "ovn-controller", role="")),
            (
                "change whom the Southbound trusts (SSL)",
                {"op": "update", "table": "SSL", "where": [], "row": {"ca_cert": "/tmp/x"}},  # noqa: S108  a name, no file
            ),
            ("change what the role permits", {"op": "delete", "table": "RBAC_Role", "where": []}),
            (
                "change what the role asks for",
                _update("RBAC_Permission", "table", "Chassis", authorization=""),
            ),
        )
    ),
    Attempt(
        words="read everything",
        allowed=True,
        operations=({"op": "select", "table": "Logical_Flow", "where": [], "columns": ["match"]},),
    ),
)


def rights_table() -> str:
    """The table of docs/security.md."""
    lines = ["| with its certificate a chassis can | |", "| --- | --- |"]
    return "\n".join(
        [*lines, *(f"| {each.words} | {'yes' if each.allowed else 'no'} |" for each in ATTEMPTS)]
    )


if __name__ == "__main__":
    print(rights_table())
