#
#   web ─┐
#        ├─ vm1 ── hv1      web and db are containers of a real Docker in vm1, on a network that it has had
#   db  ─┘                  the agent make
#
"""`docker network create` without `network=`: the agent makes the network, if its operator lets it."""

import asyncio
from typing import Any

import pytest

from ovnest.agent.crash_point import CRASH_STATUS
from ovnest.agent.doors.docker.made import MAKE, REMOVE, UNMADE, Step
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import Vm
from tests.dataplane.agent.dockerd import IMAGE, Dockerd, Running
from tests.dataplane.agent.site import MANAGEMENT, AgentSite

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]
CREATE = ("network", "create", "-d", "ovnest", "--ipam-driver", "ovnest")
CIDR = "10.77.0.0/24"
CIDR_V6 = "fd00:77::/64"


async def made(site: AgentSite) -> list[dict[str, Any]]:
    """The networks that an agent has made, with their subnets' CIDRs."""
    subnets = {each["id"]: each["cidr"] for each in await site.api.list("subnet")}
    return [
        {**network, "cidrs": sorted(subnets[key] for key in network["subnets"])}
        for network in await site.api.list("network")
        if "docker=" in network["description"]
    ]


async def one_made(site: AgentSite) -> dict[str, Any]:
    (network,) = await made(site)
    return network


async def noted(vm: Vm) -> str:
    """What the agent still means to take away."""
    said = await vm.ovs.vsctl("--if-exists", "get", "Bridge", vm.device, f"external_ids:{UNMADE}")
    return said.strip()


async def test_containers_talk_on_a_network_that_docker_had_made_until_it_is_removed(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent, docker = await running(vm1, network, networks_max=2)
    before = await site.leavings(vm1)
    docker_id = await docker.docker(*CREATE, "net1")
    shown = await one_made(site)
    assert shown["name"] == f"docker-{docker_id[:12]}"
    assert shown["description"] == f"agent={(await agent.status())['agent']} docker={docker_id}"
    assert shown["cidrs"] == ["10.200.0.0/24"]
    web = (await docker.run("web", "--network", "net1"))["net1"]
    db = (await docker.run("db", "--network", "net1"))["net1"]
    assert web["Gateway"] == "10.200.0.1"
    await docker.pings("web", db["IPAddress"])
    await docker.pings("db", web["IPAddress"])
    assert {port["network_id"] for port in await site.containers_of(vm1)} == {shown["id"]}
    assert await docker.devices("web") == {"eth0"}
    # A network of its own: nobody else is on it.
    assert await vm2.ping(web["IPAddress"]) == 0

    # A second network gets other addresses, to which the VM has no route; and a container can be on both.
    await vm1.namespace.ip(f"route add 10.200.1.0/24 dev {MANAGEMENT}")
    await docker.docker(*CREATE, "net2")
    assert sorted(each["cidrs"] for each in await made(site)) == [["10.200.0.0/24"], ["10.200.2.0/24"]]
    await docker.docker("network", "connect", "net2", "web")
    assert (await docker.networks("web"))["net2"]["IPAddress"].startswith("10.200.2.")
    refusal = await docker.refuses(*CREATE, "net3")
    assert "may make 2 networks" in refusal

    assert "has active endpoints" in await docker.refuses("network", "rm", "net1")
    await docker.docker("rm", "--force", "web", "db")
    await docker.docker("network", "rm", "net1", "net2")
    assert await made(site) == []
    assert await site.leavings(vm1) == before
    assert await noted(vm1) == ""


async def test_a_made_network_has_the_addresses_that_were_asked_for(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    _, docker = await running(vm1, network, networks_max=2)
    await docker.docker(
        *CREATE, "--ipv6", f"--subnet={CIDR}", "--gateway=10.77.0.9", f"--subnet={CIDR_V6}", "net1"
    )
    shown = await one_made(site)
    assert shown["cidrs"] == [CIDR, CIDR_V6]
    gateways = {each["cidr"]: each["gateway_ip"] for each in await site.api.list("subnet")}
    assert (gateways[CIDR], gateways[CIDR_V6]) == ("10.77.0.9", "fd00:77::1")
    got = (await docker.run("web", "--network", "net1", "--ip", "10.77.0.50", "--ip6", "fd00:77::50"))["net1"]
    assert (got["IPAddress"], got["GlobalIPv6Address"]) == ("10.77.0.50", "fd00:77::50")
    assert (got["Gateway"], got["IPv6Gateway"]) == ("10.77.0.9", "fd00:77::1")
    await docker.run("db", "--network", "net1")
    for address in ("10.77.0.50", "fd00:77::50"):
        await docker.pings("db", address)

    for options, said in (
        ((f"--subnet={CIDR}",), "which overlaps 10.77.0.0/24"),
        (("--subnet=10.77.0.128/25",), "which overlaps 10.77.0.128/25"),
        (("--ipv6",), "--ipv6 needs --subnet"),
        (("--subnet=10.78.0.0/24", "--ip-range=10.78.0.128/25"), "--ip-range is not for networks"),
        (("--subnet=10.78.0.0/24", "--aux-address=x=10.78.0.7"), "--aux-address is not for networks"),
        (("--subnet=10.78.0.0/31",), "too small"),
        (
            ("--subnet=224.0.0.0/24",),
            "Multicast IP subnet",
        ),  # says the API, when the network is there already
        (("-o", f"network={network.id}", "--subnet", network.subnets[0].cidr), "--ipam-opt network="),
    ):
        refusal = await docker.refuses(*CREATE, *options, "net2")
        assert said in refusal, (options, refusal)
    assert await one_made(site) == shown
    await docker.docker("rm", "--force", "web", "db")
    await docker.docker("network", "rm", "net1")
    await docker.docker(*CREATE, f"--subnet={CIDR}", "net2")
    assert (await one_made(site))["cidrs"] == [CIDR]


async def test_agent_and_docker_may_be_restarted(site: AgentSite, running: Running) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent, docker = await running(vm1, network, networks_max=1)
    await docker.docker(*CREATE, f"--subnet={CIDR}", "net1")
    shown = await one_made(site)
    web = (await docker.run("web", "--network", "net1", "--restart", "always", "--ip", "10.77.0.50"))["net1"]
    agent.stop()
    await agent.start("--docker", str(docker.plugin))
    await docker.run("db", "--network", "net1")
    await docker.pings("db", web["IPAddress"])
    docker.stop()
    await docker.start()
    await until("web runs again", lambda: docker.runs("web"))
    await docker.docker("start", "db")
    await docker.pings("db", web["IPAddress"])
    assert await one_made(site) == shown
    agent.stop()
    await agent.start("--docker", str(docker.plugin))
    await docker.docker("rm", "--force", "web", "db")
    await docker.docker("network", "rm", "net1")
    assert await made(site) == []


async def test_what_docker_removed_with_the_api_away_goes_when_that_is_back(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent, docker = await running(vm1, network, networks_max=1)
    await docker.docker(*CREATE, f"--subnet={CIDR}", "net1")
    await site.standing.cut_off(vm1)
    assert "172.30.0.1" in await docker.refuses(*CREATE, "net2")
    await docker.docker("network", "rm", "net1")
    assert len(await made(site)) == 1
    await until(
        "the status says that it waits",
        agent.status,
        accept=lambda seen: any("waits" in each for each in seen["problems"]),
    )
    # The agent may end meanwhile.
    agent.kill()
    await agent.start("--docker", str(docker.plugin))
    await site.reconnect(vm1)
    await until("it is gone", lambda: made(site), accept=lambda seen: seen == [], timeout_s=30)
    await until("nothing is noted", lambda: noted(vm1), accept=lambda seen: seen == "")
    assert (await agent.status())["problems"] == []


async def test_without_the_right_docker_is_told_what_to_ask_for_and_nothing_is_made(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent, docker = await running(vm1, network)
    before = await site.api.list("network")
    for options in ((), (f"--subnet={CIDR}",), (f"--subnet={CIDR}", "--ipv6", f"--subnet={CIDR_V6}")):
        refusal = await docker.refuses(*CREATE, *options, "net1")
        assert "--ipam-opt network=NAME" in refusal
        assert "--networks-max" in refusal
    assert await site.api.list("network") == before
    # The operator gives the right, and the agent has it at once.
    await site.code(vm1, network, networks_max=1)
    await docker.docker(*CREATE, f"--subnet={CIDR}", "net1")
    # And takes it away again: what was made stays the operator's, and the status says so.
    await site.code(vm1, network)
    await docker.docker("network", "rm", "net1")
    shown = await one_made(site)
    await until(
        "the status says that it waits",
        agent.status,
        accept=lambda seen: any("may not" in each for each in seen["problems"]),
    )
    assert (await site.api.ask("DELETE", f"/v2.0/networks/{shown['id']}")).status == 204
    await until("nothing is noted", lambda: noted(vm1), accept=lambda seen: seen == "", timeout_s=30)


async def test_a_network_that_somebody_else_deleted_is_missed_and_can_be_removed(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    _, docker = await running(vm1, network, networks_max=1)
    await docker.docker(*CREATE, f"--subnet={CIDR}", "net1")
    await docker.run("web", "--network", "net1")
    await docker.docker("rm", "--force", "web")
    assert (await site.api.ask("DELETE", f"/v2.0/networks/{(await one_made(site))['id']}")).status == 204

    async def refusal() -> str:
        return await docker.refuses("run", "--rm", "--network", "net1", IMAGE, "true")

    # Networks are known for ten seconds.
    await until("it is missed", refusal, accept=lambda said: "is gone" in said, timeout_s=15)
    await docker.docker("network", "rm", "net1")
    await docker.docker(*CREATE, f"--subnet={CIDR}", "net1")
    await docker.run("web", "--network", "net1", "--ip", "10.77.0.50")


async def test_compose_has_its_own_network_made(site: AgentSite, running: Running) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    _, docker = await running(vm1, network, networks_max=1)
    before = await site.leavings(vm1)
    service = {"image": IMAGE, "command": "sleep 1000", "stop_signal": "KILL"}
    file = {
        "version": "2.4",
        "services": {"web": {**service, "container_name": "web"}, "db": {**service, "container_name": "db"}},
        "networks": {"default": {"driver": "ovnest", "ipam": {"driver": "ovnest"}}},
    }
    await docker.compose(file, "up", "--detach")
    assert (await one_made(site))["cidrs"] == ["10.200.0.0/24"]
    await docker.pings("web", "db")  # by its name, which Docker itself answers
    await docker.compose(file, "down")
    assert await made(site) == []
    assert await site.leavings(vm1) == before


async def test_a_network_whose_making_or_removal_is_interrupted_at_any_step_is_gone(
    site: AgentSite, dockers: list[Dockerd]
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    docker = Dockerd(vm1)
    dockers.append(docker)
    docker.prepare()
    agent = await site.agent(vm1, network, networks_max=1)
    create = {
        "NetworkID": "a" * 64,
        "IPv4Data": [{"AddressSpace": "ovnest", "Pool": CIDR, "Gateway": "10.77.0.1/24"}],
    }
    pool = {"Pool": CIDR, "Options": {}}

    async def make() -> None:
        await docker.call("IpamDriver.RequestPool", pool)
        await docker.call("NetworkDriver.CreateNetwork", create)

    async def remove() -> None:
        await docker.call("NetworkDriver.DeleteNetwork", {"NetworkID": create["NetworkID"]})

    async def gone() -> bool:
        return await made(site) == [] and await noted(vm1) == ""

    for plan, step in [*((MAKE, step) for step in MAKE), *((REMOVE, step) for step in REMOVE)]:
        if plan is REMOVE:
            await agent.start("--docker", str(docker.plugin))
            await make()
            agent.stop()
        await agent.start("--docker", str(docker.plugin), crash_after=step)
        with pytest.raises((ConnectionError, EOFError)):
            await (make() if plan is MAKE else remove())
        assert agent.crashed() == CRASH_STATUS
        await agent.start("--docker", str(docker.plugin))
        if plan is MAKE and step is Step.FORGET_UNMADE:  # only its answer was lost
            shown = await one_made(site)
            await docker.call("NetworkDriver.CreateNetwork", create)  # and again, it is the same
            assert await one_made(site) == shown
            await remove()
        await until(f"{step}: nothing is left", gone)
        agent.stop()
    assert [each["id"] for each in await site.api.list("network")] == [network.id]


async def test_a_network_whose_making_is_interrupted_under_docker_is_gone(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent, docker = await running(vm1, network, networks_max=1)

    async def gone() -> bool:
        return await made(site) == [] and await noted(vm1) == ""

    for step in (Step.CREATE_NETWORK, Step.FORGET_UNMADE):
        agent.stop()
        await agent.start("--docker", str(docker.plugin), crash_after=step)
        async with asyncio.TaskGroup() as tasks:
            creation = tasks.create_task(docker.attempt(*CREATE, f"--subnet={CIDR}", "net1"))
            assert await asyncio.to_thread(agent.crashed) == CRASH_STATUS
            await agent.start("--docker", str(docker.plugin))
        status, _, complaint = creation.result()
        assert status != 0
        assert "try again" in complaint
        await until(f"{step}: nothing is left", gone)
    await docker.docker(*CREATE, f"--subnet={CIDR}", "net1")
    await docker.run("web", "--network", "net1", "--ip", "10.77.0.50")
