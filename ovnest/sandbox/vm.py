"""A virtual machine: a namespace whose NIC is a VIF of a chassis, with an Open vSwitch of its own in it."""

from contextlib import AbstractAsyncContextManager
from secrets import token_hex

from msgspec import Struct

from ovnest.sandbox import namespace
from ovnest.sandbox.capture import Capture, Direction, capture
from ovnest.sandbox.chassis import Chassis
from ovnest.sandbox.container import Container, ContainerFacts
from ovnest.sandbox.endpoint import Endpoint
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.node import Nic
from ovnest.sandbox.openvswitch import OpenVSwitch
from ovnest.sandbox.place import Place
from ovnest.sandbox.process import Daemon

UPLINK = "uplink"
INTEGRATION_BRIDGE = "br-int"
DEVICE_NAME_LIMIT = 15


class VmFacts(Struct, frozen=True, kw_only=True, tag="vm"):
    """What is kept of a VM."""

    chassis: str
    port_id: str
    nic: Nic


class Vm(Endpoint):
    """A VM on `chassis`, with a switch `br-vm`.

    Its uplink is a trunk, what is untagged the VM's own, and its access ports the containers'.
    """

    kind = "vm"
    device = "br-vm"

    def __init__(self, place: Place, name: str, chassis: Chassis, facts: VmFacts) -> None:
        super().__init__(place, name, facts.nic)
        self.chassis = chassis
        self.port_id = facts.port_id
        self.ovs = OpenVSwitch(self)
        self.containers: dict[str, Container] = {}

    @property
    def facts(self) -> VmFacts:
        return VmFacts(chassis=self.chassis.name, port_id=self.port_id, nic=self.nic)

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        return self.ovs.daemons

    @property
    def tap(self) -> str:
        """The chassis's end of the VM's NIC, named as Nova names it."""
        return f"tap{self.port_id}"[: DEVICE_NAME_LIMIT - 1]

    async def plug(self) -> None:
        """Make the VM, plug it into the chassis's integration bridge, and start its Open vSwitch."""
        await self.create()
        nic, chassis = self.nic, self.chassis
        await namespace.connect(chassis.namespace, self.tap, self.namespace, UPLINK, mtu=nic.mtu, mac=nic.mac)
        await chassis.namespace.ip(f"link set {self.tap} up")
        await self.namespace.ip(f"link set {UPLINK} up")
        await self._bind(chassis)
        await self.ovs.start(system_id=self.name, hostname=self.name)
        await self.ovs.vsctl(
            *("--", "add-br", self.device),
            *("--", "set", "Bridge", self.device, "datapath_type=netdev", f'other_config:hwaddr="{nic.mac}"'),
            *("--", "add-port", self.device, UPLINK),
        )
        await namespace.disable_tx_checksum_offload(self.namespace, UPLINK, self.device)
        await namespace.leave_to_open_vswitch(self.namespace, UPLINK)
        await self.configure()
        self.record(self.facts)

    async def unplug(self) -> None:
        """Take the VM and its containers away."""
        for container in list(self.containers.values()):
            await container.destroy()
        self.containers.clear()
        await self.chassis.ovs.vsctl("--", "--if-exists", "del-port", INTEGRATION_BRIDGE, self.tap)
        await namespace.disconnect(self.chassis.namespace, self.tap)
        await self.destroy()

    async def move(self, chassis: Chassis) -> None:
        """Take the VM's NIC to another chassis, as a live migration does in the end."""
        await self.chassis.ovs.vsctl("--", "del-port", INTEGRATION_BRIDGE, self.tap)
        await self.chassis.namespace.ip(f"link set {self.tap} netns {chassis.namespace.name}")
        await chassis.namespace.ip(f"link set {self.tap} up")
        await self._bind(chassis)
        self.chassis = chassis
        self.record(self.facts)

    async def plug_container(self, name: str, *, tag: int, nic: Nic) -> Container:
        """A new container of this VM, with its NIC on an access port for `tag`."""
        if name in self.containers:
            raise SandboxError(f"{self.name} has a container {name} already")
        # Not of the container's name, which may be longer than a device's.
        port = f"c{tag}-{token_hex(3)}"
        facts = ContainerFacts(vm=self.name, name=name, tag=tag, nic=nic, port=port)
        container = Container(self.place, self, facts)
        async with self.place.shared():
            self.containers[name] = container
            await container.plug()
        return container

    async def unplug_container(self, name: str) -> None:
        await self.containers.pop(name).unplug()

    def capture(self, direction: Direction = "inout") -> AbstractAsyncContextManager[Capture]:
        """The frames between the VM and the chassis, seen by the chassis, while the context lasts.

        "in" are those that the VM sent, "out" those that it was sent.
        """
        return capture(self.chassis, self.tap, direction=direction)

    async def _bind(self, chassis: Chassis) -> None:
        await chassis.ovs.vsctl(
            *("--", "--may-exist", "add-port", INTEGRATION_BRIDGE, self.tap),
            *("--", "set", "Interface", self.tap, f"external_ids:iface-id={self.port_id}"),
        )
