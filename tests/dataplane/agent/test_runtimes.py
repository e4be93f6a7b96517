#
#   podman's and containerd's containers ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2
#
"""Real container runtimes, as Debian ships them, put their containers onto networks by CNI."""

from collections.abc import Iterator

import pytest

from tests.dataplane.agent.runtimes import IMAGE, Containerd, Podman
from tests.dataplane.agent.site import AgentSite

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]


@pytest.fixture
def closing() -> Iterator[list[Podman | Containerd]]:
    """Runtimes that are to be ended when the test has."""
    runtimes: list[Podman | Containerd] = []
    yield runtimes
    for runtime in runtimes:
        runtime.close()


async def test_podmans_containers_talk(site: AgentSite, closing: list[Podman | Containerd]) -> None:
    network = await site.network(dns_nameservers=["192.0.2.53"])
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    podman = Podman(agent)
    closing.append(podman)
    podman.load()
    podman.network("blue", network.id)

    pinged = podman.podman(
        *("run", "--rm", "--network", "blue", IMAGE, "ping", "-c", "3", "-W", "2", vm2.addresses[0])
    )
    assert "3 packets received" in pinged
    assert await site.leavings(vm1) == before

    podman.podman(
        *("run", "--detach", "--name", "web", "--network", "blue", "--mac-address", "0a:00:00:00:00:99"),
        *(IMAGE, "sleep", "600"),
    )
    (attached,) = await agent.attachments()
    (port,) = await site.containers_of(vm1)
    assert port["mac_address"] == "0a:00:00:00:00:99"
    assert port["name"] == "web"
    address = attached["addresses"][0].partition("/")[0]
    assert await vm2.ping(address, count=3) == 3
    assert "192.0.2.53" in podman.podman("exec", "web", "cat", "/etc/resolv.conf")
    shown = podman.podman("exec", "web", "ip", "-o", "link")
    assert [line.split(":")[1].split("@")[0].strip() for line in shown.splitlines()] == ["lo", "eth0"]

    podman.podman("restart", "--time", "0", "web")
    (attached,) = await agent.attachments()
    assert await vm2.ping(attached["addresses"][0].partition("/")[0], count=3) == 3
    podman.podman("rm", "--force", "--time", "0", "web")
    assert await site.leavings(vm1) == before


async def test_containerds_containers_talk(site: AgentSite, closing: list[Podman | Containerd]) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    containerd = Containerd(agent)
    closing.append(containerd)
    containerd.network("blue", network.id)
    await containerd.start()

    pinged = containerd.run_once("web", "ping", "-c", "3", "-W", "2", vm2.addresses[0])
    assert "3 packets received" in pinged
    assert await site.leavings(vm1) == before
