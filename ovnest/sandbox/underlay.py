"""The wire between the hypervisors: a Linux bridge in the central namespace."""

from ovnest.sandbox import namespace
from ovnest.sandbox.node import Node

CENTRAL_IP = "172.31.0.1"
FIRST_CHASSIS = 11
CHASSIS_LIMIT = 200  # they fit into a /24, beside the central node
UNDERLAY_MTU = 9000
BRIDGE = "underlay"


def encap_ip(number: int) -> str:
    """The address of the chassis with this number, counted from 1."""
    return f"172.31.0.{FIRST_CHASSIS + number - 1}"


class Underlay:
    """The bridge in `central`, with the address at which OVN's databases listen."""

    def __init__(self, central: Node) -> None:
        self._central = central

    async def create(self) -> None:
        await self._central.namespace.ip(
            f"link add name {BRIDGE} mtu {UNDERLAY_MTU} type bridge",
            f"link set {BRIDGE} up",
            f"address add {CENTRAL_IP}/24 dev {BRIDGE}",
        )

    async def plug(self, node: Node, device: str) -> None:
        """A NIC `device` for `node`."""
        here = f"to-{node.name}"
        await namespace.connect(self._central.namespace, here, node.namespace, device, mtu=UNDERLAY_MTU)
        await self._central.namespace.ip(f"link set {here} master {BRIDGE}", f"link set {here} up")
        await node.namespace.ip(f"link set {device} up")
        await namespace.finish_checksums(self._central.namespace, here)
