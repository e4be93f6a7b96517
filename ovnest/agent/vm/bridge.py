"""The VM's bridge, made and taken away in its Open vSwitch database."""

import subprocess
from pathlib import Path

from ovnest.agent.errors import NotSetUp
from ovnest.agent.vm.tables import (
    BRIDGE_BY_NAME,
    MADE_BY_SETUP,
    PORT_BY_NAME,
    UPLINK,
    USERSPACE,
    Bridge,
    Interface,
    OpenVSwitch,
    Port,
    new_uuid,
)
from ovnest.agent.vm.uplink import Uplink
from ovnest.ovsdb import Transaction, View

KERNEL_DATAPATH = Path("/sys/module/openvswitch")
HAS_MODULE = ("modprobe", "--dry-run", "--quiet", "openvswitch")
MODPROBE_TIMEOUT_S = 10.0
UNTAGGED = 0  # the VLAN of frames without a tag: what the VM itself sends and gets


def has_kernel_datapath() -> bool:
    """Whether the kernel has an openvswitch module, be it that it is loaded when it is first needed."""
    if KERNEL_DATAPATH.exists():
        return True
    try:
        return subprocess.run(HAS_MODULE, check=False, timeout=MODPROBE_TIMEOUT_S).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def make_bridge(
    tx: Transaction, name: str, mac: str, *, userspace: bool, mtu: int | None = None, marks: dict[str, str]
) -> Bridge:
    """A bridge that sends from `mac`, without an uplink; the one of that name if there is one.

    With `mtu` its own port is the VM's own NIC: it gets what has no tag, and nothing of the containers.
    """
    for found in tx.all(BRIDGE_BY_NAME, name):
        return found
    own = Interface(uuid=new_uuid(), name=name, type="internal", mtu_request=mtu)
    port = Port(uuid=new_uuid(), name=name, interfaces=(own.uuid,), tag=None if mtu is None else UNTAGGED)
    bridge = Bridge(
        uuid=new_uuid(),
        name=name,
        datapath_type=USERSPACE if userspace else "",
        external_ids={MADE_BY_SETUP: "true", **marks},
        # What the bridge itself sends comes from the parent port's MAC, whatever ports come and go.
        other_config={"hwaddr": mac},
    )
    for row in (own, port, bridge):
        tx.insert(row)
    tx.change_references(Bridge, bridge.uuid, "ports", add=[port.uuid])
    for root in list(tx.rows(OpenVSwitch)):
        tx.change_references(OpenVSwitch, root.uuid, "bridges", add=[bridge.uuid])
    return bridge


def add_uplink(tx: Transaction, bridge: Bridge, nic: str) -> None:
    """Make the NIC the bridge's trunk to the hypervisor; left if it is that already.

    Raises:
        NotSetUp: it is a port of another bridge.
    """
    for port in tx.all(PORT_BY_NAME, nic):
        if port.uuid not in tx.children(Bridge, "ports", bridge.uuid):
            raise NotSetUp(f"{nic} is a port of another bridge")
        return
    interface = Interface(uuid=new_uuid(), name=nic)
    port = Port(uuid=new_uuid(), name=nic, interfaces=(interface.uuid,), external_ids={UPLINK: "true"})
    tx.insert(interface)
    tx.insert(port)
    tx.change_references(Bridge, bridge.uuid, "ports", add=[port.uuid])


def make_bridge_with_uplink(tx: Transaction, name: str, uplink: Uplink, userspace: bool) -> None:
    """A bridge for the containers alone."""
    if not tx.all(BRIDGE_BY_NAME, name):
        add_uplink(tx, make_bridge(tx, name, uplink.mac, userspace=userspace, marks={}), uplink.name)


def others_on(view: View, name: str) -> list[str]:
    """The ports of our bridge beside its own and its uplink: containers'.

    Raises:
        NotSetUp: the bridge is somebody else's.
    """
    found = []
    for bridge in view.all(BRIDGE_BY_NAME, name):
        if MADE_BY_SETUP not in bridge.external_ids:
            raise NotSetUp(f"bridge {name} was not made by `ovnest agent setup`; it is left")
        ports = [view.find(Port, uuid) for uuid in view.children(Bridge, "ports", bridge.uuid)]
        found += [p.name for p in ports if p and p.name != name and UPLINK not in p.external_ids]
    return sorted(found)


def remove_bridge(tx: Transaction, name: str, *, whatever_is_on_it: bool = False) -> None:
    """Take our bridge away, if it is there.

    Raises:
        NotSetUp: containers are on it, or it is somebody else's.
    """
    others = others_on(tx, name)
    if others and not whatever_is_on_it:
        raise NotSetUp(f"bridge {name} still has {', '.join(others)}; detach the containers first")
    for bridge in tx.all(BRIDGE_BY_NAME, name):
        for root in list(tx.rows(OpenVSwitch)):
            tx.change_references(OpenVSwitch, root.uuid, "bridges", remove=[bridge.uuid])


def check_free(view: View, name: str, nic: str) -> None:
    """Return if there is neither a bridge of that name, nor a port of the NIC's.

    Raises:
        NotSetUp: there is one.
    """
    if view.all(BRIDGE_BY_NAME, name):
        raise NotSetUp(f"there is a bridge {name} already; `ovnest agent teardown` takes it away")
    if view.all(PORT_BY_NAME, nic):
        raise NotSetUp(f"{nic} is a port of another bridge")
