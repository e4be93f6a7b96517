#
#   web ─┐
#        ├─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2      web and db are containers of a real Docker in vm1
#   db  ─┘
#
"""Docker: its containers are on the networks that the hypervisors' OVN runs, by the agent as its plugin."""

import asyncio
import json

import pytest

from ovnest.agent.attachment.plan import ADOPT, DETACH, RESERVE, Step
from ovnest.agent.crash_point import CRASH_STATUS
from ovnest.sandbox.until import until
from tests.dataplane.agent.dockerd import IMAGE, Dockerd, Running
from tests.dataplane.agent.site import AgentSite

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]


async def test_containers_talk_over_ports_of_their_own_until_they_are_removed(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent, docker = await running(vm1, network)
    before = await site.leavings(vm1)
    await docker.join("net1", f"network-{network.number}")
    web = (await docker.run("web", "--network", "net1", "--publish", "8080:80"))["net1"]
    db = (await docker.run("db", "--network", "net1"))["net1"]

    async with vm1.capture("in") as seen:
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


async def test_addresses_are_those_that_were_asked_for_in_both_families(
    site: AgentSite, running: Running
) -> None:
    network, other = await site.network(), await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent, docker = await running(vm1, network, other)
    before = await site.leavings(vm1)
    cidrs = [subnet.cidr for subnet in network.subnets]
    await docker.join("net1", network.id, "--ipv6", *(f"--subnet={cidr}" for cidr in cidrs))
    await docker.join("net2", other.id)
    (shown,) = json.loads(await docker.docker("network", "inspect", "net1"))
    assert [config["Subnet"] for config in shown["IPAM"]["Config"]] == cidrs
    v4, v6 = network.addresses(77)

    got = (
        await docker.run(
            "web", "--network", "net1", "--ip", v4, "--ip6", v6, "--mac-address", "0a:00:00:00:00:77"
        )
    )["net1"]
    assert (got["IPAddress"], got["GlobalIPv6Address"]) == (v4, v6)
    assert got["IPv6Gateway"] == network.subnets[1].gateway_ip
    (port,) = await site.containers_of(vm1)
    assert port["mac_address"] == "0a:00:00:00:00:77"
    assert {fixed["ip_address"] for fixed in port["fixed_ips"]} == {v4, v6}
    for address in vm2.addresses:
        await docker.pings("web", address)
    for address in (v4, v6):
        assert await vm2.ping(address, count=3) == 3

    await docker.docker("network", "connect", "net2", "web")
    assert await docker.devices("web") == {"eth0", "eth1"}
    second = (await docker.networks("web"))["net2"]
    assert second["GlobalIPv6Address"], "a port has an address of each family without --ipv6, too"
    neighbour = (await docker.run("db", "--network", "net2"))["net2"]
    await docker.pings("web", neighbour["IPAddress"])
    await docker.pings("web", neighbour["GlobalIPv6Address"])
    await docker.docker("network", "disconnect", "net2", "web")
    assert await docker.devices("web") == {"eth0"}
    assert len(await agent.attachments()) == 2

    await docker.docker("restart", "--time", "0", "web")
    assert (await docker.networks("web"))["net1"]["IPAddress"] == v4
    assert await vm2.ping(v4, count=3) == 3
    await docker.docker("rm", "--force", "web", "db")
    assert await site.leavings(vm1) == before


async def test_an_address_that_another_container_had_is_reached_at_once(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    _, docker = await running(vm1, network)
    await docker.join("net1", network.id, f"--subnet={network.subnets[0].cidr}")
    address, _ = network.addresses(88)
    first = (await docker.run("web", "--network", "net1", "--ip", address))["net1"]
    assert await vm2.ping(address, count=3) > 0  # now vm2 knows by which MAC
    await docker.docker("rm", "--force", "web")
    second = (await docker.run("later", "--network", "net1", "--ip", address))["net1"]
    assert second["MacAddress"] != first["MacAddress"]
    # By itself vm2 asks the MAC of the container that is gone for 5 s and more.
    await until("vm2 knows the new MAC", lambda: vm2.ping(address), timeout_s=2)


async def test_a_container_without_a_gateway_has_no_way_round_its_port(
    site: AgentSite, running: Running
) -> None:
    network = await site.network(gateway_ip=None, ipv6={"gateway_ip": None})
    vm1 = await site.vm("vm1", "hv1", network)
    _, docker = await running(vm1, network)
    await docker.join("net1", network.id)
    got = (await docker.run("web", "--network", "net1"))["net1"]
    assert got["Gateway"] == ""
    assert await docker.devices("web") == {"eth0"}, "Docker has given it a NIC on a bridge of its own"
    await docker.pings("web", vm1.addresses[0])


async def test_agent_and_docker_may_be_restarted(site: AgentSite, running: Running) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent, docker = await running(vm1, network)
    before = await site.leavings(vm1)
    await docker.join("net1", network.id)
    web = (await docker.run("web", "--network", "net1", "--restart", "always"))["net1"]
    assert await vm2.ping(web["IPAddress"], count=3) > 0

    agent.stop()
    assert await vm2.ping(web["IPAddress"], count=3) == 3
    await agent.start("--docker", str(docker.plugin))
    assert await vm2.ping(web["IPAddress"], count=3) == 3
    await docker.run("db", "--network", "net1")
    await docker.pings("db", web["IPAddress"])
    await docker.docker("rm", "--force", "db")

    docker.stop()
    assert await site.leavings(vm1) == before
    await docker.start()
    await until("web runs again", lambda: docker.runs("web"))
    web = (await docker.networks("web"))["net1"]
    await docker.pings("web", vm2.addresses[0])
    await vm2.pings(web["IPAddress"])
    assert len(await site.containers_of(vm1)) == 1
    await docker.docker("rm", "--force", "web")
    assert await site.leavings(vm1) == before


async def test_a_killed_docker_leaves_nothing_when_it_is_back(site: AgentSite, running: Running) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    _, docker = await running(vm1, network)
    before = await site.leavings(vm1)
    await docker.join("net1", network.id)
    await docker.run("web", "--network", "net1")
    docker.kill()
    await docker.start()
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)


async def test_with_the_api_away_docker_is_told_and_what_it_removes_is_gone(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent, docker = await running(vm1, network)
    before = await site.leavings(vm1)
    await docker.join("net1", network.id)
    await docker.run("web", "--network", "net1")
    await site.standing.cut_off(vm1)
    refusal = await docker.refuses("run", "--name", "late", "--network", "net1", IMAGE, "true")
    assert "172.30.0.1" in refusal, "it says whom it does not reach"
    await docker.docker("rm", "--force", "web", "late")
    assert (await site.leavings(vm1)).devices == before.devices
    assert len(await site.containers_of(vm1)) == 1
    # The agent may end meanwhile.
    agent.kill()
    await agent.start("--docker", str(docker.plugin))
    await site.reconnect(vm1)
    await until(
        "nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before, timeout_s=30
    )
    await docker.run("web", "--network", "net1")
    await docker.pings("web", vm1.addresses[0])
    await docker.docker("rm", "--force", "web")
    assert await site.leavings(vm1) == before


async def test_what_cannot_be_is_refused_with_a_sentence(site: AgentSite, running: Running) -> None:
    network, foreign = await site.network(), await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent, docker = await running(vm1, network)
    ours = ("network", "create", "-d", "ovnest", "--ipam-driver", "ovnest")
    named = (*ours, "--ipam-opt", f"network={network.id}")
    for call, said in (
        ((*ours, "net1"), "say by --ipam-opt network=NAME which network to join"),
        ((*ours, "--ipam-opt", f"network={foreign.id}", "net1"), "no network"),
        ((*named, "--subnet", "192.0.2.0/24", "net1"), "has no subnet 192.0.2.0/24"),
        ((*named, "-o", "mtu=9000", "net1"), "-o mtu is not known"),
        ((*named, "--internal", "net1"), "--internal is not for networks of ovnest"),
        (("network", "create", "-d", "ovnest", "--subnet", "192.0.2.0/24", "net1"), "--ipam-driver ovnest"),
    ):
        assert said in await docker.refuses(*call)
    cidr = network.subnets[0].cidr
    await docker.join("net1", network.id, f"--subnet={cidr}")
    refusal = await docker.refuses("run", "--network", "net1", "--ip", vm1.addresses[0], IMAGE, "true")
    assert "already allocated" in refusal
    await docker.join("net2", network.id)
    refusal = await docker.refuses("run", "--network", "net2", "--ip", "10.1.0.77", IMAGE, "true")
    assert "user configured subnets" in refusal, "docs/agent.md says that --ip needs --subnet"
    assert await agent.attachments() == []


async def test_many_containers_at_once_come_and_go(site: AgentSite, running: Running) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    _, docker = await running(vm1, network)
    before = await site.leavings(vm1)
    await docker.join("net1", network.id)
    names = [f"web{number}" for number in range(6)]
    await asyncio.gather(*(docker.run(name, "--network", "net1") for name in names))
    ports = await site.containers_of(vm1)
    assert len({port["binding:profile"]["tag"] for port in ports}) == len(names)
    for port in ports:
        await vm1.pings(port["fixed_ips"][0]["ip_address"])
    await asyncio.gather(*(docker.docker("rm", "--force", name) for name in names))
    assert await site.leavings(vm1) == before


async def test_compose_makes_a_network_and_its_services_talk(site: AgentSite, running: Running) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    _, docker = await running(vm1, network)
    before = await site.leavings(vm1)
    address, _ = network.addresses(66)
    options = {"network": network.id}
    ipam = {"driver": "ovnest", "options": options, "config": [{"subnet": network.subnets[0].cidr}]}
    service = {"image": IMAGE, "command": "sleep 1000", "stop_signal": "KILL"}
    server = ["sh", "-c", "while :; do echo hello | nc -l -p 80; done"]
    file = {
        "version": "2.4",
        "services": {
            "web": {**service, "container_name": "web", "networks": {"blue": {"ipv4_address": address}}},
            "db": {**service, "container_name": "db", "networks": ["blue"], "command": server},
        },
        "networks": {"blue": {"driver": "ovnest", "driver_opts": options, "ipam": ipam}},
    }
    await docker.compose(file, "up", "--detach")
    assert await vm1.ping(address, count=3) > 0
    await docker.pings("web", "db")  # by its name, which Docker itself answers
    assert await docker.docker("exec", "web", "nc", "-w", "5", "db", "80") == "hello", (
        "TCP does not get through"
    )
    await docker.compose(file, "down")
    assert await site.leavings(vm1) == before


async def test_an_address_that_no_endpoint_takes_is_given_back(site: AgentSite, running: Running) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent, docker = await running(vm1, network)
    before = await site.leavings(vm1)
    pool = f"{network.id}/{network.subnets[0].id}"
    options = {"com.docker.network.endpoint.macaddress": "02:42:00:00:00:01"}
    call = {"PoolID": pool, "Address": "", "Options": options}

    first = await docker.call("IpamDriver.RequestAddress", call)
    assert await docker.call("IpamDriver.RequestAddress", call) == first, "asked again, it is the same"
    address = first["Address"].partition("/")[0]
    (port,) = await site.containers_of(vm1)
    assert address in {fixed["ip_address"] for fixed in port["fixed_ips"]}
    assert [each["state"] for each in await agent.attachments()] == ["reserved"]
    await docker.call("IpamDriver.ReleaseAddress", {"PoolID": pool, "Address": address})
    assert await site.leavings(vm1) == before

    options = {"RequestAddressType": "com.docker.network.gateway"}
    gateway = await docker.call("IpamDriver.RequestAddress", {"PoolID": pool, "Options": options})
    assert gateway["Address"] == f"{network.subnets[0].gateway_ip}/24"
    assert await site.leavings(vm1) == before, "a gateway has no port of the agent's"


async def test_the_release_of_a_removed_containers_address_takes_nothing_from_the_next(
    site: AgentSite, running: Running
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent, docker = await running(vm1, network)
    v4, v6 = network.subnets
    pools = {subnet.id: f"{network.id}/{subnet.id}" for subnet in (v4, v6)}
    address, address_v6 = network.addresses(99)

    async def reserve(mac: str) -> None:
        options = {"com.docker.network.endpoint.macaddress": mac}
        for subnet, wanted in ((v4, address), (v6, address_v6)):
            call = {"PoolID": pools[subnet.id], "Address": wanted, "Options": options}
            answer = await docker.call("IpamDriver.RequestAddress", call)
            assert answer["Address"].partition("/")[0] == wanted

    mac = "02:42:00:00:00:01"
    await reserve(mac)
    endpoint = {"NetworkID": "net1", "EndpointID": "e1"}
    interface = {"Address": f"{address}/24", "AddressIPv6": f"{address_v6}/64", "MacAddress": mac}
    await docker.call("NetworkDriver.CreateEndpoint", {**endpoint, "Interface": interface})
    assert [each["state"] for each in await agent.attachments()] == ["plugged"]
    await docker.call("NetworkDriver.DeleteEndpoint", endpoint)
    await reserve("02:42:00:00:00:02")
    for subnet, released in ((v4, address), (v6, address_v6)):
        await docker.call("IpamDriver.ReleaseAddress", {"PoolID": pools[subnet.id], "Address": released})
    assert [each["state"] for each in await agent.attachments()] == ["reserved"]


async def test_calls_that_are_interrupted_at_any_step_leave_nothing(
    site: AgentSite, dockers: list[Dockerd]
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    docker = Dockerd(vm1)
    dockers.append(docker)
    docker.prepare()
    agent = await site.agent(vm1, network)
    foreign = await site.foreign(vm1, network)
    before = await site.leavings(vm1)
    mac, address = "02:42:00:00:00:01", network.addresses(99)[0]
    options = {"com.docker.network.endpoint.macaddress": mac}
    pool = f"{network.id}/{network.subnets[0].id}"
    endpoint = {"NetworkID": "net1", "EndpointID": "e1"}
    interface = {"Address": f"{address}/24", "MacAddress": mac}

    async def all_calls() -> None:
        wanted = {"PoolID": pool, "Address": address, "Options": options}
        await docker.call("IpamDriver.RequestAddress", wanted)
        await docker.call("NetworkDriver.CreateEndpoint", {**endpoint, "Interface": interface})
        await docker.call("NetworkDriver.DeleteEndpoint", endpoint)

    for step in (*RESERVE, *ADOPT, *DETACH):
        await agent.start("--docker", str(docker.plugin), crash_after=step)
        with pytest.raises((ConnectionError, EOFError)):
            await all_calls()
        assert agent.crashed() == CRASH_STATUS
        await agent.start("--docker", str(docker.plugin), "--reserved-s", "0")
        if step is Step.RECORD_PLUGGED:  # only its answer was lost: Docker has it deleted
            await docker.call("NetworkDriver.DeleteEndpoint", endpoint)
        await until(
            f"{step}: nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before
        )
        agent.stop()
    await foreign.pings(vm1.addresses[0])
