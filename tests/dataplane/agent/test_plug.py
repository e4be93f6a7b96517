#
#   web ─┐
#        ├─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2      vm1 has the agent; web and db are namespaces in it
#   db  ─┘
#
"""A namespace is put on a network by the agent, and taken off again."""

import asyncio

import pytest

from ovnest.sandbox.until import until
from tests.dataplane.agent.site import AgentSite

pytestmark = pytest.mark.packets


async def test_a_namespace_talks_over_its_own_port_until_it_is_unplugged(site: AgentSite) -> None:
    blue, green = await site.network(), await site.network()
    await site.networking.router(blue, green)
    vm1, vm2 = await site.vm("vm1", "hv1", blue), await site.vm("vm2", "hv2", blue)
    agent = await site.started(vm1, blue, green)
    before = await site.leavings(vm1)
    web, db = await site.guest(vm1, "web"), await site.guest(vm1, "db")
    attached = await agent.plug(web, blue)
    await agent.plug(db, green)

    await web.pings(vm2)
    await web.pings(vm1.addresses[0])
    await web.pings(db)
    port = await site.api.show("port", attached["port_id"])
    assert port["mac_address"] == web.nic.mac
    assert port["binding:profile"]["tag"] == attached["tag"]
    assert port["device_owner"] == "container:plug"
    assert port["device_id"] == "web"

    assert await agent.unplug(web)
    assert await agent.unplug(db)
    assert await site.leavings(vm1) == before
    assert await web.devices() == set()


async def test_an_address_that_another_container_had_is_reached_at_once(site: AgentSite) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.started(vm1, network)
    web, later = await site.guest(vm1, "web"), await site.guest(vm1, "later")
    first = await agent.plug(web, network)
    await vm2.pings(web)  # now vm2 knows by which MAC
    await agent.unplug(web)
    addresses = [each["address"].partition("/")[0] for each in first["addresses"]]
    second = await agent.plug(later, network, addresses=addresses)
    assert second["mac"] != first["mac"]
    for address in addresses:
        assert await vm2.ping(address, count=3) == 3, "vm2 asked the MAC of the container that is gone"


async def test_the_api_shows_whether_a_container_is_really_there(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    port_id = (await agent.plug(web, network))["port_id"]

    async def shown() -> tuple[bool, str]:
        port = await site.api.show("port", port_id)
        return port["ovnest:plugged"], port["ovnest:status_reason"]

    await until("the API knows that it is plugged", shown, accept=lambda seen: seen[0])
    await web.destroy()  # its container ends, and nobody has told the agent
    await until("the API knows that it is gone", shown, accept=lambda seen: not seen[0])
    assert "its device is gone, with its container" in (await shown())[1]


async def test_a_freed_tag_rests_only_until_the_agent_has_said_that_its_device_is_gone(
    site: AgentSite,
) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    resting = ("--bare", "--columns=external_ids", "find", "Copp", f'name="ovnest:vlan-tags:{vm1.port_id}"')

    async def memory() -> str:
        return (await site.sandbox.central.nbctl(*resting)).strip()

    tag = (await agent.plug(web, network))["tag"]
    await agent.unplug(web)
    await until(
        f"tag {tag} rests no longer",
        memory,
        accept=lambda seen: f"last={tag}" in seen and "freed" not in seen,
    )


async def test_the_agent_is_light(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    assert agent.used_cpu_s() < 0.5, "until it answers"
    guests = [await site.guest(vm1, f"g{number}") for number in range(20)]
    await asyncio.gather(*(agent.plug(guest, network) for guest in guests))
    assert agent.resident_mib() < 60
