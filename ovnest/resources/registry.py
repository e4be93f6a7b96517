"""RESOURCES: every resource of the API, in the API reference's order."""

from msgspec import Struct

from ovnest.resources import network, port, subnet
from ovnest.resources.fields import Coercions


class Resource(Struct, frozen=True, kw_only=True):
    """One kind of thing that the API serves.

    `create`, `update` and `body` are the Structs of requests and answers, the two tables of coercions
    say which attributes a client may name in each.
    """

    singular: str
    plural: str
    create: type[Struct]
    update: type[Struct]
    body: type[Struct]
    create_coercions: Coercions
    update_coercions: Coercions


NETWORKS = Resource(
    singular="network",
    plural="networks",
    create=network.CreateNetwork,
    update=network.UpdateNetwork,
    body=network.NetworkBody,
    create_coercions=network.CREATE_NETWORK,
    update_coercions=network.UPDATE_NETWORK,
)
SUBNETS = Resource(
    singular="subnet",
    plural="subnets",
    create=subnet.CreateSubnet,
    update=subnet.UpdateSubnet,
    body=subnet.SubnetBody,
    create_coercions=subnet.CREATE_SUBNET,
    update_coercions=subnet.UPDATE_SUBNET,
)
PORTS = Resource(
    singular="port",
    plural="ports",
    create=port.CreatePort,
    update=port.UpdatePort,
    body=port.PortBody,
    create_coercions=port.CREATE_PORT,
    update_coercions=port.UPDATE_PORT,
)

RESOURCES = (NETWORKS, SUBNETS, PORTS)
