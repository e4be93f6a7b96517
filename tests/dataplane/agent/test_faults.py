#
#   web ─┐
#        ├─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2      while the server, the VM's switch or the agent is away
#  foreign┘
#
"""What goes wrong around the agent: nothing is leaked, nothing of others is touched, traffic goes on."""

import asyncio
import os
import re
import signal
from time import monotonic
from typing import Any

import pytest
from msgspec import Struct

from ovnest.agent.attachment.plan import Step
from ovnest.sandbox.container import Container
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import Vm
from tests.dataplane.agent.site import AGENT_PORT, SERVER_ADDRESS, AgentSite, Guest, Leavings, VmAgent
from tests.dataplane.agent.test_cni import config
from tests.dataplane.api.networking import VirtualNetwork

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]


class Scene(Struct, frozen=True, kw_only=True):
    """A VM with an agent that answers and, beside it, what is not the agent's; `before` is all of it."""

    site: AgentSite
    network: VirtualNetwork
    vm: Vm
    agent: VmAgent
    foreign: Container
    before: Leavings

    async def guests(self, *names: str) -> list[Guest]:
        return [await self.site.guest(self.vm, name) for name in names]

    async def leavings(self) -> Leavings:
        return await self.site.leavings(self.vm)

    async def is_as_before(self, *guests: Guest) -> None:
        """Return when nothing of the agent's is left, in the guests neither, and all else as it was."""
        await until("nothing is left", self.leavings, accept=lambda seen: seen == self.before, timeout_s=30)
        for guest in guests:
            assert await guest.devices() == set()
        await self.foreign.pings(self.vm.addresses[0])


@pytest.fixture
async def scene(site: AgentSite) -> Scene:
    network = await site.network()
    vm = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm, network)
    foreign = await site.foreign(vm, network)
    await agent.start()
    return Scene(
        site=site, network=network, vm=vm, agent=agent, foreign=foreign, before=await site.leavings(vm)
    )


async def test_a_port_that_is_deleted_in_the_api_loses_its_device_within_a_second(scene: Scene) -> None:
    agent, network = scene.agent, scene.network
    web, db = await scene.guests("web", "db")
    attached = await agent.plug(web, network)
    await agent.plug(db, network)
    await scene.site.api.delete("port", attached["port_id"])
    began = monotonic()
    await until("web has lost its device", web.devices, accept=lambda seen: not seen)
    assert monotonic() - began < 1.0
    await db.pings(scene.vm.addresses[0])
    await agent.unplug(db)
    await scene.is_as_before(web, db)


async def test_with_the_api_away_a_container_goes_now_and_its_port_later(scene: Scene) -> None:
    site, agent, network = scene.site, scene.agent, scene.network
    web, late = await scene.guests("web", "late")
    attached = await agent.plug(web, network)
    await site.standing.cut_off(scene.vm)

    assert not await agent.unplug(web), "its port cannot have been deleted"
    assert await web.devices() == set()
    assert [each["state"] for each in await agent.attachments()] == ["deleting"]
    assert attached["port_id"] in (await scene.leavings()).ports
    began = monotonic()
    status, error = await agent.cni("ADD", late, config(network))
    assert (status, error["code"]) == (1, 11)
    assert monotonic() - began < 10.0
    assert await late.devices() == set()
    # What waits to go waits through the agent's end, too.
    agent.kill()
    await agent.start()
    assert [each["state"] for each in await agent.attachments()] == ["deleting"]

    await site.reconnect(scene.vm)
    # The address of a container that is gone is free for the next one, whose port need not wait for its turn.
    await agent.plug(late, network, addresses=[attached["addresses"][0]["address"].partition("/")[0]])
    await late.pings(scene.vm.addresses[0])
    await agent.unplug(late)
    await scene.is_as_before(web, late)


async def test_a_port_whose_answer_was_lost_goes_when_the_api_is_back(scene: Scene) -> None:
    site, agent, network = scene.site, scene.agent, scene.network
    web, db = await scene.guests("web", "db")
    attached = await agent.plug(db, network)  # whereby it knows the network, and asks for the port alone
    await until("it has reported", lambda: site.api.show("port", attached["port_id"]), accept=is_plugged)

    async def sent_bytes() -> int:
        said = await scene.vm.run("ss", "-Htni", "dst", f"{SERVER_ADDRESS}:{AGENT_PORT}")
        return sum(map(int, re.findall(r"bytes_acked:(\d+)", said)))

    async with site.without_northbound():
        before = await sent_bytes()
        adding = asyncio.create_task(agent.cni("ADD", web, config(network)))
        await until("the server is asked", sent_bytes, accept=lambda seen: seen > before + 100)
        await site.standing.cut_off(scene.vm)
    made = scene.before.ports.keys() | {attached["port_id"]}
    await until("the port is made", scene.leavings, accept=lambda seen: len(seen.ports) > len(made))
    status, error = await adding
    assert (status, error["code"]) == (1, 11), error
    assert await web.devices() == set()
    await site.reconnect(scene.vm)
    await until(
        "only db is left", scene.leavings, accept=lambda seen: seen.ports.keys() == made, timeout_s=30
    )
    await agent.unplug(db)
    await scene.is_as_before(web, db)


async def test_an_agent_that_is_restarted_or_killed_costs_no_packet(scene: Scene) -> None:
    agent, network = scene.agent, scene.network
    vm2 = await scene.site.vm("vm2", "hv2", network)
    (web,) = await scene.guests("web")
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
    await agent.unplug(web)
    await scene.is_as_before(web)


async def test_foreign_ports_and_devices_are_never_touched(scene: Scene) -> None:
    agent = scene.agent
    (web,) = await scene.guests("web")
    await agent.plug(web, scene.network)
    agent.kill()
    await agent.start()
    await agent.unplug(web)
    assert (await agent.ask({"verb": "gc"}))["answer"] == []
    await scene.is_as_before(web)


async def test_a_port_that_the_api_does_not_show_is_reported_and_left(scene: Scene) -> None:
    agent = scene.agent
    (web,) = await scene.guests("web")
    attached = await agent.plug(web, scene.network)
    agent.stop()
    await scene.site.api.delete("port", attached["port_id"])
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
    await agent.unplug(web)
    await scene.is_as_before(web)


async def test_a_deletion_while_the_agent_is_restarted_is_heard_of(scene: Scene) -> None:
    agent, api = scene.agent, scene.site.api
    web, db = await scene.guests("web", "db")
    attached = [await agent.plug(guest, scene.network) for guest in (web, db)]
    agent.stop()
    await api.delete("port", attached[0]["port_id"])
    await agent.start()
    await until("web has lost its device", web.devices, accept=lambda seen: not seen)
    agent.kill()
    await api.delete("port", attached[1]["port_id"])
    await agent.start()
    await until("db has lost its device", db.devices, accept=lambda seen: not seen)
    await scene.is_as_before(web, db)


async def test_a_tag_that_the_api_gave_to_another_port_is_taken_from_its_old_device(scene: Scene) -> None:
    site, agent = scene.site, scene.agent
    (web,) = await scene.guests("web")
    attached = await agent.plug(web, scene.network)
    agent.stop()
    agent.forget_events()
    await site.api.delete("port", attached["port_id"])
    other = await site.networking.port(scene.network, parent=scene.vm, tag=attached["tag"])
    await agent.start()
    await until("its device is gone", web.devices, accept=lambda seen: not seen)
    await until("its entry is gone", agent.attachments, accept=lambda seen: not seen)
    assert other.id in (await scene.leavings()).ports, "the other port is not the agent's to delete"
    await site.networking.delete(other)
    await scene.is_as_before(web)


async def test_a_tag_that_is_changed_in_the_api_is_changed_in_the_vm(scene: Scene) -> None:
    agent = scene.agent
    (web,) = await scene.guests("web")
    attached = await agent.plug(web, scene.network)
    profile = {"parent_name": scene.vm.port_id, "tag": 1234}
    await scene.site.api.update("port", attached["port_id"], **{"binding:profile": profile})
    await until("the device has the new tag", agent.attachments, accept=lambda seen: seen[0]["tag"] == 1234)
    await web.pings(scene.vm.addresses[0])
    await agent.unplug(web)
    await scene.is_as_before(web)


async def test_the_vms_database_may_be_restarted(scene: Scene) -> None:
    agent, network = scene.agent, scene.network
    web, db = await scene.guests("web", "db")
    await agent.plug(web, network)
    await scene.site.restart_database(scene.vm)
    await web.pings(scene.vm.addresses[0])
    await agent.plug(db, network)
    await db.pings(web)
    assert await agent.unplug(web)
    assert await agent.unplug(db)
    await scene.is_as_before(web, db)


async def test_the_vms_database_may_end_in_the_middle_of_an_add(scene: Scene) -> None:
    site, agent, network = scene.site, scene.agent, scene.network
    (web,) = await scene.guests("web")
    switch = scene.vm.ovs.switch.pid()
    assert switch is not None
    os.kill(switch, signal.SIGSTOP)  # so that the device is there, and never on the bridge
    try:
        adding = asyncio.create_task(agent.cni("ADD", web, config(network)))
        await until("web has its device", web.devices)
        await site.kill_database(scene.vm)
        status, error = await adding
    finally:
        os.kill(switch, signal.SIGCONT)
    assert (status, error["code"]) == (1, 11), error
    # The runtime deletes what it could not add, as often as it must.
    await agent.cni("DEL", web, config(network))
    await site.start_database(scene.vm)
    await scene.is_as_before(web)
    await agent.plug(web, network)
    await web.pings(scene.vm.addresses[0])
    await agent.unplug(web)
    await scene.is_as_before(web)


async def test_the_northbound_away_is_the_api_away(scene: Scene) -> None:
    site, agent, network = scene.site, scene.agent, scene.network
    web, db = await scene.guests("web", "db")
    await agent.plug(db, network)
    async with site.without_northbound():
        status, error = await agent.cni("ADD", web, config(network))
        assert (status, error["code"]) == (1, 11), error
        assert await agent.cni("DEL", db, config(network)) == (0, None)
        assert await db.devices() == set()
    await scene.is_as_before(web, db)
    await agent.plug(web, network)
    await web.pings(scene.vm.addresses[0])
    await agent.unplug(web)
    await scene.is_as_before(web)


def is_plugged(port: dict[str, Any]) -> bool:
    return bool(port["ovnest:plugged"])


async def problems(of: VmAgent) -> list[str]:
    found: list[str] = (await of.status())["problems"]
    return found


async def test_a_copy_of_the_credential_is_noticed_and_both_are_told(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    copied = (agent.state / "credential.json").read_bytes()
    await agent.start()
    before = await site.leavings(vm1)
    copy = await site.copy_of(agent, copied)
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
    await agent.unplug(web)
    assert await site.leavings(vm1) == before


async def test_a_clone_of_a_running_vm_takes_nothing_from_it(scene: Scene) -> None:
    site, agent, network = scene.site, scene.agent, scene.network
    web, db = await scene.guests("web", "db")
    attached = await agent.plug(web, network)
    # The clone is another VM with a port of its own, and with the first one's files: all of them.
    vm2 = await site.vm("vm2", "hv2", network)
    clone = await site.clone_of(agent, vm2)
    remarks = {each["container"]: each["reason"] for each in await clone.attachments()}
    assert remarks == {"web": "the machine was restarted since"}
    await web.pings(scene.vm.addresses[0])

    # It has renewed the credential, so the first VM cannot make ports any more, and is told why.
    reply = await agent.try_plug(db, network)
    assert reply["error"]["kind"] == "ApiRefused"
    await until(
        "the first is told", lambda: problems(agent), accept=lambda seen: "CredentialSuperseded" in str(seen)
    )
    await web.pings(scene.vm.addresses[0])
    assert (await scene.leavings()).ports.keys() == scene.before.ports.keys() | {attached["port_id"]}

    # A new code for the first, and the clone is out.
    agent.stop()
    await agent.enroll(await site.code(scene.vm, network))
    await agent.start()
    reply = await clone.try_plug(await site.guest(vm2, "evil"), network)
    assert reply["error"]["kind"] == "ApiRefused"
    await web.pings(scene.vm.addresses[0])
    await agent.plug(db, network)
    await db.pings(web)
    clone.stop()
    for guest in (web, db):
        await agent.unplug(guest)
    await scene.is_as_before(web, db)


async def test_what_was_left_over_is_shown_and_taken_away_when_asked(scene: Scene) -> None:
    agent, vm1 = scene.agent, scene.vm
    web, dead = await scene.guests("web", "dead")
    attached = await agent.plug(web, scene.network)
    await agent.plug(dead, scene.network)
    await dead.destroy()  # and its device with it
    # The VM's database forgets one of them: its port and its device are nobody's now.
    await vm1.ovs.vsctl("del-port", vm1.device, attached["device"])

    shown = (await agent.ask({"verb": "gc", "dry_run": True}))["answer"]
    assert {(each["kind"], each["what"], each["gone"]) for each in shown} == {
        ("attachment", "dead/eth0", False),
        ("port", attached["port_id"], False),
        ("device", attached["device"], False),
    }
    assert (await scene.leavings()).ports != scene.before.ports
    gone: list[dict[str, Any]] = (await agent.ask({"verb": "gc"}))["answer"]
    assert [each["gone"] for each in gone] == [True] * 3
    assert await scene.leavings() == scene.before
    await scene.foreign.pings(vm1.addresses[0])


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


async def test_a_vm_that_is_set_back_to_a_snapshot_keeps_to_what_the_api_says(scene: Scene) -> None:
    site, agent, network, vm1 = scene.site, scene.agent, scene.network, scene.vm
    web, db = await scene.guests("web", "db")
    old = await agent.plug(web, network)
    agent.stop()
    snapshot = agent.snapshot()
    # After the snapshot: web was deleted, and somebody else's port has the tag that web had.
    await agent.start()
    await agent.unplug(web)
    agent.stop()
    other = await site.networking.port(network, parent=vm1, tag=old["tag"])
    await site.set_back(vm1, snapshot)
    await agent.enroll(await site.code(vm1, network))  # the old credential is superseded, as it must be
    await agent.start()
    await until("web is gone: its tag is another's", agent.attachments, accept=lambda seen: not seen)
    assert other.id in (await scene.leavings()).ports, "the other port is not the agent's to delete"
    await agent.plug(db, network)
    await db.pings(vm1.addresses[0])
    await agent.unplug(db)
    await site.networking.delete(other)
    await scene.is_as_before(web, db)


async def test_a_vm_that_is_set_back_to_before_an_add_shows_what_the_api_has_of_it(scene: Scene) -> None:
    site, agent, network, vm1 = scene.site, scene.agent, scene.network, scene.vm
    web, db = await scene.guests("web", "db")
    agent.stop()
    snapshot = agent.snapshot()
    await agent.start()
    later = await agent.plug(web, network)
    agent.stop()
    await site.set_back(vm1, snapshot)
    await web.destroy()  # it is of a time that has not been, as its device is, which goes with it
    await agent.enroll(await site.code(vm1, network))
    await agent.start()
    # The same container comes again, in a namespace of its own: by a port of its own, too.
    await web.create()
    again = await agent.plug(web, network)
    assert again["port_id"] != later["port_id"]
    await web.pings(vm1.addresses[0])
    gone = (await agent.ask({"verb": "gc"}))["answer"]
    assert [(each["kind"], each["what"]) for each in gone] == [("port", later["port_id"])]
    await web.pings(vm1.addresses[0])
    await agent.unplug(web)
    await scene.is_as_before(web, db)
