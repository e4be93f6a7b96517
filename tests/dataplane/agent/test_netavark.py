#
#   Podman 5's containers ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2
#
"""Podman by its netavark plugin: Debian 13's Podman and netavark put their containers onto networks."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from ovnest.agent.attachment.plan import ATTACH, DETACH
from ovnest.agent.crash_point import CRASH_STATUS
from ovnest.agent.setup.plan import write_shim
from ovnest.sandbox.process import attempt
from ovnest.sandbox.until import until
from tests.dataplane.agent.podman5 import Podman5, podman_tree
from tests.dataplane.agent.runtimes import IMAGE
from tests.dataplane.agent.site import AgentSite, Guest, VmAgent
from tests.dataplane.api.networking import VirtualNetwork

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]

Starter = Callable[[VmAgent], Awaitable[Podman5]]


@pytest.fixture
async def start_podman() -> AsyncIterator[Starter]:
    """Gives a Podman, with an image, beside an agent; it is ended when the test has."""
    started: list[Podman5] = []

    async def start(agent: VmAgent) -> Podman5:
        podman = Podman5(agent, await podman_tree())
        started.append(podman)
        podman.load()
        return podman

    yield start
    for podman in started:
        podman.close()


async def test_podmans_containers_talk(site: AgentSite, start_podman: Starter) -> None:
    network = await site.network(dns_nameservers=["192.0.2.53"], gateway_ip="10.1.0.1")
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    podman = await start_podman(agent)
    podman.join("blue", network.id)

    pinged = podman.podman(
        *("run", "--rm", "--network", "blue", IMAGE, "ping", "-c", "3", "-W", "2", vm2.addresses[0])
    )
    assert "3 packets received" in pinged
    assert await site.leavings(vm1) == before

    shown = podman.begin("web", "--network", "blue", "--mac-address", "0a:00:00:00:00:99")["blue"]
    (attached,) = await agent.attachments()
    (port,) = await site.containers_of(vm1)
    assert (port["mac_address"], port["name"]) == ("0a:00:00:00:00:99", "web")
    assert port["device_owner"] == "container:netavark"
    address = attached["addresses"][0].partition("/")[0]
    assert (shown["IPAddress"], shown["MacAddress"], shown["Gateway"]) == (
        address,
        "0a:00:00:00:00:99",
        "10.1.0.1",
    )
    assert f"{shown['GlobalIPv6Address']}/{shown['GlobalIPv6PrefixLen']}" == attached["addresses"][1]
    assert await vm2.ping(address, count=3) == 3
    assert "192.0.2.53" in podman.podman("exec", "web", "cat", "/etc/resolv.conf")
    assert devices(podman, "web") == {"eth0"}

    podman.podman("restart", "--time", "0", "web")
    (attached,) = await agent.attachments()
    assert await vm2.ping(attached["addresses"][0].partition("/")[0], count=3) == 3
    podman.podman("rm", "--force", "--time", "0", "web")
    assert await site.leavings(vm1) == before


async def test_addresses_and_subnets_are_asked_for_by_podmans_own_options(
    site: AgentSite, start_podman: Starter
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    await site.api.create("subnet", network_id=network.id, ip_version=4, cidr="198.51.100.0/24")
    agent = await site.started(vm1, network)
    podman = await start_podman(agent)
    podman.join("blue", network.id)
    podman.join("other", network.id, "--subnet", "198.51.100.0/24")
    (told,) = json.loads(podman.podman("network", "inspect", "other"))
    assert told["subnets"] == [{"subnet": "198.51.100.0/24", "gateway": "198.51.100.1"}]

    both = podman.begin("both", "--network", "blue", "--ip", "10.1.0.77", "--ip6", "fd00:1::77")["blue"]
    assert (both["IPAddress"], both["GlobalIPv6Address"]) == ("10.1.0.77", "fd00:1::77")
    one = podman.begin("one", "--network", "blue", "--ip", "10.1.0.78")["blue"]
    assert one["IPAddress"] == "10.1.0.78"
    assert one["GlobalIPv6Address"].startswith("fd00:1::")
    named = podman.begin("named", "--network", "other")["other"]
    assert named["IPAddress"].startswith("198.51.100.")
    assert named["GlobalIPv6Address"].startswith("fd00:1::")

    said = await podman.refuses("run", "--network", "blue", "--ip", "10.1.0.78", IMAGE, "true")
    assert "10.1.0.78" in said
    assert "10.9.0.1" in await podman.refuses("run", "--network", "blue", "--ip", "10.9.0.1", IMAGE, "true")
    assert len(await site.containers_of(vm1)) == 3

    podman.podman("network", "reload", "both")
    assert podman.of("both")["blue"]["IPAddress"] == "10.1.0.77"
    assert podman.of("both")["blue"]["MacAddress"] == both["MacAddress"]
    await podman.pings("both", vm1.addresses[0])

    assert "there is no network nowhere that this agent may use" in await podman.refuses(
        "network", "create", "-d", "ovnest", "nowhere"
    )
    assert "--internal is not for networks of ovnest" in await podman.refuses(
        *("network", "create", "-d", "ovnest", "-o", f"network={network.id}", "--internal", "alone")
    )


async def test_a_container_may_be_on_several_networks_and_share_them_with_its_pod(
    site: AgentSite, start_podman: Starter
) -> None:
    blue, green = await site.network(), await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", blue), await site.vm("vm2", "hv2", green)
    agent = await site.started(vm1, blue, green)
    before = await site.leavings(vm1)
    podman = await start_podman(agent)
    podman.join("blue", blue.id)
    podman.join("green", green.id)

    podman.begin("web", "--network", "blue")
    podman.podman("network", "connect", "green", "web")
    assert devices(podman, "web") == {"eth0", "eth1"}
    await podman.pings("web", vm1.addresses[0])
    await podman.pings("web", vm2.addresses[0])
    assert set(podman.of("web")) == {"blue", "green"}
    assert "via 10.1.0.1 dev eth0" in podman.podman("exec", "web", "ip", "route", "get", "192.0.2.1")
    podman.podman("network", "disconnect", "blue", "web")
    assert devices(podman, "web") == {"eth1"}
    assert "via 10.2.0.1 dev eth1" in podman.podman("exec", "web", "ip", "route", "get", "192.0.2.1")
    assert [each["network"] for each in await agent.attachments()] == [green.id]
    await podman.pings("web", vm2.addresses[0])
    podman.podman("rm", "--force", "--time", "0", "web")
    assert await site.leavings(vm1) == before

    infra = ("--infra-image", IMAGE, "--infra-command", "sleep 1000")
    podman.podman("pod", "create", "--name", "shop", "--network", "blue,green", *infra)
    podman.begin("till", "--pod", "shop")
    podman.begin("shelf", "--pod", "shop")
    assert devices(podman, "till") == devices(podman, "shelf") == {"eth0", "eth1"}
    await podman.pings("shelf", vm2.addresses[0])
    assert len(await site.containers_of(vm1)) == 2, "a pod has one interface on each network"
    podman.podman("pod", "rm", "--force", "--time", "0", "shop")
    assert await site.leavings(vm1) == before


async def test_podman_says_that_ports_are_not_published(site: AgentSite, start_podman: Starter) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    podman = await start_podman(await site.started(vm1, network))
    podman.join("blue", network.id)
    run = ("run", "--rm", "--network", "blue", "--ip", "10.1.0.80")
    status, _, said = await podman.attempt(*run, "--publish", "8080:80", IMAGE, "true")
    assert status == 0, said
    assert (
        "--publish has no effect on networks of ovnest: the container is reached at 10.1.0.80, fd00:" in said
    )
    status, _, said = await podman.attempt(*run, IMAGE, "true")
    assert (status, "publish" in said) == (0, False)


async def test_rootless_podman_is_told_what_to_do(site: AgentSite, start_podman: Starter) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    podman = await start_podman(await site.started(vm1, network))
    said = await podman.rootless("network", "create", "-d", "ovnest", "-o", f"network={network.id}", "blue")
    assert "the ovnest agent serves root alone" in said
    assert "sudo podman" in said


async def test_what_podman_removes_while_the_api_is_away_is_removed_later(
    site: AgentSite, start_podman: Starter
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    podman = await start_podman(agent)
    podman.join("blue", network.id)
    podman.begin("web", "--network", "blue")
    await site.standing.cut_off(vm1)

    podman.podman("rm", "--force", "--time", "0", "web")
    assert [each["state"] for each in await agent.attachments()] == ["deleting"]
    assert len(await site.containers_of(vm1)) == 1
    assert "172.30.0.1:9697" in await podman.refuses("run", "--network", "blue", IMAGE, "true")
    await site.reconnect(vm1)
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)

    podman.begin("web", "--network", "blue")
    agent.stop()
    assert "the ovnest agent does not answer at" in await podman.refuses("restart", "--time", "0", "web")
    await agent.start()
    podman.podman("start", "web")
    (attached,) = await agent.attachments()
    assert attached["state"] == "plugged", "what its teardown could not take away has made room"
    podman.podman("rm", "--force", "--time", "0", "web")
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)


async def called(
    agent: VmAgent, command: str, guest: Guest, network: VirtualNetwork, *, before: tuple[str, ...] = ()
) -> tuple[int, Any]:
    """The executable's status, and what it printed, called as netavark calls it."""
    shim = agent.vm.directory / "netavark" / "ovnest"
    write_shim(shim, agent.socket)
    asked = {
        "container_id": guest.short,
        "container_name": guest.short,
        "port_mappings": None,
        "network": {"name": "blue", "id": "0" * 64, "driver": "ovnest", "options": {"network": network.id}},
        "network_options": {"interface_name": "eth0", "aliases": [guest.short]},
    }
    argv = agent.vm.namespace.inside(*before, str(shim), command, str(guest.path))
    status, output, complaint = await attempt(*argv, stdin=json.dumps(asked))
    assert not complaint, complaint
    return status, json.loads(output) if output else None


async def test_calls_that_are_interrupted_at_any_step_leave_nothing(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    web, foreign = await site.guest(vm1, "web"), await site.foreign(vm1, network)
    before = await site.leavings(vm1)
    for step in (*ATTACH, *DETACH):
        await agent.start(crash_after=step)
        if step in DETACH:
            assert (await called(agent, "setup", web, network))[0] == 0
        command = "setup" if step in ATTACH else "teardown"
        ended = {"error": "the ovnest agent ended while it was asked"}
        assert await called(agent, command, web, network) == (1, ended)
        assert agent.crashed() == CRASH_STATUS
        await agent.start()
        # Podman tears down what it could not set up, or could not tear down.
        assert await called(agent, "teardown", web, network) == (0, None)
        await until(
            f"{step}: nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before
        )
        assert await web.devices() == set()
        agent.stop()
    await foreign.pings(vm1.addresses[0])


async def test_the_same_container_twice_a_namespace_that_is_gone_and_rootless_are_refused(
    site: AgentSite,
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    status, block = await called(agent, "setup", web, network)
    assert (status, set(block["interfaces"])) == (0, {"eth0"})
    status, told = await called(agent, "setup", web, network)
    assert (status, told["error"]) == (1, f"web/eth0 is attached already, to {network.id}")

    # As a user, and as root of a user's own namespace, which is what rootless Podman runs its plugins as.
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    for before in (nobody, (*nobody, "unshare", "--user", "--map-root-user")):
        status, told = await called(agent, "teardown", web, network, before=before)
        assert status == 1
        assert "the ovnest agent serves root alone" in told["error"]
        assert "sudo podman" in told["error"]
    assert len(await agent.attachments()) == 1

    assert await called(agent, "teardown", web, network) == (0, None)
    assert await called(agent, "teardown", web, network) == (0, None), "what is gone is torn down"
    await web.destroy()
    status, told = await called(agent, "setup", web, network)
    assert (status, told["error"]) == (1, f"network namespace {web.path}: No such file or directory")


def devices(podman: Podman5, name: str) -> set[str]:
    """What a container has beside its loopback."""
    shown = podman.podman("exec", name, "ip", "-o", "link")
    return {line.split(":")[1].split("@")[0].strip() for line in shown.splitlines()} - {"lo"}
