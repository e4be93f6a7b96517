"""Which of a network's subnets is meant, where a runtime names one or asks for an address family. Pure."""

from ipaddress import ip_network

from ovnest.agent.client.answers import SubnetAnswer
from ovnest.agent.client.api import Network
from ovnest.agent.errors import BadRequest


def choose(network: Network, version: int, cidr: str = "") -> SubnetAnswer:
    """The subnet of that family and, if it is said, with that CIDR; rather one that has a gateway.

    Raises:
        BadRequest: there is none; the message says which there are.
    """
    having = sorted(network.subnets.values(), key=lambda each: (each.gateway_ip is None, each.cidr))
    for subnet in having:
        if version_of(subnet) == version and cidr in ("", subnet.cidr):
            return subnet
    wanted = cidr or f"of IPv{version}"
    seen = ", ".join(each.cidr for each in having) or "none"
    raise BadRequest(
        f"network {network.answer.name or network.answer.id} has no subnet {wanted}; it has {seen}"
    )


def version_of(subnet: SubnetAnswer) -> int:
    """4 or 6."""
    return ip_network(subnet.cidr).version
