"""The sandbox as a whole: put up, found again by another process, taken down."""

from pathlib import Path
from typing import Self

import msgspec
from msgspec import structs

from ovnest.sandbox import namespace, needed
from ovnest.sandbox.central import Central
from ovnest.sandbox.central_node import CHASSIS_LIMIT, CentralNode, encap_ip
from ovnest.sandbox.chassis import Chassis, ChassisFacts
from ovnest.sandbox.concurrency import at_once
from ovnest.sandbox.container import Container, ContainerFacts
from ovnest.sandbox.directory import NAME, Owner, RunDirectory, SandboxFacts, names, sweep, take_away
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.node import RECORD, Nic, Node, write_whole
from ovnest.sandbox.place import Place
from ovnest.sandbox.release import HOST_NAME, find_release
from ovnest.sandbox.shortcuts import write_tools
from ovnest.sandbox.vm import Vm, VmFacts

DEFAULT_NAME = "ovnest"
KEPT = "kept"


class Sandbox:
    """OVN on this machine: a central node, chassis `hv1`, `hv2` …, and the VMs and containers on them."""

    def __init__(self, directory: RunDirectory, place: Place, facts: SandboxFacts) -> None:
        self.name = directory.name
        self.place = place
        self.facts = facts
        self._directory = directory
        self.central_node = CentralNode(place)
        self.chassis = {
            f"hv{number}": Chassis(place, f"hv{number}", ChassisFacts(encap_ip=encap_ip(number)))
            for number in range(1, facts.chassis + 1)
        }
        self.vms: dict[str, Vm] = {}

    @property
    def central(self) -> Central:
        """The databases, and ovn-nbctl and ovn-sbctl on them."""
        return self.central_node.central

    @property
    def path(self) -> Path:
        """The sandbox's directory."""
        return self.place.directory

    @property
    def northbound(self) -> str:
        """The Northbound's remote: `unix:…`."""
        return self.central.northbound

    @property
    def southbound(self) -> str:
        return self.central.southbound

    @property
    def nodes(self) -> list[Node]:
        containers = (container for vm in self.vms.values() for container in vm.containers.values())
        return [self.central_node, *self.chassis.values(), *self.vms.values(), *containers]

    @classmethod
    async def up(
        cls, name: str = DEFAULT_NAME, *, chassis: int = 2, release: str = HOST_NAME, owned: bool = False
    ) -> Self:
        """Put up a sandbox, in a few seconds; what a killed one of this name left is cleaned first.

        One that is `owned` goes with this process: whoever puts up a sandbox later, under any name, cleans
        it.

        Raises:
            SandboxError: one of this name is up, or this machine cannot run one.
        """
        if not 1 <= chassis <= CHASSIS_LIMIT:
            raise SandboxError(f"a sandbox has 1 to {CHASSIS_LIMIT} chassis, not {chassis}")
        directory = RunDirectory(name)
        found = await find_release(release)
        needed.check(found)
        await sweep()
        place = Place(directory=directory.path, sandbox=name, release=found)
        facts = SandboxFacts(release=found.name, chassis=chassis, owner=Owner.ourselves() if owned else None)
        sandbox = cls(directory, place, facts)
        async with directory.claimed():
            if (old := directory.facts()) and old.whole:
                raise SandboxError(
                    f"sandbox {name} is up already; `ovnest sandbox down --name {name}` takes it down"
                )
            await directory.clean()
            directory.write(facts)
            try:
                await sandbox._start()
            except BaseException:
                await directory.remove()
                raise
            sandbox.facts = structs.replace(facts, whole=True)
            directory.write(sandbox.facts)
        return sandbox

    @classmethod
    async def find(cls, name: str = DEFAULT_NAME) -> Self:
        """The sandbox of this name that is up, with the VMs and containers that are in it.

        Raises:
            SandboxError: none is up.
        """
        directory = RunDirectory(name)
        facts = directory.facts()
        if facts is None or not facts.whole:
            state = "is not up" if facts is None else "was left half-made (`up` and `down` clean it)"
            raise SandboxError(f"sandbox {name} {state}; there are: {', '.join(names()) or 'none'}")
        place = Place(directory=directory.path, sandbox=name, release=await find_release(facts.release))
        sandbox = cls(directory, place, facts)
        sandbox._load()
        return sandbox

    async def down(self) -> None:
        """Take everything away."""
        self.vms.clear()
        await take_away(self.name)

    def keep(self, why: str) -> None:
        """Let an owned sandbox outlive its owner; `why` stands in its directory for who looks later."""
        self.facts = structs.replace(self.facts, owner=None)
        self._directory.write(self.facts)
        write_whole(self.path / KEPT, f"{why}\n".encode())

    async def plug_vm(self, name: str, *, chassis: str, port_id: str, nic: Nic) -> Vm:
        """A new VM on `chassis`, its NIC bound to the logical switch port `port_id`.

        Raises:
            SandboxError: there is no such chassis, or a node of this name already.
        """
        if not NAME.fullmatch(name):
            raise SandboxError(f"a VM cannot be called {name!r}: at most 31 small letters, digits, _ and -")
        if name in self.vms or name in self.chassis or name == self.central_node.name:
            raise SandboxError(f"there is a node called {name} already")
        if chassis not in self.chassis:
            raise SandboxError(f"there is no chassis {chassis}, but {', '.join(self.chassis)}")
        vm = Vm(self.place, name, self.chassis[chassis], VmFacts(chassis=chassis, port_id=port_id, nic=nic))
        async with self.place.shared():
            self.vms[name] = vm
            await vm.plug()
        return vm

    async def unplug_vm(self, name: str) -> None:
        """Take a VM and its containers away."""
        await self.vms.pop(name).unplug()

    async def unplug_all(self) -> None:
        """Take all VMs and containers away, at once; the chassis stay."""
        await at_once(self.unplug_vm(name) for name in list(self.vms))

    async def sync(self) -> None:
        """Returns when every chassis has done what the Northbound said when this was called."""
        await self.central.nbctl("--wait=hv", "sync")

    async def _start(self) -> None:
        """The central node and all Open vSwitches at once, then all chassis at once, until they agree."""
        chassis = self.chassis.values()
        nodes = [self.central_node, *chassis]
        for node in nodes:
            node.directory.mkdir()
        await namespace.create(*(node.namespace for node in nodes))
        await at_once(namespace.prepare(node.namespace) for node in nodes)
        switches = (each.ovs.start(system_id=each.name, hostname=each.name) for each in chassis)
        await at_once([self.central_node.begin(), *switches])
        await at_once(each.join(self.central_node) for each in chassis)
        await at_once(
            self.central.sbctl("wait-until", "Chassis", name, f"name={name}") for name in self.chassis
        )
        await self.sync()
        write_tools(self.place)
        for node in nodes:
            node.write_shortcut()

    def _load(self) -> None:
        """Find the VMs and containers, whoever plugged them in."""
        containers: list[ContainerFacts] = []
        for path in sorted(self.path.glob(f"*/{RECORD}")):
            match msgspec.json.decode(path.read_bytes(), type=VmFacts | ContainerFacts):
                case VmFacts() as facts:
                    name = path.parent.name
                    self.vms[name] = Vm(self.place, name, self.chassis[facts.chassis], facts)
                case ContainerFacts() as facts:
                    containers.append(facts)
        for facts in containers:
            vm = self.vms[facts.vm]
            vm.containers[facts.name] = Container(self.place, vm, facts)
