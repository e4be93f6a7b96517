"""`ovnest agent setup`: the bridge with its uplink, and what container runtimes and systemd need."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from shutil import which

from msgspec import Struct

from ovnest import __version__
from ovnest.agent import durable
from ovnest.agent.doors.cni import shim
from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.takeover import trial
from ovnest.agent.setup.takeover.commands import SYSTEMD
from ovnest.agent.setup.takeover.record import Records
from ovnest.agent.vm.bridge import has_kernel_datapath, make_bridge_with_uplink, remove_bridge
from ovnest.agent.vm.database import in_database
from ovnest.agent.vm.uplink import look, prepare, release

SHIM_NAME = "ovnest"
SHIM_MODE = 0o755
UNIT_TEXT = """\
[Unit]
Description=ovnest agent: containers of this VM on virtual networks
After=network-online.target openvswitch-switch.service ovs-vswitchd.service
Wants=network-online.target openvswitch-switch.service
Before=docker.service containerd.service podman-restart.service
StartLimitIntervalSec=0

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
    state: Path


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
            f"NIC for its containers, or take this one over with them (--take-over {uplink})"
        )
    userspace = not has_kernel_datapath()
    kind = "in userspace, since the kernel has no openvswitch module" if userspace else "in the kernel"
    actions = [
        Action(
            f"make bridge {place.bridge} ({kind}) with uplink {uplink}",
            lambda: in_database(
                place.ovs, lambda tx: make_bridge_with_uplink(tx, place.bridge, nic, userspace)
            ),
        ),
        Action(
            f"prepare {uplink}: up, and its packets for the bridge alone",
            lambda: prepare(uplink, userspace=userspace),
        ),
    ]
    return actions + plan_for_runtimes(place)


def plan_for_runtimes(place: Place) -> list[Action]:
    """What container runtimes and systemd need."""
    actions = [_write_shim("CNI", each, place) for each in _directories(place.cni_directories)]
    actions += [_write_shim("netavark", each, place) for each in _directories(place.netavark_directories)]
    if SYSTEMD.exists():
        actions.append(Action(f"write {place.unit}", lambda: _write_unit(place)))
    return actions


def plan_teardown(place: Place, leaving: Sequence[Action] = ()) -> list[Action]:
    """What undoing it takes. `leaving` gives a chassis back, whose bridge is not ours.

    Raises:
        NotSetUp: containers are still attached, or a NIC cannot be given back.
        OvsdbError: Open vSwitch does not run.
    """
    records = Records(place.state)
    record = trial.plan_leaving(records)
    if record is not None:
        words = "; ".join(trial.describe_leaving(record))
        actions = [*leaving, Action(words, partial(trial.leave, records, record))]
    elif leaving:
        actions = list(leaving)
    else:
        actions = [
            Action(
                f"take bridge {place.bridge} away",
                lambda: in_database(place.ovs, lambda tx: remove_bridge(tx, place.bridge)),
            )
        ]
    for directory in (*place.cni_directories, *place.netavark_directories):
        path = directory / SHIM_NAME
        if path.exists():
            actions.append(Action(f"remove {path}", path.unlink))
    if place.unit.exists():
        actions.append(Action(f"remove {place.unit}", place.unit.unlink))
    if record is None and not leaving and not has_kernel_datapath():
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
    durable.write(path, f"#!{python} -IS\n{source}".encode(), SHIM_MODE)


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
    durable.rewrite(place.unit, text)
