"""What the tests with real machines stand on: a sandbox, the API, and a server that machines reach by OVN.

office (ovnest serve --agent-listen) ── hv1 ══ geneve ══ hv2          network `management`
                                         │               │
                                      machines by QEMU, eth0 on `management` by DHCP
"""

import sys
from pathlib import Path
from typing import Any, Self

from ovnest.sandbox.guest.machine import Machine, Port
from ovnest.sandbox.process import run
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.vm import Vm
from tests.agent_side import certificate, url_for_agents
from tests.asking import Api
from tests.dataplane.api.networking import Networking, VirtualNetwork, VirtualPort
from tests.serving import Server

AGENT_PORT = 9697


class VmSite:
    """Makes networks, machines and codes, and takes them away.

    `management` is the network on which machines reach the server: the first of a machine's networks in most
    tests.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        directory: Path,
        networking: Networking,
        management: VirtualNetwork,
        office: Vm,
    ) -> None:
        self.sandbox = sandbox
        self.directory = directory
        self.networking = networking
        self.api = networking.api
        self.management = management
        self.office = office
        self.servers: list[Server] = []
        self.machines: list[Machine] = []

    @classmethod
    async def start(cls, sandbox: Sandbox, directory: Path) -> Self:
        """The API, and the server for agents; both on the sandbox's OVN."""
        cert, key = certificate(directory, "server")
        ring = directory / "keys.json"
        await run(sys.executable, "-m", "ovnest", "agent-keys", "create", str(ring))
        keys = ("--agent-keys", str(ring), "--tls-cert", str(cert), "--tls-key", str(key))
        databases = ("--northbound", sandbox.northbound, "--southbound", sandbox.southbound)
        first = await Server.start(*databases, log=directory / "first.log")
        networking = Networking(Api(first.url), sandbox)
        management = await networking.network()
        office = await networking.vm("office", "hv1", await networking.port(management))
        site = cls(sandbox, directory, networking, management, office)
        address = f"{office.addresses[0]}:{AGENT_PORT}"
        agents = (*databases, *keys, "--agent-url", f"https://{address}")
        # The URL is known when there is a port, and a port is made by the API: so the API starts twice.
        first.stop()
        ours = await Server.start(*agents, log=directory / "api.log")
        site.servers.append(ours)
        networking.api = site.api = Api(ours.url)
        theirs = await Server.start(
            *agents,
            *("--agent-listen", address),
            log=directory / "agents.log",
            listen=f"unix:{directory}/api.sock",
            inside=office.namespace.inside(),
        )
        site.servers.append(theirs)
        await url_for_agents(theirs)
        return site

    async def network(self, **attributes: Any) -> VirtualNetwork:
        return await self.networking.network(**attributes)

    async def port(self, network: VirtualNetwork, **attributes: Any) -> VirtualPort:
        """A port for a machine's NIC."""
        return await self.networking.port(network, **attributes)

    def machine(
        self,
        name: str,
        chassis: str,
        *ports: VirtualPort,
        suite: str = "bookworm",
        credentials: dict[str, str] | None = None,
    ) -> Machine:
        """A machine with these NICs in order, not started yet; stopped in the end, if the test has not."""
        nics = tuple(Port(id=port.id, mac=port.nic.mac) for port in ports)
        machine = Machine(
            self.sandbox, name, chassis=chassis, suite=suite, ports=nics, credentials=credentials
        )
        self.machines.append(machine)
        return machine

    async def code(self, parent: VirtualPort, *networks: VirtualNetwork) -> str:
        """A code for the agent of the machine whose port that is, good for these networks."""
        wanted = {"parent": parent.id, "networks": [network.id for network in networks]}
        answer = await self.api.ask("POST", "/v2.0/agent-codes", {"agent_code": wanted})
        assert answer.status == 201, answer
        code: str = answer.body["agent_code"]["code"]
        return code

    async def containers_of(self, parent: VirtualPort) -> list[dict[str, Any]]:
        """The container ports under a machine's port."""
        found = await self.api.list("port")
        return [port for port in found if port["binding:profile"].get("parent_name") == parent.id]

    async def stop_machines(self) -> None:
        for machine in self.machines:
            await machine.stop()
        self.machines.clear()

    async def close(self) -> None:
        """End everything but the sandbox."""
        await self.stop_machines()
        await self.networking.clear()
        for server in reversed(self.servers):
            server.stop()
