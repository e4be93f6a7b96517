"""A hypervisor: Open vSwitch and ovn-controller in a namespace, joined to the others by Geneve."""

from msgspec import Struct

from ovnest.sandbox import namespace
from ovnest.sandbox.central import SOUTHBOUND_PORT
from ovnest.sandbox.central_node import IP, UNDERLAY_MTU, CentralNode
from ovnest.sandbox.node import Node
from ovnest.sandbox.openvswitch import OpenVSwitch
from ovnest.sandbox.place import Place
from ovnest.sandbox.process import Daemon

NIC = "eth0"
BRIDGE = "br-phy"


class ChassisFacts(Struct, frozen=True, kw_only=True):
    """What a chassis is given."""

    encap_ip: str


class Chassis(Node):
    """A chassis called `name` in OVN, too; its end of the tunnels is `encap_ip`."""

    kind = "chassis"

    def __init__(self, place: Place, name: str, facts: ChassisFacts) -> None:
        super().__init__(place, name)
        self.encap_ip = facts.encap_ip
        self.ovs = OpenVSwitch(self)

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.encap_ip,)

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        return (*self.ovs.daemons, self.controller)

    @property
    def controller(self) -> Daemon:
        command = ("ovn-controller", self.ovs.remote)
        return Daemon(name="ovn-controller", directory=self.directory, command=command, own_control=False)

    async def join(self, central: CentralNode) -> None:
        """Plug the node, whose Open vSwitch runs, into the underlay, and start ovn-controller.

        The encapsulation's address stands on an Open vSwitch bridge that holds the NIC: a userspace tunnel
        leaves by no other way, and says nothing when it cannot.
        """
        await central.wire(self, NIC)
        await self.ovs.vsctl(
            *("--", "add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev"),
            *("--", "add-port", BRIDGE, NIC),
            *("--", "set", "Open_vSwitch", "."),
            f"external_ids:ovn-remote=tcp:{IP}:{SOUTHBOUND_PORT}",
            "external_ids:ovn-encap-type=geneve",
            f"external_ids:ovn-encap-ip={self.encap_ip}",
            "external_ids:ovn-bridge-datapath-type=netdev",
        )
        await namespace.disable_tx_checksum_offload(self.namespace, NIC, BRIDGE)
        await namespace.leave_to_open_vswitch(self.namespace, NIC)
        await self.namespace.ip(
            f"address add {self.encap_ip}/24 dev {BRIDGE}",
            f"link set {BRIDGE} mtu {UNDERLAY_MTU} up",
        )
        await self.start(self.controller)
