"""The story of containers in real virtual machines: Debian, its kernel, systemd, Docker, and the agent.

    web (docker run) ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2 ── far (ctr run --cni)
                                │
                             office: the server that the agents reach over OVN

Run by scripts/demo --vm.
"""

import asyncio
import re
import sys
from time import monotonic

from msgspec import Struct

from ovnest.sandbox.answers import NetworkAnswer, PortAnswer, SubnetAnswer, nic_of
from ovnest.sandbox.guest.image import find_image
from ovnest.sandbox.guest.machine import Machine, Port
from ovnest.sandbox.process import Mark, run, surroundings
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import Vm
from scripts.story import Failed, Story, main, start

SUITE = "bookworm"
MANAGEMENT, PRIVATE = ("management", "198.51.100.0/24"), ("private", "192.0.2.0/24")
OFFICE, AGENT_PORT = "198.51.100.10", 9697
WEB = "192.0.2.80"
SERVES_AGENTS = re.compile(r"ovnest serves agents on")
SERVER_TIMEOUT_S = 20.0
INSIDE_TIMEOUT_S = 180.0
CNI = '{"cniVersion": "0.4.0", "name": "private", "plugins": [{"type": "ovnest"}]}'
ROOT = "/srv/root"
BUSYBOX = (
    f"mkdir -p {ROOT}/bin && cp /bin/busybox {ROOT}/bin && "
    f"for each in sh ping sleep ip; do ln -sf busybox {ROOT}/bin/$each; done"
)


class Nics(Struct, frozen=True, kw_only=True):
    """The ports of a machine: its own, and the one under which its containers' are."""

    own: PortAnswer
    parent: PortAnswer


class VmStory(Story):
    """The chapters, one after another."""

    @property
    def to_try(self) -> tuple[tuple[str, str], ...]:
        return (
            ("vm1 docker exec web ping -c 3 192.0.2.1", "in a machine"),
            ("vm2 ovnest agent status", "what its agent has"),
        )

    async def tell(self) -> None:
        image = await find_image(SUITE)
        self.screen.say(f"(the machines' image: {image.directory})")
        sandbox = await self._ovn()
        await self._keys(sandbox)
        await self._api(sandbox, *self._serves_codes(sandbox))
        await self._networks()
        await self._office(sandbox)
        nics = {name: await self._nics(name) for name in ("vm1", "vm2")}
        machines = await self._boot(sandbox, nics)
        await self._agents(machines)
        far = await self._containers()
        await self._run("ovn-nbctl", "show", PRIVATE[0])
        await self._packets(nics, far)
        await self._restart(machines, sandbox)

    async def _keys(self, sandbox: Sandbox) -> None:
        self.screen.chapter("What agents trust: a certificate, and the servers' keys")
        subject = ("-subj", "/CN=office", "-addext", f"subjectAltName=IP:{OFFICE}")
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
        files = ("-keyout", str(sandbox.path / "office.key"), "-out", str(sandbox.path / "office.pem"))
        await self._run("openssl", "req", "-x509", *key, *subject, *files, lines=0)
        await self._run("ovnest", "agent-keys", "create", str(sandbox.path / "keys.json"))

    def _serves_codes(self, sandbox: Sandbox) -> tuple[str, ...]:
        files = sandbox.path
        return (
            *("--agent-keys", str(files / "keys.json"), "--agent-url", f"https://{OFFICE}:{AGENT_PORT}"),
            *("--tls-cert", str(files / "office.pem"), "--tls-key", str(files / "office.key")),
        )

    async def _networks(self) -> None:
        self.screen.chapter("A network for the machines themselves, and one for their containers")
        for name, cidr in (MANAGEMENT, PRIVATE):
            await self._run("neutron", "net-create", name, fields=("id", "name"))
            await self._run("neutron", "subnet-create", name, cidr, fields=("cidr", "gateway_ip"))

    async def _office(self, sandbox: Sandbox) -> None:
        self.screen.chapter("The server that agents reach, in a place on that network")
        address = ("--fixed-ip", f"ip_address={OFFICE}")
        port = await self._port("office", MANAGEMENT[0], *address)
        made = await self._made(port)
        office = await sandbox.plug_vm("office", chassis="hv1", port_id=port.id, nic=nic_of(port, *made))
        await self._serve(sandbox, office)

    async def _serve(self, sandbox: Sandbox, office: Vm) -> None:
        """Serve agents there, by the same Northbound."""
        log = sandbox.path / "agents.log"
        databases = ("--northbound", sandbox.northbound, "--southbound", sandbox.southbound)
        listen = ("--listen", f"unix:{sandbox.path}/agents.sock", "--agent-listen", f"{OFFICE}:{AGENT_PORT}")
        argv = ("ovnest", "serve", *databases, *listen, *self._serves_codes(sandbox))
        self.screen.type(("office", *argv), suffix=" &")
        began = monotonic()
        environment = surroundings(self._environment | Mark(sandbox.path, "agents").environment())
        process = start(office.namespace.inside(*argv), environment, log)

        async def serves() -> bool:
            said = log.read_text(errors="replace")
            if (status := process.poll()) is not None:
                raise Failed(f"ovnest serve ended with status {status}: {said.strip()}")
            return SERVES_AGENTS.search(said) is not None

        await until("the server listens for agents", serves, timeout_s=SERVER_TIMEOUT_S)
        self.screen.took(monotonic() - began)

    async def _nics(self, name: str) -> Nics:
        self.screen.chapter(f"{name}: a port of its own, and one whose frames may be its containers'")
        return Nics(
            own=await self._port(name, MANAGEMENT[0]), parent=await self._port(f"{name}-trunk", PRIVATE[0])
        )

    async def _boot(self, sandbox: Sandbox, nics: dict[str, Nics]) -> dict[str, Machine]:
        self.screen.chapter("Two real machines boot: Debian 12 by QEMU, one on each hypervisor")
        self.screen.say("Each is handed a code, good once, through SMBIOS, where its systemd finds it:")
        machines = {}
        for number, (name, has) in enumerate(nics.items(), 1):
            create = ("ovnest", "agent-code", "create", "--parent", has.parent.id, "--format", "value")
            code = (await self._run(*create, lines=0))[""]
            machines[name] = Machine(
                sandbox,
                name,
                chassis=f"hv{number}",
                suite=SUITE,
                ports=tuple(Port(id=port.id, mac=port.mac_address) for port in (has.own, has.parent)),
                credentials={"ovnest.code": code},
            )
        began = monotonic()
        await asyncio.gather(*(machine.start() for machine in machines.values()))
        for machine in machines.values():
            if machine.hardware is not None:
                how = "KVM" if machine.hardware.accelerator == "kvm" else "no KVM here: emulated"
                self.screen.say(f"{machine.name} has booted after {monotonic() - began:.1f} s ({how}).")
        await asyncio.gather(*(machine.booted() for machine in machines.values()))
        for machine in machines.values():
            await machine.close()  # the commands that are typed use the channel now
        self.screen.say(f"All that systemd starts runs after {monotonic() - began:.1f} s, Docker, too.")
        await self._inside("vm1", "uname", "-sr")
        return machines

    async def _agents(self, machines: dict[str, Machine]) -> None:
        self.screen.chapter("In each machine: the agent")
        for name in machines:
            await self._inside(name, "ovnest", "agent", "setup", "--uplink", "eth1")
            await self._inside(name, "systemctl", "enable", "--now", "ovnest-agent", lines=0)
            await run(*self._shell(name, BUSYBOX), env=self._environment, timeout_s=INSIDE_TIMEOUT_S)

    async def _containers(self) -> str:
        """The address of the container in vm2."""
        self.screen.chapter("A container by Docker in the one, by containerd and CNI in the other")
        await self._inside(*self._shell("vm1", f"tar -C {ROOT} -c . | docker import - busybox"), lines=0)
        network = ("--ipam-opt", "network=private", "-o", "network=private", "--subnet", PRIVATE[1])
        driver = ("-d", "ovnest", "--ipam-driver", "ovnest")
        await self._inside("vm1", "docker", "network", "create", *driver, *network, "private", lines=0)
        how = ("--detach", "--restart", "always", "--network", "private", "--ip", WEB)
        await self._inside(
            *("vm1", "docker", "run", *how, "--name", "web", "busybox", "sleep", "100000"), lines=0
        )
        await self._inside(
            *self._shell("vm2", f"mkdir -p /etc/cni/net.d; echo '{CNI}' >/etc/cni/net.d/private.conflist")
        )
        rootfs = ("--env", "PATH=/bin", "--rootfs", ROOT)
        await self._inside("vm2", "ctr", "run", "--detach", "--cni", *rootfs, "far", "sleep", "100000")
        await self._inside("vm1", "ovnest", "agent", "status")
        said = await self._inside("vm2", "ovnest", "agent", "status")
        found = re.search(r"(192\.0\.2\.\d+)/24", said)
        if found is None:
            raise Failed("the agent of vm2 has no container with an address")
        return found[1]

    async def _packets(self, nics: dict[str, Nics], far: str) -> None:
        self.screen.chapter("Packets between containers in two machines, and the tag on the wire")
        ping = ("docker", "exec", "web", "ping", "-c", "3", far)
        await until("web reaches far", lambda: self._answers(*ping), timeout_s=INSIDE_TIMEOUT_S)
        await self._inside("vm1", *ping)
        self.screen.say("Between vm1 and its hypervisor, at the same time:")
        quiet = ("-e", "-n", "-t", "-l", "--immediate-mode", "-c", "1")
        tap = Port(id=nics["vm1"].parent.id, mac="").tap
        pinging = asyncio.create_task(self._answers("docker", "exec", "web", "ping", "-c", "20", far))
        try:
            await self._run("hv1", "tcpdump", *quiet, "-i", tap, "vlan and icmp[icmptype] == icmp-echo")
        finally:
            await pinging

    async def _restart(self, machines: dict[str, Machine], sandbox: Sandbox) -> None:
        self.screen.chapter("vm1 is rebooted, and its container is back by itself")
        machine = machines["vm1"]
        began = monotonic()
        await machine.reboot()
        await machine.close()
        self.screen.say(f"vm1 has booted again after {monotonic() - began:.1f} s.")
        neighbour = await self._port("neighbour", PRIVATE[0])
        made = await self._made(neighbour)
        there = await sandbox.plug_vm(
            "neighbour", chassis="hv1", port_id=neighbour.id, nic=nic_of(neighbour, *made)
        )
        await until("web answers again", lambda: there.ping(WEB), timeout_s=INSIDE_TIMEOUT_S)
        self.screen.say(self.screen.good(f"web answers {there.name} after {monotonic() - began:.1f} s."))
        await self._inside("vm1", "ovnest", "agent", "status")

    async def _answers(self, *command: str) -> bool:
        argv = ("vm1", *command)
        said = await run(
            "sh", "-c", '"$@" || true', "sh", *argv, env=self._environment, timeout_s=INSIDE_TIMEOUT_S
        )
        return "bytes from" in said

    async def _inside(self, *argv: str, lines: int | None = None) -> str:
        """Type a command for a machine, and give what it said."""
        return (await self._run(*argv, lines=lines, timeout_s=INSIDE_TIMEOUT_S))[""]

    @staticmethod
    def _shell(name: str, script: str) -> tuple[str, ...]:
        return (name, "sh", "-c", script)

    async def _port(self, name: str, network: str, *options: str) -> PortAnswer:
        argv = ("neutron", "port-create", "--name", name, *options, network)
        made = await self._run(*argv, fields=("id", "mac_address", "fixed_ips"))
        return self._ask(PortAnswer, "port", made["id"])

    async def _made(self, port: PortAnswer) -> tuple[NetworkAnswer, list[SubnetAnswer]]:
        """The network and the subnets that a port is on."""
        subnets = [self._ask(SubnetAnswer, "subnet", each.subnet_id) for each in port.fixed_ips]
        return self._ask(NetworkAnswer, "network", self._ask(_On, "port", port.id).network_id), subnets


class _On(Struct, frozen=True):
    """Of a port: its network."""

    network_id: str


if __name__ == "__main__":
    sys.exit(main(VmStory, "The story of containers in real virtual machines."))
