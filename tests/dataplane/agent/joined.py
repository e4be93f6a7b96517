"""VMs of an overlay: each with an Open vSwitch and an ovn-controller that nobody has told anything yet."""

import json
import sys
from pathlib import Path

from ovnest.agent.attachment.journal import AGENT_ID
from ovnest.sandbox import namespace
from ovnest.sandbox.central_node import IP, UNDERLAY_MTU, CentralNode, encap_ip
from ovnest.sandbox.chassis import BRIDGE, NIC, Chassis, ChassisFacts
from ovnest.sandbox.process import attempt
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.until import until
from tests.chassis_pki import signed
from tests.dataplane.agent.site import AGENT_PORT, AgentSite, VmAgent
from tests.dataplane.api.networking import VirtualNetwork

FIRST_NUMBER = 101  # far from the hypervisors' addresses
PORT = 6643
OPEN_PORT = 6644
SOUTHBOUND = f"ssl:{IP}:{PORT}"
NAMED_BEFORE = "7e1b8a52-0000-4000-8000-000000000000"
UPLINK_MTU = 1450


class OverlayVm(Chassis):
    """A VM on the underlay; its bridge has its address, as where its NIC was taken over in userspace."""

    async def boot(self, central: CentralNode) -> None:
        """Start it, as Debian's packages do: Open vSwitch has a name from a file, ovn-controller waits."""
        await self.create()
        self.system_id_file.write_text(f"{NAMED_BEFORE}\n")
        await self.ovs.start(system_id=NAMED_BEFORE, hostname=self.name)
        await central.wire(self, NIC)
        await self.ovs.vsctl(
            *("--", "add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev"),
            *("--", "add-port", BRIDGE, NIC),
        )
        await namespace.disable_tx_checksum_offload(self.namespace, NIC, BRIDGE)
        await namespace.leave_to_open_vswitch(self.namespace, NIC)
        await self.namespace.ip(
            f"address add {self.encap_ip}/24 dev {BRIDGE}",
            f"link set {NIC} mtu {UNDERLAY_MTU}",
            f"link set {BRIDGE} mtu {UPLINK_MTU} up",
        )
        await self.start(self.controller)

    @property
    def system_id_file(self) -> Path:
        return self.directory / "system-id.conf"

    async def settings(self) -> dict[str, str]:
        """What stands in the external_ids of its Open vSwitch."""
        shown = await self.ovs.vsctl("--format=json", "--columns=external_ids", "list", "Open_vSwitch")
        found = dict(json.loads(shown)["data"][0][0][1])
        found.pop(AGENT_ID, None)  # by which the agent knows its own, whatever the VM is
        return found


class Overlay:
    """Makes such VMs, and takes them away."""

    def __init__(self, site: AgentSite) -> None:
        self.site = site
        self.sandbox: Sandbox = site.sandbox
        self.directory = site.standing.directory
        self._vms: list[OverlayVm] = []
        self._agents: list[VmAgent] = []

    async def vm(self, name: str, *networks: VirtualNetwork) -> VmAgent:
        """The agent of a new VM, enrolled and not started; the VM is its `vm`."""
        number = FIRST_NUMBER + len(self._vms)
        vm = OverlayVm(self.sandbox.place, name, ChassisFacts(encap_ip=encap_ip(number)))
        self._vms.append(vm)
        await vm.boot(self.sandbox.central_node)
        agent = await self.site.enrolled_chassis(vm, *networks)
        self._agents.append(agent)
        return agent

    async def join(self, agent: VmAgent, *more: str, southbound: str = SOUTHBOUND) -> str:
        """What `ovnest agent join` printed in that VM."""
        file = ("--system-id-file", str(_vm(agent).system_id_file))
        return await agent.cli("join", "--southbound", southbound, *file, *_where(agent), *more)

    async def teardown(self, agent: VmAgent) -> str:
        return await agent.cli("teardown", *_where(agent))

    async def chassis(self) -> set[str]:
        """Who has registered with the Southbound."""
        return set((await self.sandbox.central.sbctl("--bare", "--columns=name", "list", "Chassis")).split())

    async def secure(self) -> None:
        """Let the Southbound listen for chassis, in its namespace."""
        signed(self.directory, "ca", "sb")
        files = {"server-key": "sb.key", "server-cert": "sb.pem", "chassis-ca": "ca.pem"}
        given = [each for name, file in files.items() for each in (f"--{name}", str(self.directory / file))]
        where = ("--southbound", self.sandbox.southbound, "--listen", str(PORT))
        status, said, complaint = await attempt(
            *(sys.executable, "-m", "ovnest", "southbound", "secure"), *where, *given
        )
        # The hypervisors come in by a way that has no role, which is what it has to say.
        assert status == 1, (said, complaint)
        assert "--remote=ptcp:6642:0.0.0.0, which has no role" in said

    async def close(self) -> None:
        for agent in self._agents:
            agent.kill()
        for vm in self._vms:
            await self._is_forgotten(vm)
            await vm.destroy()
            for table in ("Chassis_Private", "Chassis"):
                await self.sandbox.central.sbctl("--if-exists", "destroy", table, vm.name)
        await self.sandbox.central.sbctl("del-connection", "--", "del-ssl")

    async def _is_forgotten(self, vm: OverlayVm) -> None:
        """Wait until the server has no connection of the VM's, whose other end goes with it."""
        argv = ("ss", "-Htn", "state", "established", "dst", vm.encap_ip, "sport", "=", str(AGENT_PORT))
        await until(
            f"the server has no connection of {vm.name}",
            lambda: self.sandbox.central_node.run(*argv),
            accept=lambda seen: not seen,
        )


def _vm(agent: VmAgent) -> OverlayVm:
    assert isinstance(agent.vm, OverlayVm)
    return agent.vm


def _where(agent: VmAgent) -> tuple[str, ...]:
    directory = agent.vm.directory
    return (
        *("--ovs", agent.vm.ovs.remote, "--state", str(agent.state), "--socket", str(agent.socket)),
        *("--cni-dir", str(directory / "cni"), "--netavark-dir", str(directory / "netavark")),
    )
