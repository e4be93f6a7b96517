"""Who looks after the NIC in this machine: what must know that the bridge has its addresses now."""

from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.takeover import dhclient, ifupdown, networkd
from ovnest.agent.setup.takeover.files import Change, apply

NETWORK_MANAGER = Path("/run/NetworkManager/devices")


class Manager(StrEnum):
    """Those that we know how to tell."""

    NOBODY = "nobody"
    NETWORKD = "systemd-networkd"
    IFUPDOWN = "ifupdown"


class Managed(Struct, frozen=True, kw_only=True):
    """By whom, and what has to change: files for good, files until the next restart, and DHCP clients."""

    manager: Manager
    files: tuple[Change, ...] = ()
    runtime: tuple[Change, ...] = ()
    clients: tuple[tuple[str, ...], ...] = ()
    lease_s: int | None = None


def find(nic: str, index: int, bridge: str) -> Managed:
    """Who looks after that device.

    Raises:
        NotSetUp: somebody who cannot be told; the message says what would be right.
    """
    _refuse_network_manager(nic, index)
    clients = tuple(client.argv for client in dhclient.find(nic))
    lease_s = max((dhclient.lease_s(argv) or 0 for argv in clients), default=0) or None
    if (path := networkd.find_file(index)) is not None:
        files, runtime = networkd.changes(nic, bridge, index, path)
        return Managed(
            manager=Manager.NETWORKD, files=files, runtime=runtime, clients=clients, lease_s=lease_s
        )
    if ifupdown.is_up(nic):
        return Managed(
            manager=Manager.IFUPDOWN, files=ifupdown.changes(nic, bridge), clients=clients, lease_s=lease_s
        )
    return Managed(manager=Manager.NOBODY, clients=clients, lease_s=lease_s)


def move(managed: Managed, nic: str, bridge: str) -> None:
    """Let them look after the bridge instead.

    Raises:
        LinkFailed: one does not do it.
    """
    for change in managed.runtime:
        apply(change)
    if managed.manager == Manager.NETWORKD:
        networkd.reload()
    if managed.manager == Manager.IFUPDOWN:
        ifupdown.add_state(bridge)
    dhclient.stop(nic)
    dhclient.stop(bridge)  # of an earlier try
    for argv in managed.clients:
        dhclient.copy_leases(argv, nic, bridge)
        dhclient.start(dhclient.move(argv, nic, bridge))


def give_back(managed: Managed, nic: str, bridge: str) -> None:
    """Let them look after the NIC again.

    Raises:
        LinkFailed: one does not do it.
    """
    dhclient.stop(bridge)
    if managed.manager == Manager.IFUPDOWN:
        ifupdown.remove_state(bridge)
    if managed.manager == Manager.NETWORKD:
        networkd.reload(nic)
    if managed.clients:
        dhclient.stop(nic)  # of an earlier try
    for argv in managed.clients:
        dhclient.copy_leases(dhclient.move(argv, nic, bridge), bridge, nic)
        dhclient.start(argv)


def _refuse_network_manager(nic: str, index: int) -> None:
    try:
        text = (NETWORK_MANAGER / str(index)).read_text()
    except FileNotFoundError:
        return
    if any(line.replace(" ", "") in ("managed=1", "managed=true") for line in text.splitlines()):
        raise NotSetUp(
            f"NetworkManager looks after {nic}, and cannot be told about the bridge; give the VM a second "
            f"NIC for its containers, or have networkd or ifupdown look after {nic}"
        )
