"""The node in which OVN's central part runs, and to which the hypervisors are wired."""

from ovnest.sandbox import namespace
from ovnest.sandbox.central import Central
from ovnest.sandbox.concurrency import at_once
from ovnest.sandbox.node import Node
from ovnest.sandbox.place import Place
from ovnest.sandbox.process import Daemon

NAME = "central"
IP = "172.31.0.1"
UNDERLAY = "underlay"
UNDERLAY_MTU = 9000
FIRST_CHASSIS = 11
CHASSIS_LIMIT = 200  # they fit into a /24, beside the central node

# The node has a network namespace of its own: nobody outside the sandbox gets there.
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  in a namespace where nobody else is


class CentralNode(Node):
    """The databases and ovn-northd, and the wire between the hypervisors: a Linux bridge."""

    kind = "central"

    def __init__(self, place: Place) -> None:
        super().__init__(place, NAME)
        self.central = Central(self.directory, place.release, listen=EVERY_ADDRESS)

    @property
    def addresses(self) -> tuple[str, ...]:
        return (IP,)

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        return (*self.central.databases, self.central.northd)

    async def begin(self) -> None:
        """Start everything, in a node that has been created."""
        await at_once([self._lay_underlay(), self._start_daemons()])

    async def wire(self, node: Node, device: str) -> None:
        """A NIC `device` for `node`, on the underlay."""
        here = f"to-{node.name}"
        await namespace.connect(self.namespace, here, node.namespace, device, mtu=UNDERLAY_MTU)
        await self.namespace.ip(f"link set {here} master {UNDERLAY}", f"link set {here} up")
        await node.namespace.ip(f"link set {device} up")
        await namespace.disable_tx_checksum_offload(self.namespace, here)

    async def _lay_underlay(self) -> None:
        await self.namespace.ip(
            f"link add name {UNDERLAY} mtu {UNDERLAY_MTU} type bridge",
            f"link set {UNDERLAY} up",
            f"address add {IP}/24 dev {UNDERLAY}",
        )

    async def _start_daemons(self) -> None:
        await self.central.prepare()
        await at_once(self.start(daemon) for daemon in self.central.databases)
        await self.central.initialise()
        await self.start(self.central.northd)


def encap_ip(number: int) -> str:
    """The underlay address of the chassis with this number, counted from 1."""
    return f"172.31.0.{FIRST_CHASSIS + number - 1}"
