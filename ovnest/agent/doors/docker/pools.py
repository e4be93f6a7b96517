"""A pool of Docker's is a subnet of the API: what its id says, and what Docker is told of it. Pure."""

from ipaddress import ip_address, ip_interface, ip_network

from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.subnets import version_of
from ovnest.agent.client.answers import SubnetAnswer
from ovnest.agent.client.api import Network
from ovnest.agent.errors import BadRequest

ANY = "0.0.0.0/0"
NEW = "new/"


def pool_id(subnet: SubnetAnswer, network: Network) -> str:
    """Names that subnet of that network, so that nothing needs to be remembered of a pool."""
    return f"{network.answer.id}/{subnet.id}"


def new_id(cidr: str) -> str:
    """Names the subnet with that CIDR of a network that we make: there is one, or none yet."""
    return NEW + cidr


def made_cidr(pool: str) -> str:
    """Which CIDR the pool with that id has on a network that we make; empty if it is of one that we join."""
    return pool.removeprefix(NEW) if pool.startswith(NEW) else ""


def told(subnet: SubnetAnswer, wanted: str) -> str:
    """The pool's CIDR as Docker is told it.

    Where Docker has not named one, it takes no pool that overlaps a route of the machine, and asks for
    another one without end; yet the VM itself is often on that very network. The pool of all addresses it
    takes unseen. IPv6 routes it does not look at.
    """
    return subnet.cidr if wanted or version_of(subnet) == 6 else ANY


def network_id(pool: str) -> str:
    """The network of the pool with that id."""
    return pool.partition("/")[0]


def subnet_of(pool: str, network: Network) -> SubnetAnswer:
    """The subnet of the pool with that id.

    Raises:
        BadRequest: the network does not have it any more.
    """
    found = network.subnets.get(pool.partition("/")[2])
    if found is None:
        raise BadRequest(f"network {network.answer.id} has lost the subnet of pool {pool}")
    return found


def gateway_of(subnet: SubnetAnswer) -> str:
    """The gateway with its prefix length. Docker must be told one: without any, the unspecified address."""
    unspecified = "::" if version_of(subnet) == 6 else "0.0.0.0"  # noqa: S104  that is nobody's
    return with_length(subnet.gateway_ip or unspecified, subnet)


def with_length(address: str, subnet: SubnetAnswer) -> str:
    """The address with the subnet's prefix length."""
    return f"{address}/{ip_network(subnet.cidr).prefixlen}"


def within(answer: Attached, subnet: SubnetAnswer) -> str | None:
    """The address with its prefix length that an attachment has in that subnet, if it has one."""
    cidr = ip_network(subnet.cidr)
    for each in answer.addresses:
        if ip_interface(each.address).ip in cidr:
            return each.address
    return None


def same(one: str, other: str) -> bool:
    """Whether two texts, each with or without a prefix length, are one address."""
    return ip_address(one.partition("/")[0]) == ip_address(other.partition("/")[0])
