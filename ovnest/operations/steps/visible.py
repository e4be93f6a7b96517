"""Finding what a request names, as far as this caller may see it.

What a caller may not see is not there: the answer is 404, never 403.
"""

from ovnest.errors.network import NetworkNotFound
from ovnest.errors.port import PortNotFound
from ovnest.errors.subnet import SubnetNotFound
from ovnest.policy import Target
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.transaction import Tx


def visible_network(tx: Tx, network_id: str) -> Network:
    """The network of that id.

    Raises:
        NetworkNotFound: there is none that the caller may see.
    """
    network = tx.find(Network, network_id)
    if network is None or not tx.rights.allows("get_network", network_target(network)):
        raise NetworkNotFound(net_id=network_id)
    return network


def visible_subnet(tx: Tx, subnet_id: str) -> Subnet:
    """The subnet of that id.

    Raises:
        SubnetNotFound: there is none that the caller may see.
    """
    subnet = tx.find(Subnet, subnet_id)
    if subnet is None or not tx.rights.allows("get_subnet", subnet_target(tx, subnet)):
        raise SubnetNotFound(subnet_id=subnet_id)
    return subnet


def visible_port(tx: Tx, port_id: str) -> Port:
    """The port of that id.

    Raises:
        PortNotFound: there is none that the caller may see.
    """
    port = tx.find(Port, port_id)
    if port is None or not tx.rights.allows("get_port", port_target(tx, port)):
        raise PortNotFound(port_id=port_id)
    return port


def network_target(network: Network) -> Target:
    """What policy asks about a network."""
    return of_network(network, network.project_id)


def subnet_target(tx: Tx, subnet: Subnet) -> Target:
    """What policy asks about a subnet: who owns it and its network, and whether all may see it."""
    return of_network(tx.find(Network, subnet.network_id), subnet.project_id)


def port_target(tx: Tx, port: Port) -> Target:
    """What policy asks about a port."""
    return of_network(tx.find(Network, port.network_id), port.project_id, port.device_owner)


def of_network(network: Network | None, project_id: str, device_owner: str = "") -> Target:
    """What policy asks about something on a network. A network that cannot be read is nobody's."""
    if network is None:
        return Target(project_id=project_id, device_owner=device_owner)
    return Target(
        project_id=project_id,
        network_project_id=network.project_id,
        network_shared=network.shared,
        network_external=network.external,
        device_owner=device_owner,
    )
