#
#   web ─┐
#        ├─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2      web and db are containers of a real Docker in vm1
#   db  ─┘
#
"""Docker: its containers are on the networks that the hypervisors' OVN runs, by the agent as its plugin."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ovnest.sandbox.vm import Vm
from tests.dataplane.agent.dockerd import Dockerd
from tests.dataplane.agent.site import AgentSite, VmAgent
from tests.dataplane.api.networking import VirtualNetwork

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]

Running = Callable[..., Awaitable[tuple[VmAgent, Dockerd]]]


@pytest.fixture
async def running(site: AgentSite) -> AsyncIterator[Running]:
    """Gives a VM an agent for these networks, and a Docker with an image."""
    begun: list[Dockerd] = []

    async def run(
        vm: Vm, *networks: VirtualNetwork, options: tuple[str, ...] = ()
    ) -> tuple[VmAgent, Dockerd]:
        dockerd = Dockerd(vm)
        begun.append(dockerd)
        dockerd.prepare()
        agent = await site.agent(vm, *networks)
        agent.inside = dockerd.inside
        await agent.start("--docker", str(dockerd.plugin), *options)
        await dockerd.start()
        await dockerd.load()
        return agent, dockerd

    yield run
    for dockerd in begun:
        dockerd.close()


async def test_containers_talk_over_ports_of_their_own_until_they_are_removed(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent, docker = await running(vm1, network)
    before = await site.leavings(vm1)
    await docker.join("net1", f"network-{network.number}")
    web = (await docker.run("web", "--network", "net1"))["net1"]
    db = (await docker.run("db", "--network", "net1"))["net1"]

    async with vm1.capture() as seen:
        await docker.pings("web", vm2.addresses[0])
    for address in (vm1.addresses[0], db["IPAddress"]):
        await docker.pings("web", address)
    ports = {port["mac_address"]: port for port in await site.containers_of(vm1)}
    assert set(ports) == {web["MacAddress"], db["MacAddress"]}
    port = ports[web["MacAddress"]]
    assert seen.tags_from(web["MacAddress"]) == {port["binding:profile"]["tag"]}
    assert web["IPAddress"] in {fixed["ip_address"] for fixed in port["fixed_ips"]}
    assert web["Gateway"] == network.subnets[0].gateway_ip
    assert port["device_owner"] == "container:docker"
    assert port["ovnest:plugged"] is True
    assert await docker.devices("web") == {"eth0"}

    await docker.docker("rm", "--force", "--volumes", "web", "db")
    await docker.docker("network", "rm", "net1")
    assert await site.leavings(vm1) == before
    assert await agent.attachments() == []
