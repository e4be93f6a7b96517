#
#   pod1 ─┐
#         ├─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2      a Go program calls the plugin by libcni
#   pod2 ─┘
#
"""CNI as libcni speaks it, GC and STATUS among it, which no runtime of Debian's sends yet."""

import pytest

from ovnest.agent.doors.cni.shim import NOT_AVAILABLE, VERSIONS
from ovnest.sandbox.until import until
from tests.dataplane.agent.libcni import Libcni, libcni_program
from tests.dataplane.agent.site import AgentSite
from tests.dataplane.agent.test_cni import config

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]

DONE = (0, None)


async def test_libcni_adds_checks_and_deletes(site: AgentSite) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.started(vm1, network)
    before = await site.leavings(vm1)
    libcni = Libcni(agent, await libcni_program())
    libcni.network("blue", network)
    pod = await site.guest(vm1, "pod1")
    assert await libcni.call("version", "blue") == (0, list(VERSIONS))

    wanted = ("-ips=10.1.0.51,fd00:1::51", "-mac=0a:00:00:00:00:51")
    status, result = await libcni.of(pod, "add", "blue", *wanted)
    assert status == 0, result
    assert [ip["address"] for ip in result["ips"]] == ["10.1.0.51/24", "fd00:1::51/64"]
    assert result["interfaces"][1]["mac"] == "0a:00:00:00:00:51"
    assert result["interfaces"][1]["mtu"] == network.answer.mtu
    assert await libcni.of(pod, "cached") == (0, result)
    assert await vm2.ping("10.1.0.51", count=3) > 0

    assert await libcni.of(pod, "check", "blue", *wanted) == DONE
    status, error = await libcni.of(pod, "add", "blue", *wanted)
    assert (status, error["code"]) == (1, 101), error
    assert await pod.devices() == {"eth0"}

    await pod.run("ip", "link", "set", "eth0", "down")
    status, error = await libcni.of(pod, "check", "blue", *wanted)
    assert (status, error["code"]) == (1, 102), error
    assert "is down" in error["msg"]

    assert await libcni.of(pod, "del") == DONE
    assert await libcni.of(pod, "cached") == DONE
    assert await site.leavings(vm1) == before
    assert await libcni.of(pod, "del") == DONE


async def test_a_pod_on_two_networks_is_as_it_was_made_on_both(site: AgentSite) -> None:
    blue, green = await site.network(), await site.network()
    vm1 = await site.vm("vm1", "hv1", blue)
    agent = await site.started(vm1, blue, green)
    libcni = Libcni(agent, await libcni_program())
    libcni.network("blue", blue)
    libcni.network("green", green)
    pod = await site.guest(vm1, "pod1")
    assert (await libcni.of(pod, "add", "blue"))[0] == 0
    assert (await libcni.of(pod, "add", "green", "-ifname=eth1"))[0] == 0

    assert await libcni.of(pod, "check", "blue") == DONE
    assert await libcni.of(pod, "check", "green", "-ifname=eth1") == DONE
    assert "via 10.1.0.1 dev eth0" in await pod.run("ip", "route", "get", "192.0.2.1")
    assert "via fd00:1::1 dev eth0" in await pod.run("ip", "-6", "route", "get", "2001:db8::1")
    assert await libcni.of(pod, "del", "blue") == DONE
    assert "via 10.2.0.1 dev eth1" in await pod.run("ip", "route", "get", "192.0.2.1")
    assert "via fd00:2::1 dev eth1" in await pod.run("ip", "-6", "route", "get", "2001:db8::1")
    assert await libcni.of(pod, "check", "green", "-ifname=eth1") == DONE


async def test_gc_leaves_what_is_valid_and_other_networks(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    libcni = Libcni(agent, await libcni_program())
    libcni.network("blue", network)
    libcni.network("green", network)
    names = {"kept": "blue", "stale": "blue", "lost": "blue", "other": "green"}
    pods = {name: await site.guest(vm1, name) for name in names}
    for name, where in names.items():
        status, result = await libcni.of(pods[name], "add", where)
        assert status == 0, result
    # Of this one libcni knows nothing any more: GC alone can tell that it is not valid.
    (libcni.directory / "cache" / "results" / "blue-lost-eth0").unlink()

    async def left() -> set[str]:
        found = {each["container"] for each in await agent.attachments()}
        assert {port["device_id"] for port in await site.containers_of(vm1)} == found
        return found

    assert await libcni.call("gc", "blue", "-valid=kept/eth0") == DONE
    assert await left() == {"kept", "other"}
    assert await pods["stale"].devices() == await pods["lost"].devices() == set()
    kept = await agent.vm.ovs.vsctl("list-ports", vm1.device)
    assert await libcni.call("gc", "blue", "-valid=kept/eth0") == DONE
    assert await agent.vm.ovs.vsctl("list-ports", vm1.device) == kept, "there is nothing more to do"

    # The same container with another interface is another attachment.
    status, _ = await libcni.of(pods["kept"], "add", "blue", "-ifname=eth1")
    assert status == 0
    assert await libcni.call("gc", "blue", "-valid=kept/eth0") == DONE
    assert await pods["kept"].devices() == {"eth0"}

    assert await libcni.call("gc", "blue") == DONE, "an empty list says that none is valid"
    assert await left() == {"other"}
    status, error = await libcni.call("gc", "green", "-valid=-")
    assert (status, error["code"]) == (1, 7), error
    # A caller of libcni who says nothing has it delete what it remembers; the plugin takes away nothing more.
    status, result = await agent.cni("ADD", pods["lost"], {**config(network), "name": "green"})
    assert status == 0, result
    assert (await libcni.call("gc", "green", "-valid=-"))[0] == 1
    assert await left() == {"lost"}


async def test_status_says_whether_something_can_be_attached(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    libcni = Libcni(agent, await libcni_program())
    libcni.network("blue", network)
    assert await libcni.call("status", "blue") == DONE

    await vm1.ovs.vsctl("del-port", vm1.device, "uplink")
    await until(
        "the agent sees that its uplink is gone",
        lambda: libcni.call("status", "blue"),
        accept=lambda seen: seen[0] == 1 and seen[1]["code"] == 51,
    )
    await vm1.ovs.vsctl("add-port", vm1.device, "uplink")
    agent.stop()
    status, error = await libcni.call("status", "blue")
    assert (status, error["code"]) == (1, NOT_AVAILABLE), error
