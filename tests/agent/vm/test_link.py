"""Devices by netlink, in namespaces of their own: what is made, looked at, and left alone."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from msgspec.structs import replace

from ovnest.agent.errors import (
    ForeignDevice,
    InterfaceExists,
    LinkFailed,
    NamespaceGone,
    NotAsRecorded,
)
from ovnest.agent.vm.addresses import Address, Route
from ovnest.agent.vm.link import Links, Mark, Pair, Setup, identity
from ovnest.sandbox import namespace, process
from ovnest.sandbox.namespace import Namespace

pytestmark = pytest.mark.packets

MAC = "0a:00:00:00:00:07"
MARK = Mark("us")
NUMBERS = count(1)
SETUP = Setup(
    device="eth0",
    mac=MAC,
    mtu=1400,
    addresses=(Address(address="192.0.2.7/24"), Address(address="2001:db8::7/64")),
    routes=(
        Route(destination="0.0.0.0/0", gateway="192.0.2.1"),
        Route(destination="::/0", gateway="2001:db8::1"),
        Route(destination="198.51.100.0/24", gateway="192.0.2.9"),
    ),
    tx_checksum_offload=False,
)


@contextmanager
def opened(inside: Namespace) -> Iterator[int]:
    fd = os.open(inside.path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


@pytest.fixture
async def container() -> AsyncIterator[Namespace]:
    """An empty namespace."""
    made = Namespace(f"aglink{os.getpid()}-{next(NUMBERS)}")
    await namespace.create(made)
    yield made
    await namespace.delete(namespace.named(made.name))


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """A pair to be made; our end is gone when the test is."""
    wanted = Pair(device=f"linkt{os.getpid() % 10**6}n{next(NUMBERS)}", peer="eth0", mac=MAC, mtu=1400)
    yield wanted
    await Links().remove(wanted.device, MARK)


async def seen(inside: Namespace, *words: str) -> str:
    return await inside.run("ip", *words)


async def test_a_container_gets_its_device_addresses_and_routes(container: Namespace, pair: Pair) -> None:
    links = Links()
    with opened(container) as fd:
        index = await links.make(pair, fd, MARK)
        await links.configure(SETUP, fd)
        await links.check(SETUP, fd)
        await links.announce(SETUP, fd)
    ours = (await links.all())[pair.device]
    assert (ours.index, ours.alias, ours.kind, ours.up, ours.mtu) == (index, "ovnest:us", "veth", True, 1400)
    (link,) = json.loads(await seen(container, "-json", "address", "show", "eth0"))
    assert (link["address"], link["mtu"]) == (MAC, 1400)
    addresses = {f"{each['local']}/{each['prefixlen']}": each for each in link["addr_info"]}
    assert {"192.0.2.7/24", "2001:db8::7/64"} <= set(addresses)
    assert not addresses["2001:db8::7/64"].get("tentative"), "it may be used at once"
    routes = await seen(container, "route") + await seen(container, "-6", "route")
    for route in ("default via 192.0.2.1", "198.51.100.0/24 via 192.0.2.9", "default via 2001:db8::1"):
        assert route in routes
    assert "tx-checksumming: off" in await container.run("ethtool", "-k", "eth0")
    accept_ra = await container.run("cat", "/proc/sys/net/ipv6/conf/eth0/accept_ra")
    assert accept_ra.strip() == "0"


async def test_everything_may_be_done_twice(container: Namespace, pair: Pair) -> None:
    links = Links()
    with opened(container) as fd:
        for _ in range(2):
            await links.make(pair, fd, MARK)
            await links.configure(SETUP, fd)
            await links.configure(SETUP, fd)
        await links.check(SETUP, fd)
    assert await links.remove(pair.device, MARK)
    assert not await links.remove(pair.device, MARK)
    assert "eth0" not in await seen(container, "link")


async def test_our_end_is_up_again_when_somebody_took_it_down(container: Namespace, pair: Pair) -> None:
    links = Links()
    with opened(container) as fd:
        await links.make(pair, fd, MARK)
    await process.run("ip", "link", "set", pair.device, "down")
    assert not (await links.all())[pair.device].up
    await links.keep_up(pair.device)
    assert (await links.all())[pair.device].up


async def test_what_is_missing_is_said(container: Namespace, pair: Pair) -> None:
    links = Links()
    with opened(container) as fd:
        with pytest.raises(NotAsRecorded, match="no interface eth0"):
            await links.check(SETUP, fd)
        await links.make(pair, fd, MARK)
        await links.configure(SETUP, fd)
        for command, said in (
            ("route del 198.51.100.0/24", "the route to 198.51.100.0/24 via 192.0.2.9 is gone"),
            ("address del 2001:db8::7/64 dev eth0", "has lost its address 2001:db8::7/64"),
            ("link set eth0 address 0a:00:00:00:00:08", "has the MAC address 0a:00:00:00:00:08"),
        ):
            await container.ip(command)
            with pytest.raises(NotAsRecorded, match=said):
                await links.check(SETUP, fd)


async def test_an_interface_of_that_name_is_left_alone(container: Namespace, pair: Pair) -> None:
    await container.ip("link add eth0 type veth peer name other")
    with opened(container) as fd, pytest.raises(InterfaceExists, match="interface eth0 already"):
        await Links().make(pair, fd, MARK)
    assert pair.device not in await Links().all()


async def test_a_device_of_our_name_that_is_not_ours_is_left_alone(pair: Pair) -> None:
    links = Links()
    await links.make(replace(pair, peer="ovpfree"), None, Mark("them"))
    with pytest.raises(ForeignDevice, match="not ours"):
        await links.remove(pair.device, MARK)
    assert pair.device in await links.all()
    assert await links.remove(pair.device, Mark("them"))


async def test_a_file_that_is_no_namespace_is_refused(pair: Pair) -> None:
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        with pytest.raises((NamespaceGone, LinkFailed)):
            await Links().make(pair, fd, MARK)
        with pytest.raises(NamespaceGone):
            await Links().configure(SETUP, fd)
    finally:
        os.close(fd)
    assert pair.device not in await Links().all()


async def test_our_own_namespace_is_ours_whatever_is_done_in_others(container: Namespace) -> None:
    links = Links()
    ours = os.stat("/proc/self/ns/net")
    with opened(container) as fd:

        async def one(number: int) -> None:
            wanted = Pair(device=f"linktm{number}", peer=f"eth{number}", mac=MAC, mtu=1400)
            await links.make(wanted, fd, MARK)
            await links.configure(replace(SETUP, device=wanted.peer, addresses=(), routes=()), fd)
            assert wanted.device in await links.all()
            await links.remove(wanted.device, MARK)

        await asyncio.gather(*(one(number) for number in range(20)))
        assert identity(fd) != f"{ours.st_dev}:{ours.st_ino}"
    assert not [name for name in await links.all() if name.startswith("linktm")]
    assert os.stat("/proc/self/ns/net").st_ino == ours.st_ino
