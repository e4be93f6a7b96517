"""Devices: the veth pair between a container and the bridge. The only file that speaks netlink.

Namespaces belong to threads. What is done in a container's namespace is done by a thread that enters it and
then ends, so that no other work can ever find itself there.

Source: rtnetlink(7), veth(4), setns(2).
"""

import _thread
import asyncio
import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

from msgspec import Struct, structs
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ovnest.agent.errors import (
    ForeignDevice,
    InterfaceExists,
    LinkFailed,
    NamespaceGone,
    NotAsRecorded,
)
from ovnest.agent.vm.addresses import Address, Route
from ovnest.agent.vm.gratuitous_arp import gratuitous_frame
from ovnest.agent.vm.netlink import IFF_UP, accept
from ovnest.agent.vm.offload import set_tx_checksum_offload

CLONE_NEWNET = 0x40000000
IFA_F_NODAD = 0x02
SIOCGIFFLAGS = 0x8913
SECOND_CHOICE = 2048  # a metric: without one, routes have 0 in IPv4, 1024 in IPv6
AT_ONCE = 8  # threads; more only wait for each other

T = TypeVar("T")


class Mark(Struct, frozen=True):
    """What our devices have as their alias (`ip -details link`)."""

    agent_id: str

    @property
    def alias(self) -> str:
        return f"ovnest:{self.agent_id}"


class Pair(Struct, frozen=True, kw_only=True):
    """A veth pair to be made: our end `device`, the container's end `peer` with this MAC."""

    device: str
    peer: str
    mac: str
    mtu: int


class Setup(Struct, frozen=True, kw_only=True):
    """What the container's end is given. A datapath in userspace needs `tx_checksum_offload` off."""

    device: str
    mac: str
    mtu: int
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]
    tx_checksum_offload: bool


class Device(Struct, frozen=True, kw_only=True):
    """A device in our own namespace."""

    name: str
    index: int
    kind: str
    alias: str
    up: bool
    mtu: int


class Links:
    """Makes, looks at and removes the devices that carry `mark`."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def make(self, pair: Pair, netns_fd: int | None, mark: Mark) -> int:
        """Make the pair, our end up; the index of that. What an earlier try has left of it goes first.

        Raises:
            InterfaceExists: the container has an interface of that name.
            NamespaceGone: its namespace is no more.
            ForeignDevice: there is a device of our end's name that is not ours.
        """
        return await self._run(None, lambda: _make(pair, netns_fd, mark))

    async def configure(self, setup: Setup, netns_fd: int | None) -> None:
        """Give the container's end its settings, addresses and routes, and take it up.

        Raises:
            NamespaceGone: its namespace is no more.
        """
        await self._run(netns_fd, lambda: _configure(setup))

    async def prepare(self, setup: Setup) -> None:
        """The settings of a container's end that its runtime is to configure itself."""
        if not setup.tx_checksum_offload:
            await self._run(None, lambda: set_tx_checksum_offload(setup.device, on=False))

    async def keep_up(self, device: str) -> None:
        """Take our end up again if it is not.

        Open vSwitch makes a port of its own promiscuous by reading its flags and writing them with one more.
        If it saw the device just before that was up, this takes it down.
        """
        if not _is_up(device):
            await self._run(None, lambda: _take_up(device))

    async def announce(self, setup: Setup, netns_fd: int) -> None:
        """Send gratuitous ARP and unsolicited advertisements for the addresses.

        Raises:
            NamespaceGone: its namespace is no more.
        """
        late = ExitStack()
        await self._run(netns_fd, lambda: _announce(setup, late), late)

    async def settle(self, setup: Setup, netns_fd: int) -> None:
        """What is left to do when a runtime has put its device, known by the MAC, into the container.

        Raises:
            NamespaceGone: its namespace is no more.
            NotAsRecorded: it has no device with that MAC.
        """
        late = ExitStack()
        await self._run(netns_fd, lambda: _settle(setup, late), late)

    async def remove(self, device: str, mark: Mark) -> bool:
        """Take our end away, and with it the other; whether it was there.

        Raises:
            ForeignDevice: it is not ours.
        """
        return await self._run(None, lambda: _remove(device, mark))

    async def all(self) -> dict[str, Device]:
        """The devices in our namespace by name."""
        return await self._run(None, _all)

    @staticmethod
    def names() -> frozenset[str]:
        """The names of the devices in our namespace, which is all that mostly is asked, and costs nothing."""
        return frozenset(name for _, name in socket.if_nameindex())

    async def check(self, setup: Setup, netns_fd: int) -> None:
        """Return if the container's end is as `setup` says.

        Raises:
            NotAsRecorded: it is not; the message says what is missing.
            NamespaceGone: its namespace is no more.
        """
        await self._run(netns_fd, lambda: _check(setup))

    async def _run(self, netns_fd: int | None, function: Callable[[], T], late: ExitStack | None = None) -> T:
        async with self._places:
            try:
                return await _in_namespace(netns_fd, function, late or ExitStack())
            except (NetlinkError, OSError) as error:
                raise LinkFailed(f"the kernel refuses: {error}") from error


def identity(netns_fd: int) -> str:
    """What tells a namespace from all others of this boot, whatever path it is found by."""
    seen = os.fstat(netns_fd)
    return f"{seen.st_dev}:{seen.st_ino}"


async def _in_namespace(netns_fd: int | None, function: Callable[[], T], late: ExitStack) -> T:
    """What `function` gives, run by a thread of its own in that namespace (ours if None).

    What is in `late` is left to the thread when it has answered: nobody need wait for that.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(set_it: Callable[[Any], None], what: Any) -> None:
        if not future.done():
            set_it(what)

    def work() -> None:
        try:
            if netns_fd is not None:
                _enter(netns_fd)
            result = function()
        except BaseException as error:
            # To whoever waits: the thread itself has nobody to tell.
            loop.call_soon_threadsafe(tell, future.set_exception, error)
        else:
            loop.call_soon_threadsafe(tell, future.set_result, result)
        finally:
            late.close()

    # Not threading's: that waits until the thread runs, and all others wait with us.
    _thread.start_new_thread(work, ())
    # What has been begun is finished even if nobody waits for it any more.
    return await asyncio.shield(future)


_libc = ctypes.CDLL(None, use_errno=True)


def _enter(netns_fd: int) -> None:
    if _libc.setns(netns_fd, CLONE_NEWNET) != 0:
        raise NamespaceGone(f"the network namespace cannot be entered: {os.strerror(ctypes.get_errno())}")


def _make(pair: Pair, netns_fd: int | None, mark: Mark) -> int:
    with IPRoute() as ip:
        try:
            _add(ip, pair, netns_fd)
        except NetlinkError as error:
            if error.code != errno.EEXIST:
                raise
            if not _remove_with(ip, pair.device, mark):
                raise InterfaceExists(f"the container has an interface {pair.peer} already") from error
            _add(ip, pair, netns_fd)
        ip.link("set", ifname=pair.device, ifalias=mark.alias)
    return socket.if_nametoindex(pair.device)


def _add(ip: Any, pair: Pair, netns_fd: int | None) -> None:
    peer: dict[str, Any] = {"ifname": pair.peer, "address": pair.mac, "mtu": pair.mtu}
    if netns_fd is not None:
        peer["net_ns_fd"] = netns_fd
    try:
        # Up from the first moment: Open vSwitch, which waits for it, may otherwise see it down (`keep_up`).
        ip.link("add", ifname=pair.device, kind="veth", mtu=pair.mtu, peer=peer, state="up")
    except NetlinkError as error:
        if error.code in (errno.EBADF, errno.EINVAL) and netns_fd is not None:
            raise NamespaceGone(f"the network namespace is no more: {error}") from error
        raise


def _is_up(device: str) -> bool:
    """Whether it is up; a device that is not there is not."""
    request = struct.pack("16sH22x", device.encode(), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
        except OSError:
            return False
    flags: int = struct.unpack("16xH22x", answer)[0]
    return bool(flags & IFF_UP)


def _take_up(device: str) -> None:
    with IPRoute() as ip:
        ip.link("set", ifname=device, state="up")


def _configure(setup: Setup) -> None:
    _write_settings(setup)
    if not setup.tx_checksum_offload:
        set_tx_checksum_offload(setup.device, on=False)
    with IPRoute() as ip:
        index = _index(setup.device)
        ip.link("set", index=index, state="up")
        for address in setup.addresses:
            text, _, length = address.address.partition("/")
            # OVN guarantees that nobody else has it: no second of waiting for a duplicate.
            flags = {"flags": IFA_F_NODAD} if ":" in text else {}
            with accept(errno.EEXIST):
                ip.addr("add", index=index, address=text, prefixlen=int(length), **flags)
        for route in setup.routes:
            _add_route(ip, index, route)


def _add_route(ip: Any, index: int, route: Route) -> None:
    """Have the route; behind that of another interface, if one has it, whose turn ours is when that goes."""
    words = {"dst": route.destination, "gateway": route.gateway, "oif": index}
    with accept(errno.EEXIST):
        ip.route("add", **words)
        return
    if route.gateway not in _gateways(ip, index):
        with accept(errno.EEXIST):
            ip.route("add", priority=SECOND_CHOICE + index, **words)


def _gateways(ip: Any, index: int) -> set[str]:
    """Those that the interface's routes lead to."""
    return {each.get_attr("RTA_GATEWAY") for each in ip.route("dump") if each.get_attr("RTA_OIF") == index}


def _write_settings(setup: Setup) -> None:
    """No addresses or routes by router advertisements: the port has just those that it has."""
    base = f"/proc/sys/net/ipv6/conf/{setup.device}"
    settings = {"accept_ra": "0", "autoconf": "0"}
    if any(":" in each.address for each in setup.addresses):
        settings["disable_ipv6"] = "0"
    # A kernel without IPv6 has no such files.
    with suppress(FileNotFoundError):
        for name, value in settings.items():
            with open(f"{base}/{name}", "w") as file:
                file.write(value)


def _announce(setup: Setup, late: ExitStack) -> None:
    # To close such a socket the kernel waits until no packet can be on its way to it: some 10 ms.
    sock = late.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    sock.bind((setup.device, 0))
    for address in setup.addresses:
        sock.send(gratuitous_frame(setup.mac, address.address.partition("/")[0]))


def _settle(setup: Setup, late: ExitStack) -> None:
    with IPRoute() as ip:
        names = [
            link.get_attr("IFLA_IFNAME")
            for link in ip.link("dump")
            if link.get_attr("IFLA_ADDRESS") == setup.mac
        ]
    if not names:
        raise NotAsRecorded(f"the container has no interface with the MAC address {setup.mac}")
    there = structs.replace(setup, device=names[0])
    _write_settings(there)
    _announce(there, late)


def _remove(device: str, mark: Mark) -> bool:
    with IPRoute() as ip:
        return _remove_with(ip, device, mark)


def _remove_with(ip: Any, device: str, mark: Mark) -> bool:
    found = _find(ip, device)
    if found is None:
        return False
    # Without an alias: we ended between making it and marking it. Its name is one that we drew by lot.
    if found.kind != "veth" or found.alias not in ("", mark.alias):
        raise ForeignDevice(f"device {device} ({found.kind}, alias {found.alias!r}) is not ours; it is left")
    with accept(errno.ENODEV):
        ip.link("del", index=found.index)
    return True


def _find(ip: Any, device: str) -> Device | None:
    try:
        links = list(ip.link("get", ifname=device))
    except NetlinkError as error:
        if error.code == errno.ENODEV:
            return None
        raise
    return _device(links[0])


def _all() -> dict[str, Device]:
    with IPRoute() as ip:
        found = [_device(link) for link in ip.link("dump")]
    return {device.name: device for device in found}


def _device(link: Any) -> Device:
    info = link.get_attr("IFLA_LINKINFO")
    kind = info.get_attr("IFLA_INFO_KIND") if info is not None else None
    return Device(
        name=link.get_attr("IFLA_IFNAME"),
        index=link["index"],
        kind=kind or "",
        alias=link.get_attr("IFLA_IFALIAS") or "",
        up=bool(link["flags"] & IFF_UP),
        mtu=link.get_attr("IFLA_MTU"),
    )


def _index(device: str) -> int:
    try:
        return socket.if_nametoindex(device)
    except OSError:
        raise NotAsRecorded(f"the container has no interface {device}") from None


def _check(setup: Setup) -> None:
    with IPRoute() as ip:
        index = _index(setup.device)
        link = ip.link("get", index=index)[0]
        addresses = {
            f"{each.get_attr('IFA_ADDRESS')}/{each['prefixlen']}" for each in ip.addr("dump", index=index)
        }
        gateways = _gateways(ip, index)
    mac = link.get_attr("IFLA_ADDRESS")
    if mac != setup.mac:
        raise NotAsRecorded(f"interface {setup.device} has the MAC address {mac}, not {setup.mac}")
    if not link["flags"] & IFF_UP:
        raise NotAsRecorded(f"interface {setup.device} is down")
    for address in setup.addresses:
        if address.address not in addresses:
            raise NotAsRecorded(f"interface {setup.device} has lost its address {address.address}")
    for route in setup.routes:
        if route.gateway not in gateways:
            raise NotAsRecorded(f"the route to {route.destination} via {route.gateway} is gone")
