#
#   pod1 ─┐
#         ├─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2      the executable is called as the specification words it
#   pod2 ─┘
#
"""CNI: each verb by calling the executable, with the environment and the input that runtimes give it."""

import asyncio
import json
from typing import Any

import pytest

from ovnest.agent.setup.plan import write_shim
from ovnest.sandbox.process import attempt
from ovnest.sandbox.until import until
from tests.dataplane.agent.site import AgentSite, Guest, VmAgent
from tests.dataplane.api.networking import VirtualNetwork

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]


def config(network: VirtualNetwork, version: str = "1.1.0", **more: Any) -> dict[str, Any]:
    """A network's configuration, as a runtime hands it to the plugin."""
    return {"cniVersion": version, "name": "net", "type": "ovnest", "network": network.id, **more}


async def added(agent: VmAgent, guest: Guest, asked: dict[str, Any], **call: Any) -> dict[str, Any]:
    """The result of an ADD that must succeed."""
    status, result = await agent.cni("ADD", guest, asked, **call)
    assert status == 0, result
    guest.nic = type(guest.nic)(
        mac=result["interfaces"][-1]["mac"],
        addresses=tuple(ip["address"] for ip in result["ips"]),
    )
    made: dict[str, Any] = result
    return made


async def done(agent: VmAgent, command: str, guest: Guest, asked: dict[str, Any]) -> None:
    """A call that must succeed, and has nothing to say."""
    status, said = await agent.cni(command, guest, asked)
    assert (status, said) == (0, None), (
        f"{said}; the agent said: {agent.said()} {agent.process and agent.process.poll()}"
    )


async def refused(agent: VmAgent, command: str, guest: Guest, asked: Any, **call: Any) -> dict[str, Any]:
    """The error of a call that must fail."""
    status, error = await agent.cni(command, guest, asked, **call)
    assert status == 1, error
    told: dict[str, Any] = error
    return told


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "1.1.0"])
async def test_a_pod_is_added_checked_and_deleted(site: AgentSite, version: str) -> None:
    network = await site.network(dns_nameservers=["192.0.2.53"])
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    pod = await site.guest(vm1, "pod1")
    asked = config(network, version)
    args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=pod1"

    result = await added(agent, pod, asked, args=args)

    await pod.pings(vm2)
    assert result["cniVersion"] == version
    assert result["interfaces"][1]["name"] == "eth0"
    assert result["interfaces"][1]["sandbox"] == str(pod.path)
    assert {ip["interface"] for ip in result["ips"]} == {1}
    assert [ip.get("version") for ip in result["ips"]] == (["4", "6"] if version == "0.4.0" else [None] * 2)
    assert [route["dst"] for route in result["routes"]] == ["0.0.0.0/0", "::/0"]
    assert result["dns"]["nameservers"] == ["192.0.2.53"]
    (port,) = await site.containers_of(vm1)
    assert port["name"] == "shop/web-0"
    assert "namespace=shop pod=web-0" in port["description"]
    assert port["device_owner"] == "container:cni"

    await done(agent, "CHECK", pod, {**asked, "prevResult": result})
    await done(agent, "DEL", pod, {**asked, "prevResult": result})
    assert await site.leavings(vm1) == before
    assert await pod.devices() == set()
    await done(agent, "DEL", pod, asked)


async def test_addresses_and_macs_come_from_wherever_runtimes_put_them(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    wanted: list[tuple[dict[str, Any], str]] = [
        ({"runtimeConfig": {"ips": ["10.1.0.51/24", "fd00:1::51/64"], "mac": "0a:00:00:00:00:51"}}, ""),
        ({"args": {"cni": {"ips": ["10.1.0.51", "fd00:1::51"], "mac": "0a:00:00:00:00:51"}}}, ""),
        ({}, "IP=10.1.0.51;MAC=0a:00:00:00:00:51"),
    ]
    for more, args in wanted:
        pod = await site.guest(vm1, f"pod{wanted.index((more, args))}")
        asked = config(network, **more)
        result = await added(agent, pod, asked, args=args)
        assert "10.1.0.51/24" in {ip["address"] for ip in result["ips"]}
        assert result["interfaces"][1]["mac"] == "0a:00:00:00:00:51"
        await pod.pings(vm1.addresses[0])
        await done(agent, "DEL", pod, asked)


async def test_a_chain_keeps_what_earlier_plugins_have_answered(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    earlier: dict[str, Any] = {
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "lo"}],
        "ips": [{"address": "127.0.0.1/8", "interface": 0}],
        "dns": {"nameservers": ["192.0.2.1"]},
    }
    result = await added(agent, pod, config(network, prevResult=earlier))
    assert {"name": "lo"} in result["interfaces"]
    assert result["ips"][0] == earlier["ips"][0]
    assert {ip["interface"] for ip in result["ips"][1:]} == {2}
    assert result["interfaces"][2]["name"] == "eth0"
    assert result["dns"]["nameservers"] == ["192.0.2.1"]


async def test_check_says_what_is_not_as_it_was_made(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    assert (await refused(agent, "CHECK", pod, config(network, prevResult={})))["code"] == 3
    asked = config(network)
    asked["prevResult"] = await added(agent, pod, asked)
    device = asked["prevResult"]["interfaces"][0]["name"]
    spoilt = [
        (f"address del {pod.nic.addresses[0]} dev eth0", "has lost its address"),
        ("link set eth0 down", "is down"),
    ]
    for command, said in spoilt:
        await pod.namespace.ip(command)
        error = await refused(agent, "CHECK", pod, asked)
        assert error["code"] == 102
        assert said in error["msg"]
    await pod.namespace.ip("link set eth0 up", f"address add {pod.nic.addresses[0]} dev eth0")
    await pod.namespace.ip("route add default via 10.1.0.1", f"address add {pod.nic.addresses[1]} dev eth0")
    await pod.namespace.ip("route add ::/0 via fd00:1::1 dev eth0")
    await done(agent, "CHECK", pod, asked)
    await vm1.ovs.vsctl("set", "Port", device, "tag=4000")
    assert "has tag 4000" in (await refused(agent, "CHECK", pod, asked))["msg"]


async def test_gc_takes_away_what_the_runtime_does_not_list_of_that_network(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    kept, stale, other = [await site.guest(vm1, name) for name in ("kept", "stale", "other")]
    plugged = await site.guest(vm1, "plugged")
    asked = config(network)
    for guest, asking in ((kept, asked), (stale, asked), (other, {**asked, "name": "other"})):
        await added(agent, guest, asking)
    await agent.plug(plugged, network)

    assert (await refused(agent, "GC", kept, asked))["code"] == 7
    valid = [{"containerID": "kept", "ifname": "eth0"}]
    # What either name says is to stay: the specification 1.1.0 has the second, and later texts the first.
    names = ("cni.dev/valid-attachments", "cni.dev/attachments")
    all_of_them = [*valid, {"containerID": "stale", "ifname": "eth0"}]
    await done(agent, "GC", kept, {**asked, names[0]: valid, names[1]: all_of_them})
    await done(agent, "GC", kept, {**asked, names[1]: all_of_them})
    assert len(await agent.attachments()) == 4
    await done(agent, "GC", kept, {**asked, names[1]: valid})

    left = {each["container"] for each in await agent.attachments()}
    assert left == {"kept", "other", "plugged"}
    assert {port["device_id"] for port in await site.containers_of(vm1)} == left
    assert await stale.devices() == set()
    await kept.pings(vm1.addresses[0])


async def test_status_says_whether_something_can_be_attached(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    asked = config(network)
    await done(agent, "STATUS", pod, asked)
    absent = {**asked, "network": "nowhere"}
    assert (await refused(agent, "STATUS", pod, absent))["code"] == 7
    await vm1.ovs.vsctl("del-port", vm1.device, "uplink")
    await until(
        "the agent sees that its uplink is gone",
        lambda: agent.cni("STATUS", pod, asked),
        accept=lambda seen: seen[0] == 1 and seen[1]["code"] == 51,
    )
    await vm1.ovs.vsctl("add-port", vm1.device, "uplink")
    await site.standing.cut_off(vm1)
    assert (await refused(agent, "STATUS", pod, {**asked, "network": "other"}))["code"] == 50
    agent.stop()
    assert (await refused(agent, "STATUS", pod, asked))["code"] == 50


async def test_versions_are_told_without_the_agent_and_others_refused(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    assert (await refused(agent, "ADD", pod, config(network, "0.3.1")))["code"] == 1
    agent.stop()
    status, told = await agent.cni("VERSION", pod, {"cniVersion": "1.0.0"})
    assert (status, told["cniVersion"]) == (0, "1.0.0")
    assert told["supportedVersions"] == ["0.4.0", "1.0.0", "1.1.0"]
    assert (await refused(agent, "ADD", pod, config(network)))["code"] == 11


async def test_calls_that_cannot_be_are_refused_with_their_codes(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    before = await site.leavings(vm1)
    cases: list[tuple[Any, dict[str, Any], int, str]] = [
        ({**config(network), "network": "nowhere"}, {}, 7, "there is no network nowhere"),
        (config(network, ipam={"type": "host-local"}), {}, 2, "ipam"),
        (config(network, name=""), {}, 7, "no name"),
        (config(network, runtimeConfig={"ips": "all"}), {}, 7, "ips"),
        (config(network, runtimeConfig={"ips": ["10.9.0.1"]}), {}, 100, "10.9.0.1"),
        (config(network, runtimeConfig={"ips": ["10.1.0.2"]}), {}, 100, "10.1.0.2"),  # vm1's own
        (config(network), {"interface": "a/b"}, 4, "CNI_IFNAME"),
        (config(network), {"interface": "lo"}, 101, "lo"),
        (["no", "object"], {}, 6, "no JSON object"),
    ]
    for asked, call, code, said in cases:
        error = await refused(agent, "ADD", pod, asked, **call)
        assert (error["code"], said in error["msg"]) == (code, True), error
    assert (await refused(agent, "SPLIT", pod, config(network)))["code"] == 4
    assert (await refused(agent, "VERSION", pod, ["no", "object"]))["code"] == 6
    await pod.run("true")
    assert await site.leavings(vm1) == before


async def test_a_call_imports_nothing_that_is_slow(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    write_shim(agent.shim, agent.socket)
    interpreter = agent.shim.read_text().partition("\n")[0].removeprefix("#!").split()
    argv = vm1.namespace.inside(*interpreter, "-X", "importtime", str(agent.shim))
    status, said, complaint = await attempt(
        *argv, env={"CNI_COMMAND": "STATUS"}, stdin=json.dumps(config(network))
    )
    assert (status, said) == (0, "")
    imported = {line.rpartition("|")[2].strip() for line in complaint.splitlines()}
    assert "_socket" in imported, complaint
    assert not imported & {"os", "json", "socket", "re", "enum", "selectors"}


async def test_a_container_is_added_once(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    await added(agent, pod, config(network))
    assert (await refused(agent, "ADD", pod, config(network)))["code"] == 101
    await pod.pings(vm1.addresses[0])
    assert len(await site.containers_of(vm1)) == 1
    # Another container with the same namespace: its interface is taken, unless it asks for another.
    second = Guest(vm1, "pod2")
    second.namespace = pod.namespace
    assert (await refused(agent, "ADD", second, config(network)))["code"] == 101
    await added(agent, second, config(network), interface="eth1")
    assert await pod.devices() == {"eth0", "eth1"}


async def test_of_many_who_add_the_same_container_at_once_one_succeeds(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    pod = await site.guest(vm1, "pod1")
    answers = await asyncio.gather(*(agent.cni("ADD", pod, config(network)) for _ in range(8)))
    assert sorted(0 if status == 0 else told["code"] for status, told in answers) == [0] + [101] * 7
    (port,) = await site.containers_of(vm1)
    (made,) = [told for status, told in answers if status == 0]
    assert made["interfaces"][1]["mac"] == port["mac_address"]
    assert await pod.devices() == {"eth0"}
    assert (
        await asyncio.gather(*(agent.cni("DEL", pod, config(network)) for _ in range(8))) == [(0, None)] * 8
    )
    assert await site.leavings(vm1) == before


async def test_a_namespace_path_may_be_used_again_by_another_container(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    await added(agent, pod, config(network))
    # Its container died without a DEL, and the next one has the same path.
    await pod.destroy()
    await pod.create()
    later = Guest(vm1, "later")
    later.namespace = pod.namespace
    await added(agent, later, config(network))
    assert len(await site.containers_of(vm1)) == 2, "that its device went with it says nothing of a container"
    await done(agent, "DEL", pod, config(network))
    later.directory = pod.directory
    await later.pings(vm1.addresses[0])


async def test_a_container_that_comes_back_in_another_namespace_gets_a_port_anew(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    await added(agent, pod, config(network))
    (before,) = await site.containers_of(vm1)
    await pod.destroy()
    await pod.create()
    await added(agent, pod, config(network))
    (after,) = await site.containers_of(vm1)
    assert after["id"] != before["id"]
    await pod.pings(vm1.addresses[0])


async def test_fifty_pods_come_and_go_at_once(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    pods = [await site.guest(vm1, f"pod{number}") for number in range(50)]
    asked = config(network)

    results = await asyncio.gather(*(added(agent, pod, asked) for pod in pods))

    addresses = {ip["address"] for result in results for ip in result["ips"]}
    assert len(addresses) == 100
    tags = {each["tag"] for each in await agent.attachments()}
    assert len(tags) == 50
    await pods[0].pings(pods[49])
    await pods[49].pings(vm1.addresses[0])

    # Half of them go while as many others come.
    others = [await site.guest(vm1, f"other{number}") for number in range(25)]
    gone, _ = await asyncio.gather(
        asyncio.gather(*(agent.cni("DEL", pod, asked) for pod in pods[:25])),
        asyncio.gather(*(added(agent, pod, asked) for pod in others)),
    )
    assert gone == [(0, None)] * 25
    pods = [*pods[25:], *others]
    assert len({each["tag"] for each in await agent.attachments()}) == 50
    assert {port["device_id"] for port in await site.containers_of(vm1)} == {pod.short for pod in pods}
    await pods[49].pings(pods[0])

    assert await asyncio.gather(*(agent.cni("DEL", pod, asked) for pod in pods)) == [(0, None)] * 50
    assert await site.leavings(vm1) == before
