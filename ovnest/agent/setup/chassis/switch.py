"""What ovn-controller reads in the VM's Open vSwitch: who it is, where to go, and with which keys.

Source: ovn-controller(8), "Configuration"; ovs-vswitchd.conf.db(5), SSL. That ovn-controller takes changed
names of files from there for its next connection, and keeps the present one, was tried (23.03, 25.03).
"""

from msgspec import Struct

from ovnest.agent.attachment.entry import MARK as ATTACHED
from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.chassis.certificate import Files
from ovnest.agent.vm.database import in_database
from ovnest.agent.vm.tables import BRIDGE_BY_NAME, USERSPACE, Bridge, OpenVSwitch, Port, Ssl, new_uuid
from ovnest.agent.vm.tunnel import ENCAP_IP
from ovnest.ovsdb import Transaction, View

MARK = "ovnest-agent-join"
REMOTE = "ovn-remote"
SYSTEM_ID = "system-id"
HOSTNAME = "hostname"
GENEVE = "geneve"
OF_OVN = "ovn-"  # so begin the external_ids that ovn-controller gives to ports of its own


class Wanted(Struct, frozen=True, kw_only=True):
    """What ovn-controller is to be told.

    The host name is told, too, since it must not change: OVN's access control lets a chassis not write it
    again, and with that one column everything that ovn-controller writes is refused.
    """

    name: str
    hostname: str
    southbound: str
    encap_ip: str
    bridge: str
    userspace: bool

    def external_ids(self) -> dict[str, str]:
        ids = {
            SYSTEM_ID: self.name,
            HOSTNAME: self.hostname,
            REMOTE: self.southbound,
            "ovn-encap-type": GENEVE,
            ENCAP_IP: self.encap_ip,
            "ovn-bridge": self.bridge,
        }
        if self.userspace:
            ids["ovn-bridge-datapath-type"] = USERSPACE
        return ids


KEYS = (SYSTEM_ID, HOSTNAME, REMOTE, "ovn-encap-type", ENCAP_IP, "ovn-bridge", "ovn-bridge-datapath-type")


class Present(Struct, frozen=True, kw_only=True):
    """What is there: the settings that `KEYS` name, and the bridges, by name.

    `attached` are containers' devices of ours by bridge; `foreign` bridges with ports that neither
    ovn-controller nor we have made; `foreign_certificate` a certificate that is not ours, if there is one.
    """

    external_ids: dict[str, str]
    bridges: frozenset[str]
    userspace_bridges: frozenset[str]
    attached: dict[str, tuple[str, ...]]
    foreign: frozenset[str]
    foreign_certificate: str


def look(remote: str) -> Present:
    """What is there.

    Raises:
        OvsdbError: Open vSwitch does not run.
    """
    return in_database(remote, _present)


def _present(view: View) -> Present:
    root = _root(view)
    ssl = view.find(Ssl, root.ssl) if root.ssl is not None else None
    bridges = {view_bridge.name: _ports(view, view_bridge) for view_bridge in view.rows(Bridge)}
    return Present(
        external_ids={key: root.external_ids[key] for key in KEYS if key in root.external_ids},
        bridges=frozenset(bridges),
        userspace_bridges=frozenset(row.name for row in view.rows(Bridge) if row.datapath_type == USERSPACE),
        attached={
            name: tuple(sorted(port.name for port in ports if ATTACHED in port.external_ids))
            for name, ports in bridges.items()
        },
        foreign=frozenset(
            name for name, ports in bridges.items() if any(_is_foreign(name, port) for port in ports)
        ),
        foreign_certificate=ssl.certificate if ssl is not None and MARK not in ssl.external_ids else "",
    )


def _ports(view: View, bridge: Bridge) -> list[Port]:
    found = (view.find(Port, uuid) for uuid in view.children(Bridge, "ports", bridge.uuid))
    return [port for port in found if port is not None]


def _is_foreign(bridge: str, port: Port) -> bool:
    if port.name == bridge or ATTACHED in port.external_ids:
        return False
    return not any(key.startswith(OF_OVN) for key in port.external_ids)


def use_files(tx: Transaction, files: Files) -> None:
    """Name the files of one generation, all at once.

    Raises:
        NotSetUp: the table is somebody else's.
    """
    root = _root(tx)
    names = {
        "private_key": str(files.key),
        "certificate": str(files.certificate),
        "ca_cert": str(files.ca),
    }
    present = tx.find(Ssl, root.ssl) if root.ssl is not None else None
    if present is None:
        made = Ssl(uuid=new_uuid(), external_ids={MARK: "true"}, **names)
        tx.insert(made)
        tx.update(root, ssl=made.uuid)
    elif MARK not in present.external_ids:
        raise NotSetUp(
            f"Open vSwitch's SSL table has a certificate already ({present.certificate}), which is not ours, "
            "and ovn-controller reads that table, too: ovs-vsctl del-ssl, if nothing needs it"
        )
    else:
        tx.update(present, **names)


def write_settings(tx: Transaction, wanted: Wanted) -> None:
    """Tell ovn-controller who it is, and where to go."""
    ids = wanted.external_ids()
    gone = [key for key in KEYS if key not in ids]
    tx.change_map(_root(tx), "external_ids", ids, gone)


def put_back(tx: Transaction, before: dict[str, str], bridge: str | None) -> None:
    """Undo both, and take away that bridge, with OVN's tunnels and flows."""
    root = _root(tx)
    ssl = tx.find(Ssl, root.ssl) if root.ssl is not None else None
    if ssl is not None and MARK in ssl.external_ids:
        root = tx.update(root, ssl=None)
    tx.change_map(root, "external_ids", before, [key for key in KEYS if key not in before])
    for row in tx.all(BRIDGE_BY_NAME, bridge) if bridge is not None else ():
        tx.change_references(OpenVSwitch, root.uuid, "bridges", remove=[row.uuid])


def _root(view: View) -> OpenVSwitch:
    for row in view.rows(OpenVSwitch):
        return row
    raise NotSetUp("Open vSwitch's database is empty: is openvswitch-switch started?")
