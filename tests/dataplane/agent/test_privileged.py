#
#   web ────┐
#   db  ────┼─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2 ── far      hidden is on another network
#   hidden ─┘
#
"""What somebody can do who may send any frame: a privileged container, root in its VM, root in another."""

from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from ovnest.sandbox.capture import Capture, capture
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import UPLINK
from tests.dataplane.agent.attempts import (
    ATTEMPTS,
    BLOCKED,
    CONTAINER,
    GOES_ON,
    OTHER_VM,
    VM,
    Cast,
)
from tests.dataplane.agent.forging import BROADCAST, Who, ethernet, send, udp
from tests.dataplane.agent.site import AgentSite, Guest

pytestmark = pytest.mark.packets


def who(guest: Guest, attached: dict[str, object] | None = None) -> Who:
    v4, v6 = guest.addresses
    tag = attached["tag"] if attached else None
    assert tag is None or isinstance(tag, int)
    return Who(mac=guest.nic.mac, v4=v4, v6=v6, tag=tag)


@pytest.mark.parametrize("place", [CONTAINER, VM, OTHER_VM])
async def test_who_may_send_any_frame_is_taken_for_nobody_outside_his_vm(site: AgentSite, place: str) -> None:
    blue, green = await site.network(), await site.network()
    await site.networking.router(blue)
    vm1, vm2 = await site.vm("vm1", "hv1", blue), await site.vm("vm2", "hv2", blue)
    agent, agent2 = await site.started(vm1, blue, green), await site.started(vm2, blue)
    web, db, hidden = [await site.guest(vm1, name) for name in ("web", "db", "hidden")]
    far = await site.guest(vm2, "far")
    tags = {
        guest.short: await agent.plug(guest, net) for guest, net in ((web, blue), (db, blue), (hidden, green))
    }
    for _ in tags:  # so that far has a tag that nobody has under vm1
        await agent2.plug(far, blue)
        await agent2.unplug(far)
    tags["far"] = await agent2.plug(far, blue)
    assert len({each["tag"] for each in tags.values()}) == 4
    v4, v6 = blue.subnets
    gateway = Who(mac="", v4=str(v4.gateway_ip), v6=str(v6.gateway_ip))
    cast = Cast(
        web=who(web, tags["web"]),
        db=who(db, tags["db"]),
        hidden=who(hidden, tags["hidden"]),
        far=who(far, tags["far"]),
        vm=Who(mac=vm1.nic.mac, v4=vm1.addresses[0], v6=vm1.addresses[1]),
        other=Who(mac=vm2.nic.mac, v4=vm2.addresses[0], v6=vm2.addresses[1]),
        gateway=gateway,
    )
    await web.pings(far)
    await far.pings(db)
    sender, device, own = {
        CONTAINER: (web, web.device, cast.web),
        VM: (vm1, UPLINK, cast.vm),
        OTHER_VM: (vm2, UPLINK, cast.other),
    }[place]
    texts = {each: str(uuid4()) for each in ATTEMPTS if each.who == place}
    last = str(uuid4())
    control = ethernet(BROADCAST, own.mac, udp(own.v4, cast.other.v4, last))
    async with AsyncExitStack() as stack:
        seen = {
            guest.short: await stack.enter_async_context(capture(guest, guest.device))
            for guest in (db, hidden, far)
        }
        for vm in {vm1, vm2} - {sender}:
            seen[vm.name] = await stack.enter_async_context(vm.capture("out"))
        await send(
            sender, device, [frame for each, text in texts.items() for frame in each.frames(cast, text)]
        )
        await send(sender, device, [control])
        neighbours = seen.keys() - {hidden.short}

        async def hear() -> set[str]:
            return {name for name in neighbours if has(seen[name], last)}

        # What was sent before has arrived by then, or was dropped.
        await until("all hear the control", hear, accept=lambda names: names == neighbours)
    others = {db.short, vm1.name} if place == OTHER_VM else {far.short, vm2.name}
    for each, text in texts.items():
        reached = {name for name in seen if has(seen[name], text)}
        expected = {BLOCKED: set(), GOES_ON: {hidden.short}}.get(each.happens, others)
        assert reached >= expected, (each.what, reached)
        assert each.happens != BLOCKED or not reached, (each.what, reached)
        assert each.happens == GOES_ON or hidden.short not in reached, (each.what, reached)


async def test_the_vms_switch_is_told_again_what_to_drop_when_it_was_restarted(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    await agent.plug(web, network)
    management = str(vm1.directory / f"{vm1.device}.mgmt")

    async def flows() -> str:
        return await vm1.tool("ovs-ofctl", "dump-flows", management)

    async def problems() -> str:
        return str((await agent.status())["problems"])

    await until("the flow is there", flows, accept=lambda seen: "dl_vlan=0" in seen)
    assert "priority=0 actions=NORMAL" in await flows(), "and what was there before"
    await site.kill_switch(vm1)
    await until("that is said", problems, accept=lambda seen: "are not dropped" in seen)
    await site.start_switch(vm1)
    await until("the flow is there again", flows, accept=lambda seen: "dl_vlan=0" in seen)
    await until("nothing is wrong", problems, accept=lambda seen: seen == "[]")
    await web.pings(vm1.addresses[0])
    agent.stop()
    assert "dl_vlan=0" in await flows(), "the agent's end changes nothing"
    # A switch that does not speak OpenFlow 1.0 is not told, which is said.
    await vm1.ovs.vsctl("set", "Bridge", vm1.device, "protocols=OpenFlow13")
    await agent.start()
    await until("that is said", problems, accept=lambda seen: "the switch refuses" in seen)


def has(seen: Capture, text: str) -> bool:
    return any(text.encode() in frame.payload for frame in seen.frames)
