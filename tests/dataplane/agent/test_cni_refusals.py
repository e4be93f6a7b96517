#
#   pod1 ── vm1 ── hv1      the executable is called as the specification words it, and as it does not
#
"""CNI: the error codes of each verb."""

import asyncio
import json
from typing import Any

import pytest

from ovnest.sandbox.until import until
from tests.dataplane.agent.site import AgentSite, Guest, VmAgent
from tests.dataplane.agent.test_cni import added, config, done, refused

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]

VERBS = ("ADD", "DEL", "CHECK", "GC", "STATUS")
OF_A_CONTAINER = ("ADD", "DEL", "CHECK")


class Caller:
    """Calls the executable for a container. What else is said of the environment changes it; None removes."""

    def __init__(self, agent: VmAgent, pod: Guest) -> None:
        self.agent = agent
        self.pod = pod

    async def code(self, verb: str, text: object, **changed: str | None) -> int:
        """The code of a call that must fail."""
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": self.pod.short,
            "CNI_NETNS": str(self.pod.path),
            "CNI_IFNAME": "eth0",
            **changed,
        }
        said = {name: value for name, value in environment.items() if value is not None}
        status, told = await self.agent.run_shim(said, text if isinstance(text, str) else json.dumps(text))
        assert status == 1, (verb, text, told)
        assert {"cniVersion", "code", "msg"} <= told.keys()
        assert told["msg"]
        code: int = told["code"]
        return code

    async def codes(self, verbs: tuple[str, ...], text: object) -> dict[str, int]:
        """Those of several verbs, called at once."""
        codes = await asyncio.gather(*(self.code(verb, text) for verb in verbs))
        return dict(zip(verbs, codes, strict=True))


async def test_each_verb_refuses_what_it_cannot_read_with_the_codes_of_the_specification(
    site: AgentSite,
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    before = await site.leavings(vm1)
    caller, asked = Caller(agent, pod), config(network)
    everywhere: list[tuple[Any, int]] = [
        (config(network, "0.3.1"), 1),
        (config(network, ipam={"type": "host-local"}), 2),
        ("{", 6),
        ("[]", 6),
        ({**asked, "name": ""}, 7),
        ({**asked, "network": 5}, 7),
        ({**asked, "prevResult": {"ips": 5}}, 7),
        ({**asked, "prevResult": {"interfaces": "eth0"}}, 7),
        ({**asked, "prevResult": {"dns": {"nameservers": "192.0.2.1"}}}, 7),
    ]
    for verb in VERBS:
        for text, code in everywhere:
            assert await caller.code(verb, text) == code, (verb, text)
    for verb in OF_A_CONTAINER:
        for wrong in ("", "-x", "a/b", None):
            assert await caller.code(verb, asked, CNI_CONTAINERID=wrong) == 4, (verb, wrong)
        for wrong in ("", ".", "a/b", "a:b", "eth%d", "a-name-of-16-chr", None):
            assert await caller.code(verb, asked, CNI_IFNAME=wrong) == 4, (verb, wrong)
    for verb in ("ADD", "CHECK"):
        assert await caller.code(verb, asked, CNI_NETNS=None) == 4
        assert await caller.code(verb, asked, CNI_NETNS="/run/netns/none") == 3
    not_one = vm1.directory / "not-a-namespace"
    not_one.touch()
    assert await caller.code("ADD", asked, CNI_NETNS=str(not_one)) == 3
    assert await caller.code("", asked) == 4
    assert await caller.code("SPLIT", asked) == 4
    assert await site.leavings(vm1) == before
    assert await pod.devices() == set()


async def test_what_each_verb_says_of_what_there_is(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod, other = await site.guest(vm1, "pod1"), await site.guest(vm1, "other")
    caller, asked = Caller(agent, pod), config(network)
    nowhere = {**asked, "network": "nowhere"}
    assert await caller.code("ADD", nowhere) == 7
    assert await caller.code("STATUS", nowhere) == 7
    assert await caller.code("GC", asked) == 7, "without a list of what is valid"
    assert await caller.code("CHECK", {**asked, "prevResult": {}}) == 3
    asked["prevResult"] = await added(agent, pod, config(network))
    assert await caller.code("ADD", config(network)) == 101
    assert await caller.code("CHECK", config(network)) == 7, "without prevResult"
    assert await caller.code("CHECK", {**asked, "prevResult": {}}) == 102
    assert await caller.code("CHECK", asked, CNI_NETNS=str(other.path)) == 102
    taken = config(network, runtimeConfig={"ips": [vm1.addresses[0]]})
    assert (await refused(agent, "ADD", other, taken))["code"] == 100
    await done(agent, "CHECK", pod, asked)
    await done(agent, "DEL", pod, asked)


async def test_what_the_kernel_does_not_do_is_undone(site: AgentSite) -> None:
    # A route by a host that is on no network of the container's.
    network = await site.network(host_routes=[{"destination": "198.51.100.0/24", "nexthop": "192.0.2.1"}])
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod = await site.guest(vm1, "pod1")
    before = await site.leavings(vm1)
    error = await refused(agent, "ADD", pod, config(network))
    assert (error["code"], "unreachable" in error["msg"]) == (5, True), error
    assert await site.leavings(vm1) == before
    assert await pod.devices() == set()


async def test_what_each_verb_says_when_the_vms_database_is_away(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod, late = await site.guest(vm1, "pod1"), await site.guest(vm1, "late")
    before = await site.leavings(vm1)
    asked = {**config(network), "cni.dev/valid-attachments": []}
    asked["prevResult"] = await added(agent, pod, config(network))
    await site.kill_database(vm1)
    known, new = await asyncio.gather(
        Caller(agent, pod).codes(("DEL", "CHECK", "GC", "STATUS"), asked),
        Caller(agent, late).codes(("ADD",), asked),
    )
    assert {**known, **new} == {"ADD": 11, "DEL": 11, "CHECK": 11, "GC": 11, "STATUS": 51}
    await site.start_database(vm1)
    await until("it works again", lambda: agent.cni("STATUS", pod, asked), accept=lambda seen: seen[0] == 0)
    await done(agent, "DEL", pod, asked)
    assert await site.leavings(vm1) == before


async def test_what_each_verb_says_when_the_api_or_the_agent_is_away(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    pod, late = await site.guest(vm1, "pod1"), await site.guest(vm1, "late")
    before = await site.leavings(vm1)
    asked = {**config(network), "cni.dev/valid-attachments": []}
    asked["prevResult"] = await added(agent, pod, config(network))
    unknown = {**asked, "network": "other"}  # nothing that it remembers

    await site.standing.cut_off(vm1)
    codes = await asyncio.gather(
        Caller(agent, late).codes(("ADD", "CHECK"), asked),
        Caller(agent, pod).codes(("CHECK",), asked),
        Caller(agent, pod).codes(("STATUS",), unknown),
    )
    assert list(codes) == [{"ADD": 11, "CHECK": 3}, {"CHECK": 11}, {"STATUS": 50}]
    await done(agent, "GC", pod, asked)
    assert await pod.devices() == set()
    await done(agent, "DEL", pod, asked)

    await site.reconnect(vm1)
    agent.stop()
    codes_without = await Caller(agent, pod).codes(VERBS, asked)
    assert codes_without == {"ADD": 11, "DEL": 11, "CHECK": 11, "GC": 11, "STATUS": 50}
    await agent.start()
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)
