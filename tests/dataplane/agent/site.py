"""What the tests of the agent stand on: servers, VMs with agents, and namespaces to be attached."""

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from msgspec import Struct

from ovnest.agent.doors.socket import ask
from ovnest.agent.setup.plan import write_shim
from ovnest.sandbox import namespace
from ovnest.sandbox.central_node import IP as UNDERLAY_ADDRESS
from ovnest.sandbox.chassis import Chassis
from ovnest.sandbox.container import Container
from ovnest.sandbox.endpoint import Endpoint
from ovnest.sandbox.errors import CommandFailed
from ovnest.sandbox.node import Nic
from ovnest.sandbox.process import Daemon, attempt, run
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.until import patience, until
from ovnest.sandbox.vm import INTEGRATION_BRIDGE, Vm
from tests.agent_side import certificate, url_for_agents
from tests.chassis_pki import authority
from tests.dataplane.api.networking import Networking, VirtualNetwork
from tests.serving import Server

SERVER_ADDRESS = "172.30.0.1"
AGENT_PORT = 9697
OTHER_PORT = 9698
MANAGEMENT = "mgmt"
FOREIGN_TAG = 4077
READY_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 60.0
END_TIMEOUT_S = 10.0


class StandingSite:
    """The API for the tests at `url`, and for agents a server in the central node's namespace."""

    def __init__(self, directory: Path, options: tuple[str, ...], ours: Server, theirs: Server) -> None:
        self.directory = directory
        self.options = options
        self.servers = (ours, theirs)
        self.url = ours.url

    @classmethod
    async def start(cls, sandbox: Sandbox) -> Self:
        central = sandbox.central_node.namespace
        await central.ip(f"address add {SERVER_ADDRESS}/32 dev lo")
        directory = sandbox.path / "agents"
        directory.mkdir()
        cert, key = certificate(directory, "server")
        ring = directory / "keys.json"
        await run(sys.executable, "-m", "ovnest", "agent-keys", "create", str(ring))
        common = (
            *("--northbound", sandbox.northbound, "--southbound", sandbox.southbound),
            *("--agent-keys", str(ring), "--tls-cert", str(cert), "--tls-key", str(key)),
            *("--agent-url", f"https://{SERVER_ADDRESS}:{AGENT_PORT}"),
            "--one-trust-domain",  # hypervisors of the sandbox have agents, too
        )
        ca, ca_key = authority(directory)
        ours = await Server.start(*common, log=directory / "api.log")
        theirs = await Server.start(
            *common,
            *("--agent-listen", f"{SERVER_ADDRESS}:{AGENT_PORT}"),
            *("--chassis-ca-cert", str(ca), "--chassis-ca-key", str(ca_key)),
            log=directory / "agents.log",
            listen=f"unix:{directory}/api.sock",
            inside=central.inside(),
        )
        await url_for_agents(theirs)
        return cls(directory, common, ours, theirs)

    @property
    def for_agents(self) -> Server:
        return self.servers[1]

    @staticmethod
    async def cut_off(vm: Vm) -> None:
        """Take the VM's way to the server away, as a broken cable does."""
        await vm.namespace.ip(f"link set {MANAGEMENT} down")

    def stop(self) -> None:
        for server in self.servers:
            server.stop()


Machine = Vm | Chassis
"""Where an agent can be: in overlay mode the VM is a chassis."""


class Guest(Endpoint):
    """A namespace that a container runtime would have made: nothing in it but its loopback."""

    kind = "guest"

    def __init__(self, vm: Machine, name: str) -> None:
        super().__init__(vm.place, f"{vm.name}.{name}", Nic(mac=""))
        self.short = name
        self.vm = vm

    @property
    def path(self) -> Path:
        return self.namespace.path

    async def forget(self) -> None:
        """Take away what stands in files for it, when its namespace is gone."""
        self._shortcut.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def devices(self) -> set[str]:
        """What is in it beside its loopback."""
        links = json.loads(await self.run("ip", "-json", "link"))
        return {link["ifname"] for link in links} - {"lo"}

    def got(self, attached: dict[str, Any]) -> None:
        """Take over what the agent says that it has."""
        self.nic = Nic(
            mac=attached["mac"],
            addresses=tuple(each["address"] for each in attached["addresses"]),
            gateways=tuple(each["gateway"] for each in attached["addresses"] if each["gateway"]),
            mtu=attached["mtu"],
        )


class VmAgent:
    """The agent in a VM; its files are called `name`."""

    def __init__(self, vm: Machine, name: str = "agent") -> None:
        self.vm = vm
        self.bridge = vm.device if isinstance(vm, Vm) else INTEGRATION_BRIDGE
        self.socket = vm.directory / f"{name}.sock"
        self.state = vm.directory / f"{name}-state"
        self.log = vm.directory / f"{name}.log"
        self.shim = vm.directory / "cni" / "ovnest"
        self.inside = vm.namespace.inside
        self.process: subprocess.Popen[bytes] | None = None

    async def enroll(self, code: str) -> None:
        """Have a credential."""
        await self.cli("enroll", "--state", str(self.state), "--code-file", "-", stdin=code)

    def begin(self, *options: str, bridge: str = "", crash_after: str = "", boot: str = "") -> None:
        """Start it, and do not wait until it answers. `boot`: what it is to see as the machine's boot."""
        argv = (
            *(self._another_boot(boot) if boot else ()),
            *(sys.executable, "-m", "ovnest", "agent", "run", "--ovs", self.vm.ovs.remote),
            *("--bridge", bridge or self.bridge, "--socket", str(self.socket), "--state", str(self.state)),
            *("--doubt-s", "1", *options),
        )
        environment = {**os.environ, **self.vm.environment(), "PYTHONASYNCIODEBUG": "1"}
        if crash_after:
            environment["OVNEST_CRASH_AFTER"] = crash_after
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.inside(*argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
            )

    async def start(self, *options: str, **how: str) -> None:
        """Start it; it answers when this returns. See `begin`."""
        self.begin(*options, **how)

        async def answers() -> bool:
            assert self.process is not None
            status = self.process.poll()
            assert status is None, f"the agent ended with {status}: {self.said()}"
            try:
                return "answer" in await self.ask({"verb": "status"})
            except OSError:
                return False

        await until("the agent answers", answers, timeout_s=READY_TIMEOUT_S)

    def _another_boot(self, boot: str) -> tuple[str, ...]:
        """The command line that runs another, to which the machine has been started anew."""
        file = self.vm.directory / "boot_id"
        file.write_text(f"{boot}\n")
        mount = f'mount --bind {file} /proc/sys/kernel/random/boot_id; exec "$@"'
        return ("unshare", "-m", "--propagation", "private", "sh", "-ec", mount, "boot")

    def stop(self) -> None:
        """End it in order."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(END_TIMEOUT_S * patience())
        assert status == 0, f"the agent ended with {status}: {self.said()}"
        self.process = None

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(END_TIMEOUT_S)
            self.process = None

    def crashed(self) -> int:
        """The status it ended with, which it must by itself."""
        assert self.process is not None
        status = self.process.wait(END_TIMEOUT_S * patience())
        self.process = None
        return status

    def forget_events(self) -> None:
        """Let it not know where in the API's events it was."""
        self.socket.with_suffix(".events").unlink()

    def used_cpu_s(self) -> float:
        """The processor time that it has taken so far."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """The memory that it has."""
        (line,) = [line for line in self._proc("status").splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) / 1024

    def _proc(self, name: str) -> str:
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/{name}").read_text()

    def snapshot(self) -> bytes:
        """The VM's database as it is on its disk now."""
        return (self.vm.directory / "conf.db").read_bytes()

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    async def ask(self, request: dict[str, Any], files: tuple[int, ...] = ()) -> Any:
        return await asyncio.to_thread(ask, self.socket, request, files, ANSWER_TIMEOUT_S)

    async def plug(self, guest: Guest, network: VirtualNetwork, **wanted: Any) -> dict[str, Any]:
        """Attach it, and give what it got."""
        reply = await self.try_plug(guest, network, **wanted)
        assert "answer" in reply, reply
        attached: dict[str, Any] = reply["answer"]
        guest.got(attached)
        return attached

    async def try_plug(self, guest: Guest, network: VirtualNetwork, **wanted: Any) -> dict[str, Any]:
        fd = os.open(guest.path, os.O_RDONLY)
        try:
            request = {"verb": "plug", "key": self.key(guest), "network": network.id, **wanted}
            reply: dict[str, Any] = await self.ask(request, (fd,))
            return reply
        finally:
            os.close(fd)

    async def unplug(self, guest: Guest) -> bool:
        """Detach it; whether nothing is left of it."""
        reply = await self.ask({"verb": "unplug", "key": self.key(guest)})
        assert "answer" in reply, reply
        done: bool = reply["answer"]
        return done

    async def status(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.ask({"verb": "status"}))["answer"]
        return found

    async def attachments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.status())["attachments"]
        return found

    async def cli(self, *arguments: str, stdin: str = "") -> str:
        """What `ovnest agent …` printed, run in the VM. Raises CommandFailed."""
        argv = (sys.executable, "-m", "ovnest", "agent", *arguments)
        inside = self.vm.namespace.inside(*argv)
        status, output, complaint = await attempt(*inside, env=self.vm.environment(), stdin=stdin)
        assert "Traceback" not in complaint, complaint
        if status:
            raise CommandFailed(argv, status, complaint)
        return output

    async def cni(
        self, command: str, guest: Guest, config: dict[str, Any], *, interface: str = "eth0", args: str = ""
    ) -> tuple[int, Any]:
        """The executable's status, and what it printed, called as a runtime in the VM calls it."""
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": guest.short,
            "CNI_NETNS": str(guest.path),
            "CNI_IFNAME": interface,
            "CNI_ARGS": args,
        }
        return await self.run_shim(environment, json.dumps(config))

    async def run_shim(self, environment: dict[str, str], text: str) -> tuple[int, Any]:
        """The same with just this environment and input."""
        if not self.shim.exists():
            write_shim(self.shim, self.socket)
        environment = {"CNI_PATH": str(self.shim.parent), **environment}
        argv = self.vm.namespace.inside(str(self.shim))
        status, output, complaint = await attempt(*argv, env=environment, stdin=text)
        assert not complaint, complaint
        return status, json.loads(output) if output else None

    @staticmethod
    def key(guest: Guest) -> dict[str, str]:
        return {"container": guest.short, "interface": "eth0"}


class Leavings(Struct, frozen=True, kw_only=True):
    """What there is of containers in a VM, the agent's and others'.

    `ports` are those under the VM's port in the API, with MAC, tag and addresses; `bridge` the ports of its
    switch with their tags; `devices` what is in its namespace.
    """

    ports: dict[str, str]
    bridge: dict[str, str]
    devices: frozenset[str]


class AgentSite:
    """Makes and takes away networks, VMs, agents and guests."""

    def __init__(self, sandbox: Sandbox, standing: StandingSite, networking: Networking) -> None:
        self.sandbox = sandbox
        self.standing = standing
        self.networking = networking
        self.api = networking.api
        self._agents: list[VmAgent] = []
        self._guests: list[Guest] = []
        self._links: list[str] = []

    async def network(self, **attributes: Any) -> VirtualNetwork:
        return await self.networking.network(**attributes)

    async def vm(self, name: str, chassis: str, network: VirtualNetwork) -> Vm:
        """A VM with a port of its own on `network`."""
        return await self.networking.vm(name, chassis, await self.networking.port(network))

    async def agent(self, vm: Vm, *networks: VirtualNetwork, **rights: Any) -> VmAgent:
        """An agent with a credential for these networks, and maybe more rights, not started yet."""
        await self._manage(vm)
        agent = VmAgent(vm)
        self._agents.append(agent)
        await agent.enroll(await self.code(vm, *networks, **rights))
        return agent

    async def chassis_agent(self, chassis: Chassis, *networks: VirtualNetwork) -> VmAgent:
        """An agent that answers, on a VM that is a chassis; it reaches the server over the underlay."""
        agent = await self.enrolled_chassis(chassis, *networks)
        await agent.start()
        return agent

    async def enrolled_chassis(self, chassis: Chassis, *networks: VirtualNetwork) -> VmAgent:
        """The same, not started yet."""
        await chassis.namespace.ip(f"route replace {SERVER_ADDRESS}/32 via {UNDERLAY_ADDRESS}")
        agent = VmAgent(chassis)
        self._agents.append(agent)
        wanted = {"chassis": chassis.name, "networks": [network.id for network in networks]}
        await agent.enroll(await self._code(wanted))
        return agent

    async def started(self, vm: Vm, *networks: VirtualNetwork, **options: Any) -> VmAgent:
        """An agent that answers."""
        agent = await self.agent(vm, *networks)
        await agent.start(**options)
        return agent

    async def code(self, vm: Vm, *networks: VirtualNetwork, **rights: Any) -> str:
        given = [network.id for network in networks]
        return await self._code({"parent": vm.port_id, "networks": given, **rights})

    async def _code(self, wanted: dict[str, Any]) -> str:
        answer = await self.api.ask("POST", "/v2.0/agent-codes", {"agent_code": wanted})
        assert answer.status == 201, answer
        code: str = answer.body["agent_code"]["code"]
        return code

    async def guest(self, vm: Machine, name: str) -> Guest:
        """An empty namespace in the VM."""
        guest = Guest(vm, name)
        self._guests.append(guest)
        await guest.create()
        return guest

    async def containers_of(self, vm: Vm) -> list[dict[str, Any]]:
        """The container ports under that VM's port."""
        found = await self.api.list("port")
        return [port for port in found if port["binding:profile"].get("parent_name") == vm.port_id]

    async def leavings(self, vm: Vm) -> Leavings:
        rows = json.loads(await vm.ovs.vsctl("--format=json", "--columns=name,tag", "list", "Port"))["data"]
        return Leavings(
            ports={port["id"]: _brief(port) for port in await self.containers_of(vm)},
            bridge={name: str(tag) for name, tag in rows},
            devices=frozenset(await self.devices(vm)),
        )

    async def devices(self, vm: Machine) -> set[str]:
        """What is in the machine's namespace."""
        return {link["ifname"] for link in json.loads(await vm.run("ip", "-json", "link"))}

    async def foreign(self, vm: Vm, network: VirtualNetwork) -> Container:
        """Things in the VM that look like the agent's and are not: a container that was plugged by hand, and
        a port of another agent's on the bridge. The container, which is to go on talking."""
        by_hand = await self.networking.port(network, parent=vm, tag=FOREIGN_TAG)
        await vm.namespace.ip("link add ovnstranger type veth peer name ovpstranger")
        await vm.ovs.vsctl(
            *("--", "add-port", vm.device, "ovnstranger", f"tag={FOREIGN_TAG - 1}"),
            *("--", "set", "Port", "ovnstranger", "external_ids:ovnest\\:agent=somebody"),
            *("external_ids:ovnest\\:state=adding", "external_ids:ovnest\\:container=web"),
            "external_ids:ovnest\\:interface=eth0",
        )
        return await self.networking.container(vm, "foreign", by_hand)

    async def reconnect(self, vm: Vm) -> None:
        """Give the VM its way to the server back."""
        number = self._links.index(_link_of(vm)) + 1
        await vm.namespace.ip(
            f"link set {MANAGEMENT} up", f"route add {SERVER_ADDRESS}/32 via 172.30.{number}.1"
        )

    async def copy_of(self, agent: VmAgent, credential: bytes) -> VmAgent:
        """An agent that answers, with the same credential as another has, or had."""
        copy = VmAgent(agent.vm, "copy")
        self._agents.append(copy)
        copy.state.mkdir(mode=0o700)
        path = copy.state / "credential.json"
        path.touch(mode=0o600)
        path.write_bytes(credential)
        await copy.start()
        return copy

    async def clone_of(self, agent: VmAgent, vm: Vm) -> VmAgent:
        """An agent that answers in another VM, which has the files of the first agent's: its credential, its
        journal, and what makes both machines look the same."""
        await self._manage(vm)
        clone = VmAgent(vm)
        self._agents.append(clone)
        shutil.copytree(agent.state, clone.state)
        await self.set_back(vm, agent.snapshot())
        await clone.start(boot="another")
        return clone

    async def restart_database(self, vm: Vm) -> None:
        """Kill the VM's ovsdb-server, and start it again on the same file."""
        await self.kill_database(vm)
        await self.start_database(vm)

    async def kill_database(self, vm: Vm) -> None:
        await kill(vm.ovs.server)

    async def start_database(self, vm: Vm) -> None:
        await vm.start(vm.ovs.server)

    async def kill_switch(self, vm: Vm) -> None:
        await kill(vm.ovs.switch)

    async def start_switch(self, vm: Vm) -> None:
        """With its bridge as it was: in userspace, that is a device made anew."""
        await vm.start(vm.ovs.switch)
        await vm.configure()

    async def reset(self, vm: Vm, *guests: Guest) -> None:
        """What a reset of the VM does to it: no namespace, no veth, and Open vSwitch started anew."""
        for guest in guests:
            await guest.destroy()
        for daemon in reversed(vm.ovs.daemons):
            await kill(daemon)
        for name in await self.devices(vm) - {"lo", "uplink", MANAGEMENT}:
            await namespace.disconnect(vm.namespace, name)
        for daemon in vm.ovs.daemons:
            await vm.start(daemon)
        await vm.configure()
        for guest in guests:
            await guest.create()

    async def set_back(self, vm: Vm, database: bytes) -> None:
        """Give the VM's database an earlier content."""
        await kill(vm.ovs.server)
        (vm.directory / "conf.db").write_bytes(database)
        await vm.start(vm.ovs.server)

    @asynccontextmanager
    async def without_northbound(self) -> AsyncIterator[None]:
        """The Northbound's server is stopped while the context lasts."""
        daemon = self.sandbox.central.databases[0]
        pid = daemon.pid()
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @asynccontextmanager
    async def without_chassis_ca(self, agent: VmAgent) -> AsyncIterator[None]:
        """The agent goes to a server that signs no certificates while the context lasts."""
        server = await Server.start(
            *self.standing.options,
            *("--agent-listen", f"{SERVER_ADDRESS}:{OTHER_PORT}"),
            log=self.standing.directory / "other.log",
            listen=f"unix:{self.standing.directory}/other.sock",
            inside=self.sandbox.central_node.namespace.inside(),
        )
        path = agent.state / "credential.json"
        before = path.read_text()
        try:
            await url_for_agents(server)
            path.write_text(before.replace(f":{AGENT_PORT}", f":{OTHER_PORT}"))
            yield
        finally:
            path.write_text(before)
            server.stop()

    async def close(self) -> None:
        for agent in self._agents:
            agent.kill()
        await namespace.delete([each.namespace.name for each in self._guests if each.path.exists()])
        for guest in self._guests:
            await guest.forget()
        for link in self._links:
            await namespace.disconnect(self.sandbox.central_node.namespace, link)

    async def _manage(self, vm: Vm) -> None:
        """Give the VM a way to the server, if it has none."""
        link = _link_of(vm)
        if link in self._links:
            return
        self._links.append(link)
        number = len(self._links)
        central = self.sandbox.central_node.namespace
        await namespace.connect(central, link, vm.namespace, MANAGEMENT, mtu=1500)
        await central.ip(f"address add 172.30.{number}.1/30 dev {link}", f"link set {link} up")
        await vm.namespace.ip(
            f"address add 172.30.{number}.2/30 dev {MANAGEMENT}",
            f"link set {MANAGEMENT} up",
            f"route add {SERVER_ADDRESS}/32 via 172.30.{number}.1",
        )


def _brief(port: dict[str, Any]) -> str:
    addresses = ",".join(sorted(fixed["ip_address"] for fixed in port["fixed_ips"]))
    return f"{port['mac_address']} {addresses} {port['binding:profile'].get('tag')}"


def _link_of(vm: Vm) -> str:
    return f"m{vm.name}"[:15]


async def kill(daemon: Daemon) -> None:
    pid = daemon.pid()
    assert pid is not None
    held = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        ended = select.poll()
        ended.register(held, select.POLLIN)
        await asyncio.to_thread(ended.poll, END_TIMEOUT_S * 1000)
    finally:
        os.close(held)
