#
#   web ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2      while the server, the VM's switch or the agent is away
#
"""What goes wrong around the agent: nothing is leaked, nothing of others is touched, traffic goes on."""

import asyncio
from time import monotonic
from typing import Any

import pytest

from ovnest.agent.plan import Step
from ovnest.sandbox.container import Container
from ovnest.sandbox.until import until
from tests.dataplane.agent.site import AgentSite, Guest, VmAgent
from tests.dataplane.agent.test_cni import config

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]


async def test_a_port_that_is_deleted_in_the_api_loses_its_device_within_a_second(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web, db = await site.guest(vm1, "web"), await site.guest(vm1, "db")
    before = await site.leavings(vm1)
    attached = await agent.plug(web, network)
    await agent.plug(db, network)
    await site.api.delete("port", attached["port_id"])
    began = monotonic()
    await until("web has lost its device", web.devices, accept=lambda seen: not seen)
    assert monotonic() - began < 1.0
    await db.pings(vm1.addresses[0])
    await agent.unplug(db)
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)


async def test_with_the_api_away_a_container_goes_now_and_its_port_later(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web, late = await site.guest(vm1, "web"), await site.guest(vm1, "late")
    before = await site.leavings(vm1)
    attached = await agent.plug(web, network)
    await site.standing.cut_off(vm1)

    assert not await agent.unplug(web), "its port cannot have been deleted"
    assert await web.devices() == set()
    assert [each["state"] for each in await agent.attachments()] == ["deleting"]
    assert len(await site.containers_of(vm1)) == 1
    began = monotonic()
    status, error = await agent.cni("ADD", late, config(network))
    assert (status, error["code"]) == (1, 11)
    assert monotonic() - began < 10.0
    assert await late.devices() == set()

    await site.reconnect(vm1)
    # The address of a container that is gone is free for the next one, whose port need not wait for its turn.
    await agent.plug(late, network, addresses=[attached["addresses"][0]["address"].partition("/")[0]])
    await late.pings(vm1.addresses[0])
    await agent.unplug(late)
    await until(
        "nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before, timeout_s=30
    )


async def test_an_agent_that_is_restarted_or_killed_costs_no_packet(site: AgentSite) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    before = await agent.plug(web, network)
    await web.pings(vm2)

    async def restarts() -> None:
        agent.stop()
        await agent.start()
        agent.kill()
        await agent.start()

    pings = asyncio.create_task(web.ping(vm2.addresses[0], count=60))
    await restarts()
    assert not pings.done(), "the restarts took longer than the pings"
    assert await pings == 60
    assert await agent.plug(web, network) == before, "the same again is answered the same"


async def test_foreign_ports_and_devices_are_never_touched(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    by_hand = await site.networking.port(network, parent=vm1, tag=77)
    foreign: Container = await site.networking.container(vm1, "foreign", by_hand)
    await vm1.namespace.ip("link add ovnstranger type veth peer name ovpstranger")
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    web = await site.guest(vm1, "web")
    await agent.plug(web, network)
    agent.kill()
    await agent.start()
    await agent.unplug(web)
    assert (await agent.ask({"verb": "gc"}))["answer"] == []
    assert await site.leavings(vm1) == before
    await foreign.pings(vm1.addresses[0])


async def test_a_port_that_the_api_does_not_show_is_reported_and_left(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    attached = await agent.plug(web, network)
    agent.stop()
    await site.api.delete("port", attached["port_id"])
    agent.forget_events()  # as if it had been away for longer than the server keeps them
    await agent.start()

    async def remark() -> str:
        (only,) = await agent.attachments()
        reason: str = only["reason"]
        return reason

    await until("it is reported", remark, accept=lambda seen: "does not show its port" in seen)
    assert await web.devices() == {"eth0"}
    said = await agent.ask({"verb": "check"})
    assert said["answer"][0]["finding"].endswith("is not in the API")


async def test_a_deletion_while_the_agent_is_restarted_is_heard_of(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web, db = await site.guest(vm1, "web"), await site.guest(vm1, "db")
    attached = [await agent.plug(guest, network) for guest in (web, db)]
    agent.stop()
    await site.api.delete("port", attached[0]["port_id"])
    await agent.start()
    await until("web has lost its device", web.devices, accept=lambda seen: not seen)
    agent.kill()
    await site.api.delete("port", attached[1]["port_id"])
    await agent.start()
    await until("db has lost its device", db.devices, accept=lambda seen: not seen)


async def test_a_tag_that_the_api_gave_to_another_port_is_taken_from_its_old_device(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    attached = await agent.plug(web, network)
    agent.stop()
    agent.forget_events()
    await site.api.delete("port", attached["port_id"])
    await site.networking.port(network, parent=vm1, tag=attached["tag"])
    await agent.start()
    await until("its device is gone", web.devices, accept=lambda seen: not seen)
    await until("its entry is gone", agent.attachments, accept=lambda seen: not seen)
    assert len(await site.containers_of(vm1)) == 1


async def test_a_tag_that_is_changed_in_the_api_is_changed_in_the_vm(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    attached = await agent.plug(web, network)
    profile = {"parent_name": vm1.port_id, "tag": 1234}
    await site.api.update("port", attached["port_id"], **{"binding:profile": profile})
    await until("the device has the new tag", agent.attachments, accept=lambda seen: seen[0]["tag"] == 1234)
    await web.pings(vm1.addresses[0])


async def test_the_vms_database_may_be_restarted(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web, db = await site.guest(vm1, "web"), await site.guest(vm1, "db")
    before = await site.leavings(vm1)
    await agent.plug(web, network)
    await site.restart_database(vm1)
    await web.pings(vm1.addresses[0])
    await agent.plug(db, network)
    await db.pings(web)
    assert await agent.unplug(web)
    assert await agent.unplug(db)
    assert await site.leavings(vm1) == before


async def test_the_northbound_away_is_the_api_away(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    before = await site.leavings(vm1)
    async with site.without_northbound():
        status, error = await agent.cni("ADD", web, config(network))
        assert (status, error["code"]) == (1, 11), error
        assert await web.devices() == set()
    await until(
        "nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before, timeout_s=30
    )
    await agent.plug(web, network)
    await web.pings(vm1.addresses[0])


async def test_a_copy_of_the_vm_is_noticed_and_both_are_told(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    copied = (agent.state / "credential.json").read_bytes()
    await agent.start()
    copy = await site.copy_of(agent, copied)

    async def problems(of: VmAgent) -> list[str]:
        found: list[str] = (await of.status())["problems"]
        return found

    await until(
        "the copy is told", lambda: problems(copy), accept=lambda seen: "CredentialSuperseded" in str(seen)
    )
    web: Guest = await site.guest(vm1, "web")
    reply = await copy.try_plug(web, network)
    assert reply["error"]["kind"] == "ApiRefused"
    assert await web.devices() == set()
    copy.kill()
    await agent.plug(web, network)  # whereupon it reports, and hears of the copy

    await until(
        "the holder is told", lambda: problems(agent), accept=lambda seen: "is there a copy" in str(seen)
    )


async def test_what_was_left_over_is_shown_and_taken_away_when_asked(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web, dead = await site.guest(vm1, "web"), await site.guest(vm1, "dead")
    before = await site.leavings(vm1)
    attached = await agent.plug(web, network)
    await agent.plug(dead, network)
    await dead.destroy()  # and its device with it
    # The VM's database forgets one of them: its port and its device are nobody's now.
    await vm1.ovs.vsctl("del-port", vm1.device, attached["device"])

    shown = (await agent.ask({"verb": "gc", "dry_run": True}))["answer"]
    assert {(each["kind"], each["what"], each["gone"]) for each in shown} == {
        ("attachment", "dead/eth0", False),
        ("port", attached["port_id"], False),
        ("device", attached["device"], False),
    }
    assert (await site.leavings(vm1)).ports != before.ports
    gone: list[dict[str, Any]] = (await agent.ask({"verb": "gc"}))["answer"]
    assert [each["gone"] for each in gone] == [True] * 3
    assert await site.leavings(vm1) == before


@pytest.mark.parametrize("step", [Step.CREATE_PORT, Step.MAKE_LINK, Step.RECORD_PLUGGED])
async def test_a_vm_that_is_reset_begins_anew_with_what_its_runtime_wants_again(
    site: AgentSite, step: Step
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    web, db = await site.guest(vm1, "web"), await site.guest(vm1, "db")
    before = await site.leavings(vm1)
    await agent.start()
    await agent.plug(db, network)
    agent.stop()
    await agent.start(crash_after=step)
    with pytest.raises(ConnectionError):
        await agent.plug(web, network)
    agent.crashed()

    await site.reset(vm1, web, db)
    await agent.start(boot="another")
    remarks = {each["container"]: each["reason"] for each in await agent.attachments()}
    assert remarks["db"] == "the machine was restarted since"
    # The runtime starts one of its containers again, and has forgotten the other.
    await agent.plug(web, network)
    await web.pings(vm1.addresses[0])
    gone = (await agent.ask({"verb": "gc"}))["answer"]
    assert [each["what"] for each in gone] == ["db/eth0"]
    await agent.unplug(web)
    await until("nothing is left", lambda: site.leavings(vm1), accept=lambda seen: seen == before)


async def test_a_vm_that_is_set_back_to_a_snapshot_keeps_to_what_the_api_says(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    web, db = await site.guest(vm1, "web"), await site.guest(vm1, "db")
    await agent.start()
    old = await agent.plug(web, network)
    agent.stop()
    snapshot = agent.snapshot()
    # After the snapshot: web was deleted, and db got a port with the tag that web had.
    await agent.start()
    await agent.unplug(web)
    agent.stop()
    await site.api.create(
        "port",
        network_id=network.id,
        **{"binding:profile": {"parent_name": vm1.port_id, "tag": old["tag"]}},
    )
    await site.set_back(vm1, snapshot)
    await agent.enroll(await site.code(vm1, network))  # the old credential is superseded, as it must be
    await agent.start()
    await until("web is gone: its tag is another's", agent.attachments, accept=lambda seen: not seen)
    assert len(await site.containers_of(vm1)) == 1, "the other port is not the agent's to delete"
    await agent.plug(db, network)
    await db.pings(vm1.addresses[0])
