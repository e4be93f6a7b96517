#
#   web ─┐
#        ├─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2      the agent in vm1 is killed, and started again; foreign is
#  foreign┘                                         not the agent's, nor is another agent's port beside it
#
"""The agent ends at every step of its plans, and when it is started again nothing is left half-made.

The same for Docker's plans stands in test_docker.py.
"""

import pytest

from ovnest.agent.attachment.plan import ATTACH, DETACH, Step
from ovnest.agent.crash_point import CRASH_STATUS
from ovnest.sandbox.until import until
from tests.dataplane.agent.site import AgentSite, Guest, Machine
from tests.dataplane.agent.test_cni import config

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]


@pytest.mark.parametrize("step", ATTACH)
async def test_an_attachment_that_was_interrupted_leaves_nothing(site: AgentSite, step: Step) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network, crash_after=step)
    web, foreign = await site.guest(vm1, "web"), await site.foreign(vm1, network)
    before = await site.leavings(vm1)

    with pytest.raises(ConnectionError):
        await agent.plug(web, network)
    assert agent.crashed() == CRASH_STATUS

    await agent.start()
    if step is Step.RECORD_PLUGGED:  # only its answer was lost, and whoever asked asks again
        assert [each["state"] for each in await agent.attachments()] == ["plugged"]
        await agent.plug(web, network)
        await agent.unplug(web)
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)
    assert await web.devices() == set()

    await agent.plug(web, network)
    await _is_answered(web, vm1)
    await foreign.pings(vm1.addresses[0])


async def test_cni_calls_that_are_interrupted_at_any_step_leave_nothing(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    pod, foreign = await site.guest(vm1, "pod1"), await site.foreign(vm1, network)
    asked = config(network)
    before = await site.leavings(vm1)
    for step in ATTACH:
        await agent.start(crash_after=step)
        status, error = await agent.cni("ADD", pod, asked)
        assert (status, error["code"]) == (1, 11), error
        assert agent.crashed() == CRASH_STATUS
        # The runtime takes that for a failure, and deletes as long as it must.
        assert (await agent.cni("DEL", pod, asked))[1]["code"] == 11
        await agent.start()
        assert await agent.cni("DEL", pod, asked) == (0, None)
        await until(
            f"{step}: nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before
        )
        assert await pod.devices() == set()
        agent.stop()
    for step in DETACH:
        await agent.start(crash_after=step)
        status, result = await agent.cni("ADD", pod, asked)
        assert status == 0, result
        assert (await agent.cni("DEL", pod, asked))[1]["code"] == 11
        assert agent.crashed() == CRASH_STATUS
        await agent.start()
        assert await agent.cni("DEL", pod, asked) == (0, None)
        await until(
            f"{step}: nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before
        )
        assert await pod.devices() == set()
        agent.stop()
    await foreign.pings(vm1.addresses[0])


@pytest.mark.parametrize("step", DETACH)
async def test_a_removal_that_was_interrupted_is_finished(site: AgentSite, step: Step) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network, crash_after=step)
    web, foreign = await site.guest(vm1, "web"), await site.foreign(vm1, network)
    before = await site.leavings(vm1)
    await agent.plug(web, network)

    with pytest.raises(ConnectionError):
        await agent.unplug(web)
    assert agent.crashed() == CRASH_STATUS

    await agent.start()
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)
    assert await web.devices() == set()
    assert await agent.unplug(web), "what is gone already is detached once more without an error"
    await foreign.pings(vm1.addresses[0])


async def test_on_a_chassis_interrupted_calls_leave_nothing(site: AgentSite) -> None:
    network = await site.network()
    hv1 = site.sandbox.chassis["hv1"]
    agent = await site.chassis_agent(hv1, network)
    web = await site.guest(hv1, "web")

    async def leavings() -> tuple[set[str], set[str], set[str]]:
        return (
            {port["id"] for port in await site.api.list("port")},
            set((await hv1.ovs.vsctl("list-ports", "br-int")).split()),
            await site.devices(hv1),
        )

    async def come_and_go() -> None:
        await agent.plug(web, network)
        await agent.unplug(web)

    before = await leavings()
    for step in (*ATTACH, *DETACH):
        agent.stop()
        await agent.start(crash_after=step)
        with pytest.raises(ConnectionError):
            await come_and_go()
        assert agent.crashed() == CRASH_STATUS
        await agent.start()
        if step is Step.RECORD_PLUGGED:
            await agent.unplug(web)
        await until(f"{step}: nothing is left", leavings, accept=lambda seen: seen == before)
        assert await web.devices() == set()


async def _is_answered(web: Guest, vm: Machine) -> None:
    """The VM may have the address's former MAC still; should the announcement be lost on its way, it finds
    out by its own probing, some ten seconds later (RFC 4861, 7.3, which Linux does for ARP, too)."""
    address = vm.addresses[0]
    await until(f"web is answered by {address}", lambda: web.ping(address), timeout_s=30)
