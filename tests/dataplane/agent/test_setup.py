#
#   web ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2      the bridge in vm1 is the one that `setup` made
#
"""`ovnest agent setup` and its undoing, and the other commands as a person types them."""

import json
from pathlib import Path

import pytest

from ovnest import __version__
from ovnest.sandbox.errors import CommandFailed
from ovnest.sandbox.vm import Vm
from tests.dataplane.agent.site import AgentSite, VmAgent

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]
BRIDGE = "br-ovnest"


async def _bare(vm: Vm) -> None:
    """Let the VM have a NIC and an Open vSwitch, and nothing that leads from one to the other."""
    await vm.ovs.vsctl("del-br", vm.device)
    await vm.run("nft", "flush", "ruleset")


async def _setup(agent: VmAgent, cni: Path, *more: str, verb: str = "setup") -> str:
    uplink = ("--uplink", "uplink") if verb == "setup" else ()
    netavark = str(cni.with_name("netavark"))
    where = (
        *("--ovs", agent.vm.ovs.remote, "--socket", str(agent.socket)),
        *("--cni-dir", str(cni), "--netavark-dir", netavark),
    )
    return await agent.cli(verb, *uplink, *where, *more)


async def test_the_bridge_that_setup_makes_carries_containers_and_teardown_undoes_it(
    site: AgentSite,
) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    agent = await site.agent(vm1, network)
    cni, netavark = vm1.directory / "cni", vm1.directory / "netavark"
    await _bare(vm1)
    bare = await vm1.ovs.vsctl("show")

    said = await _setup(agent, cni, "--dry-run")
    assert said.startswith(f"would make bridge {BRIDGE} (in userspace")
    assert await vm1.ovs.vsctl("show") == bare
    assert not cni.exists()
    assert not netavark.exists()

    await _setup(agent, cni)
    await _setup(agent, cni)  # and once more: nothing is there twice
    assert (await vm1.ovs.vsctl("list-ports", BRIDGE)).split() == ["uplink"]
    assert vm1.nic.mac in await vm1.ovs.vsctl("get", "Bridge", BRIDGE, "other_config:hwaddr")
    # As after a restart of the machine, which forgets what NICs and packet filters were told.
    await vm1.run("nft", "flush", "ruleset")
    await vm1.namespace.ip("link set uplink down")
    await agent.start(bridge=BRIDGE)
    web = await site.guest(vm1, "web")
    await agent.plug(web, network)
    await web.pings(vm2)
    assert await web.tcp_mbit_per_s(vm2) > 0
    assert (cni / "ovnest").stat().st_mode & 0o111
    told = json.loads(await vm1.run(str(netavark / "ovnest"), "info"))
    assert told == {"version": __version__, "api_version": "1.0.0"}

    with pytest.raises(CommandFailed, match="detach the containers first"):
        await _setup(agent, cni, verb="teardown")
    await agent.unplug(web)
    agent.stop()
    await _setup(agent, cni, verb="teardown")
    assert await vm1.ovs.vsctl("show") == bare
    assert not (cni / "ovnest").exists()
    assert not (netavark / "ovnest").exists()
    assert "ovnest" not in await vm1.run("nft", "list", "ruleset")


async def test_setup_leaves_a_nic_alone_that_has_addresses(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    await _bare(vm1)
    await vm1.namespace.ip("address add 192.0.2.1/24 dev uplink")
    with pytest.raises(CommandFailed, match=r"uplink has addresses \(192.0.2.1/24\)"):
        await _setup(agent, vm1.directory / "cni")
    with pytest.raises(CommandFailed, match="there is no NIC nowhere"):
        await agent.cli("setup", "--ovs", vm1.ovs.remote, "--uplink", "nowhere")


async def test_a_bridge_of_somebody_else_is_not_taken_down(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    with pytest.raises(CommandFailed, match="br-vm was not made by"):
        await _setup(agent, vm1.directory / "cni", "--bridge", vm1.device, verb="teardown")
    assert "br-vm" in await vm1.ovs.vsctl("show")


async def test_a_person_plugs_looks_and_unplugs(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.started(vm1, network)
    web = await site.guest(vm1, "web")
    local = ("--socket", str(agent.socket))
    where = (str(web.path), "--container", "web")

    said = await agent.cli("plug", *where, "--network", "network-1", "--ip", "10.1.0.77", *local)
    assert "10.1.0.77/24" in said
    shown = await agent.cli("status", *local)
    (line,) = [line for line in shown.splitlines() if line.startswith("web")]
    (port,) = await site.containers_of(vm1)
    for cell in ("eth0", port["id"], "network-1", "10.1.0.77/24", "plugged"):
        assert cell in line.split()[1:] or cell in line
    assert await agent.cli("check", *local) == "All is as it was made.\n"
    assert await agent.cli("gc", "--dry-run", *local) == "Nothing is left over.\n"
    assert await agent.cli("unplug", *where, *local) == ""
    assert await site.containers_of(vm1) == []

    with pytest.raises(CommandFailed, match="there is no network nowhere that this agent may use"):
        await agent.cli("plug", *where, "--network", "nowhere", *local)
    agent.stop()
    with pytest.raises(CommandFailed, match="no agent answers at"):
        await agent.cli("status", *local)


async def test_an_agent_without_code_or_with_a_used_one_says_so(site: AgentSite) -> None:
    network = await site.network()
    vm1 = await site.vm("vm1", "hv1", network)
    agent = await site.agent(vm1, network)
    code = await site.code(vm1, network)
    await agent.enroll(code)
    with pytest.raises(CommandFailed, match="has been used"):
        await agent.enroll(code)
    with pytest.raises(CommandFailed, match="that is no code"):
        await agent.enroll("ovnest1.nonsense")
    (agent.state / "credential.json").chmod(0o644)
    with pytest.raises(CommandFailed, match="others may read"):
        await agent.cli("run", "--state", str(agent.state), "--ovs", vm1.ovs.remote)
    (agent.state / "credential.json").unlink()
    with pytest.raises(CommandFailed, match="there is no credential and no code"):
        await agent.cli("run", "--state", str(agent.state), "--ovs", vm1.ovs.remote)
