#
#   web ── hv1 ══ geneve ══ hv2 ── vm2      hv1 is a VM of a cluster that is a chassis itself: no tags
#
"""In overlay mode containers stand on the bridge that OVN runs in the VM."""

import pytest

from ovnest.sandbox.until import until
from tests.dataplane.agent.site import AgentSite

pytestmark = pytest.mark.packets


async def test_a_container_on_a_chassis_talks_until_it_is_unplugged(site: AgentSite) -> None:
    blue, green = await site.network(), await site.network()
    await site.networking.router(blue, green)
    hv1 = site.sandbox.chassis["hv1"]
    vm2 = await site.vm("vm2", "hv2", blue)
    agent = await site.chassis_agent(hv1, blue, green)
    web, db = await site.guest(hv1, "web"), await site.guest(hv1, "db")
    before = (await hv1.ovs.vsctl("list-ports", "br-int")).split()

    attached = await agent.plug(web, blue)
    await agent.plug(db, green)
    assert attached["tag"] is None
    await web.pings(vm2)
    await db.pings(web)
    port = await site.api.show("port", attached["port_id"])
    assert (port["binding:host_id"], port["status"]) == ("hv1", "ACTIVE")
    assert (await agent.status())["problems"] == []

    agent.kill()
    await agent.start()
    await web.pings(vm2)
    await site.api.delete("port", attached["port_id"])
    await until("web has lost its device", web.devices, accept=lambda seen: not seen)
    assert await agent.unplug(db)
    assert (await hv1.ovs.vsctl("list-ports", "br-int")).split() == before
    assert [each for each in await site.api.list("port") if each["device_owner"] == "container:plug"] == []
