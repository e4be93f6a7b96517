#
#   web ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2      the agent in vm1 is killed, and started again
#
"""The agent ends at every step of its plans, and when it is started again nothing is left half-made."""

import pytest

from ovnest.agent.engine import CRASH_STATUS
from ovnest.agent.plan import ATTACH, DETACH, Step
from ovnest.sandbox.until import until
from tests.dataplane.agent.site import AgentSite

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
    web = await site.guest(vm1, "web")
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
    await web.pings(vm1.addresses[0])


@pytest.mark.parametrize("step", DETACH)
async def test_a_removal_that_was_interrupted_is_finished(site: AgentSite, step: Step) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network, crash_after=step)
    web = await site.guest(vm1, "web")
    before = await site.leavings(vm1)
    await agent.plug(web, network)

    with pytest.raises(ConnectionError):
        await agent.unplug(web)
    assert agent.crashed() == CRASH_STATUS

    await agent.start()
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)
    assert await agent.unplug(web), "what is gone already is detached once more without an error"
