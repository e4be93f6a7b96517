"""A container inside a VM: a namespace on an access port of the VM's own Open vSwitch."""

from typing import Protocol

from msgspec import Struct, structs

from ovnest.sandbox import namespace
from ovnest.sandbox.endpoint import Endpoint
from ovnest.sandbox.namespace import Namespace
from ovnest.sandbox.node import Nic
from ovnest.sandbox.openvswitch import OpenVSwitch
from ovnest.sandbox.place import Place


class ContainerFacts(Struct, frozen=True, kw_only=True, tag="container"):
    """What is kept of a container."""

    vm: str
    name: str
    tag: int
    nic: Nic
    port: str


class ParentVm(Protocol):
    """What a container needs of the VM that it is in: its switch, and the switch's bridge `device`."""

    name: str
    namespace: Namespace
    device: str
    ovs: OpenVSwitch


class Container(Endpoint):
    """A container of `vm`; the VM's switch puts `tag` on what it sends, and takes it off what it gets."""

    kind = "container"
    device = "eth0"

    def __init__(self, place: Place, vm: ParentVm, facts: ContainerFacts) -> None:
        super().__init__(place, f"{vm.name}.{facts.name}", facts.nic)
        self.vm = vm
        self.tag = facts.tag
        self._facts = facts

    @property
    def facts(self) -> ContainerFacts:
        return structs.replace(self._facts, nic=self.nic)

    async def plug(self) -> None:
        """Make the container and plug it into the VM's switch."""
        await self.create()
        port = self._facts.port
        await namespace.connect(
            *(self.vm.namespace, port, self.namespace, self.device), mtu=self.nic.mtu, mac=self.nic.mac
        )
        await namespace.disable_tx_checksum_offload(self.namespace, self.device)
        await self.vm.namespace.ip(f"link set {port} up")
        await self.vm.ovs.vsctl("--", "add-port", self.vm.device, port, f"tag={self.tag}")
        await self.configure()
        self.record(self.facts)

    async def unplug(self) -> None:
        """Take the container away."""
        port = self._facts.port
        await self.vm.ovs.vsctl("--", "--if-exists", "del-port", self.vm.device, port)
        await namespace.disconnect(self.vm.namespace, port)
        await self.destroy()
