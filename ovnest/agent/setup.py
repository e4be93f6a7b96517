"""`ovnest agent setup`: the bridge with its uplink, and what container runtimes and systemd need.

A plan is a list of actions, each of which says what it does and may be done twice; `--dry-run` only says it.
What was made carries our mark or our name, and `teardown` takes away nothing else.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which
from uuid import uuid4

from msgspec import Struct

from ovnest import __version__
from ovnest.agent import shim
from ovnest.agent.errors import NotSetUp
from ovnest.agent.uplink import Uplink, look, prepare, release
from ovnest.agent.vswitch import (
    BRIDGE_BY_NAME,
    DATABASE,
    MADE_BY_SETUP,
    PORT_BY_NAME,
    TABLES,
    UPLINK,
    USERSPACE,
    Bridge,
    Interface,
    OpenVSwitch,
    Port,
)
from ovnest.ovsdb import Client, Operation, Options, RowUuid, Transaction

SHIM_NAME = "ovnest"
SHIM_MODE = 0o755
KERNEL_DATAPATH = Path("/sys/module/openvswitch")
SYSTEMD = Path("/run/systemd/system")
READY_TIMEOUT_S = 10.0
UNIT_TEXT = """\
[Unit]
Description=ovnest agent: containers of this VM on virtual networks
After=network.target openvswitch-switch.service ovs-vswitchd.service
Wants=openvswitch-switch.service
Before=docker.service containerd.service podman-restart.service

[Service]
Type=notify
ExecStart={command} agent run --ovs {ovs} --bridge {bridge} --socket {socket} --docker
Restart=always
RestartSec=1
StateDirectory=ovnest
StateDirectoryMode=0700
RuntimeDirectory=ovnest docker/plugins
RuntimeDirectoryPreserve=yes
LoadCredential=ovnest.code
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/var/lib/ovnest /run/ovnest /run/openvswitch
ProtectHome=yes
PrivateTmp=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
RestrictRealtime=yes
LockPersonality=yes
MemoryMax=128M

[Install]
WantedBy=multi-user.target
"""


class Place(Struct, frozen=True, kw_only=True):
    """Where things are to be."""

    ovs: str
    bridge: str
    socket: Path
    cni_directories: tuple[Path, ...]
    netavark_directories: tuple[Path, ...]
    unit: Path


class Action(Struct, frozen=True):
    """One thing to do: the words for it, and how."""

    what: str
    do: Callable[[], None]


def plan_setup(place: Place, uplink: str) -> list[Action]:
    """What setting up takes, with the NIC `uplink` for the containers alone.

    Raises:
        NotSetUp: there is no such NIC, or it is in use for something else.
        OvsdbError: Open vSwitch does not run.
    """
    nic = look(uplink)
    if nic.addresses:
        raise NotSetUp(
            f"{uplink} has addresses ({', '.join(nic.addresses)}), which it would lose: give the VM a second "
            f"NIC for its containers"
        )
    userspace = not KERNEL_DATAPATH.exists()
    kind = "in userspace, since the kernel has no openvswitch module" if userspace else "in the kernel"
    actions = [
        Action(
            f"make bridge {place.bridge} ({kind}) with uplink {uplink}",
            lambda: _in_database(place, lambda tx: _make_bridge(tx, place.bridge, nic, userspace)),
        ),
        Action(
            f"prepare {uplink}: up, and its packets for the bridge alone",
            lambda: prepare(uplink, userspace=userspace),
        ),
    ]
    actions += [_write_shim("CNI", each, place) for each in _directories(place.cni_directories)]
    actions += [_write_shim("netavark", each, place) for each in _directories(place.netavark_directories)]
    if SYSTEMD.exists():
        actions.append(Action(f"write {place.unit}", lambda: _write_unit(place)))
    return actions


def plan_teardown(place: Place) -> list[Action]:
    """What undoing it takes.

    Raises:
        NotSetUp: containers are still attached.
        OvsdbError: Open vSwitch does not run.
    """
    actions = [
        Action(
            f"take bridge {place.bridge} away",
            lambda: _in_database(place, lambda tx: _remove_bridge(tx, place.bridge)),
        )
    ]
    for directory in (*place.cni_directories, *place.netavark_directories):
        path = directory / SHIM_NAME
        if path.exists():
            actions.append(Action(f"remove {path}", path.unlink))
    if place.unit.exists():
        actions.append(Action(f"remove {place.unit}", place.unit.unlink))
    if not KERNEL_DATAPATH.exists():
        actions.append(Action("give the uplink's packets back to the kernel", release))
    return actions


def write_shim(path: Path, socket: Path) -> None:
    """Put the executable that runtimes call at `path`, in one step: one may call it at any time."""
    source = Path(shim.__file__).read_text()
    facts = {"SOCKET": (shim.SOCKET, str(socket)), "RELEASE": (shim.RELEASE, __version__)}
    for name, (delivered, ours) in facts.items():
        line = f'{name} = "{delivered}"'
        if line not in source:
            raise NotSetUp(f"{shim.__file__} is not as it was delivered")
        source = source.replace(line, f"{name} = {ours!r}")
    python = which("python3", path="/usr/bin:/bin") or sys.executable
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(f"#!{python} -IS\n{source}")
    unfinished.chmod(SHIM_MODE)
    unfinished.rename(path)


def _directories(directories: tuple[Path, ...]) -> list[Path]:
    """The first of them in any case, and those others that are there."""
    first, *others = directories
    return [first, *(each for each in others if each.is_dir())]


def _write_shim(kind: str, directory: Path, place: Place) -> Action:
    path = directory / SHIM_NAME
    return Action(f"write the {kind} plugin {path}", lambda: write_shim(path, place.socket))


def _write_unit(place: Place) -> None:
    command = which("ovnest") or f"{sys.executable} -m ovnest"
    text = UNIT_TEXT.format(command=command, ovs=place.ovs, bridge=place.bridge, socket=place.socket)
    place.unit.write_text(text)


def _in_database(place: Place, operation: Operation[None]) -> None:
    async def carry_out() -> None:
        client = Client(
            place.ovs,
            DATABASE,
            tables=TABLES,
            indexes=(BRIDGE_BY_NAME, PORT_BY_NAME),
            options=Options(freeze_collector=False),
        )
        async with client:
            await client.ready(READY_TIMEOUT_S)
            await client.execute(operation)

    asyncio.run(carry_out())


def _make_bridge(tx: Transaction, name: str, uplink: Uplink, userspace: bool) -> None:
    if tx.all(BRIDGE_BY_NAME, name):
        return
    if tx.all(PORT_BY_NAME, uplink.name):
        raise NotSetUp(f"{uplink.name} is a port of another bridge")
    local, nic = (
        Interface(uuid=_uuid(), name=name, type="internal"),
        Interface(uuid=_uuid(), name=uplink.name),
    )
    ports = [
        Port(uuid=_uuid(), name=name, interfaces=(local.uuid,)),
        Port(uuid=_uuid(), name=uplink.name, interfaces=(nic.uuid,), external_ids={UPLINK: "true"}),
    ]
    bridge = Bridge(
        uuid=_uuid(),
        name=name,
        datapath_type=USERSPACE if userspace else "",
        external_ids={MADE_BY_SETUP: "true"},
        # What the bridge itself sends comes from the parent port's MAC, whatever ports come and go.
        other_config={"hwaddr": uplink.mac},
    )
    for row in (local, nic, *ports, bridge):
        tx.insert(row)
    tx.change_references(Bridge, bridge.uuid, "ports", add=[each.uuid for each in ports])
    for root in list(tx.rows(OpenVSwitch)):
        tx.change_references(OpenVSwitch, root.uuid, "bridges", add=[bridge.uuid])


def _remove_bridge(tx: Transaction, name: str) -> None:
    for bridge in tx.all(BRIDGE_BY_NAME, name):
        if MADE_BY_SETUP not in bridge.external_ids:
            raise NotSetUp(f"bridge {name} was not made by `ovnest agent setup`; it is left")
        ports = [tx.find(Port, uuid) for uuid in tx.children(Bridge, "ports", bridge.uuid)]
        others = [p.name for p in ports if p and p.name != name and UPLINK not in p.external_ids]
        if others:
            raise NotSetUp(
                f"bridge {name} still has {', '.join(sorted(others))}; detach the containers first"
            )
        for root in list(tx.rows(OpenVSwitch)):
            tx.change_references(OpenVSwitch, root.uuid, "bridges", remove=[bridge.uuid])


def _uuid() -> RowUuid:
    return RowUuid(str(uuid4()))
