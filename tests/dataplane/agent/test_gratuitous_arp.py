#
#   web ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2      hv1 drops what web says of itself, for a moment
#
"""An address that has another MAC now: the neighbours are told, even if the first word is lost."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ovnest.sandbox.capture import Capture
from ovnest.sandbox.chassis import Chassis
from ovnest.sandbox.until import until
from tests.dataplane.agent.dockerd import Dockerd
from tests.dataplane.agent.site import AgentSite

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]

ARP = 0x0806
IPV6 = 0x86DD
ADVERTISEMENT = 136
FIRST = "0a:00:00:00:00:01"
SECOND = "0a:00:00:00:00:02"


@asynccontextmanager
async def losing(chassis: Chassis, mac: str) -> AsyncIterator[None]:
    """What this MAC announces is lost while the context lasts, and some of it must be."""
    bridge = str(chassis.directory / "br-int.mgmt")
    flows = (f"arp,dl_src={mac}", f"icmp6,icmp_type={ADVERTISEMENT},dl_src={mac}")
    for flow in flows:
        await chassis.tool("ovs-ofctl", "add-flow", bridge, f"table=0,priority=60000,{flow},actions=drop")

    async def lost() -> list[int]:
        dumped = await chassis.tool("ovs-ofctl", "dump-flows", bridge, "table=0")
        return [int(count) for count in re.findall(r"n_packets=(\d+),.* priority=60000,", dumped)]

    try:
        yield
        await until("the announcements are lost", lost, accept=lambda seen: len(seen) == 2 and all(seen))
    finally:
        for flow in flows:
            await chassis.tool("ovs-ofctl", "--strict", "del-flows", bridge, f"table=0,priority=60000,{flow}")


def announced(seen: Capture, mac: str) -> set[str]:
    """The addresses that this MAC has announced, of those frames that have passed."""
    found = set()
    for frame in seen.frames:
        if frame.source_mac != mac:
            continue
        if frame.ethertype == ARP and frame.payload[14:18] == frame.payload[24:28]:
            found.add(".".join(map(str, frame.payload[14:18])))
        if frame.ethertype == IPV6 and frame.payload[40] == ADVERTISEMENT and frame.source is not None:
            found.add(frame.source)
    return found


def arps(seen: Capture, mac: str) -> int:
    """How many ARP frames this MAC has sent."""
    return len([frame for frame in seen.frames if frame.source_mac == mac and frame.ethertype == ARP])


async def test_an_announcement_that_is_lost_is_made_again(site: AgentSite) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.started(vm1, network)
    web, later = await site.guest(vm1, "web"), await site.guest(vm1, "later")
    addresses = list(network.addresses(99))
    await agent.plug(web, network, addresses=addresses, mac=FIRST)
    await vm2.pings(web)  # now vm2 knows by which MAC
    await agent.unplug(web)
    async with vm2.capture("out") as seen:
        async with losing(site.sandbox.chassis["hv1"], SECOND):
            attached = await agent.plug(later, network, addresses=addresses, mac=SECOND)

        async def heard() -> set[str]:
            return announced(seen, SECOND)

        await until("vm2 is told", heard, accept=lambda found: found == set(addresses), timeout_s=5)
    for address in addresses:
        assert await vm2.ping(address, count=3) == 3, "vm2 asks the MAC of the container that is gone"
    assert seen.tags_from(SECOND) <= {None}
    assert attached["tag"] is not None


async def test_what_is_gone_is_not_announced_again(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web, later = await site.guest(vm1, "web"), await site.guest(vm1, "later")
    async with vm1.capture("in") as seen:
        await agent.plug(web, network, mac=FIRST)
        await agent.unplug(web)
        attached = await agent.plug(later, network, mac=SECOND)

        async def times() -> int:
            return arps(seen, SECOND)

        # The last of its repetitions comes after all of those that web would have had.
        await until("later is announced three times", times, accept=lambda seen: seen >= 3)
    assert arps(seen, FIRST) == 1, "it was announced again when it was gone"
    assert {frame.tag for frame in seen.frames if frame.source_mac == SECOND} == {attached["tag"]}


async def test_dockers_containers_are_announced_again_too(site: AgentSite) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    docker = Dockerd(vm1)
    docker.prepare()
    try:
        agent = await site.agent(vm1, network)
        agent.inside = docker.inside
        await agent.start("--docker", str(docker.plugin))
        await docker.start()
        await docker.load()
        await docker.join("net1", network.id)
        async with vm2.capture("out") as seen:
            async with losing(site.sandbox.chassis["hv1"], SECOND):
                got = (await docker.run("web", "--network", "net1", "--mac-address", SECOND))["net1"]

            async def heard() -> set[str]:
                return announced(seen, SECOND)

            await until("vm2 is told", heard, accept=lambda found: got["IPAddress"] in found, timeout_s=5)
        await docker.docker("rm", "--force", "web")
    finally:
        docker.close()
