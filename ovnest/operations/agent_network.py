"""What an agent may do with networks of its own, if it may make any: the guard before the operations.

Such a network is the project's like any other, with nothing but what a container network needs: on a tunnel,
and neither shared nor external. It is the agent's to delete, and so that it can be told from those that the
agent was given, its id stands on the permission.

An agent asks again when an answer was lost, so a network with the name and description of one that it has
made is that one.
"""

from msgspec.structs import replace

from ovnest.errors.agent_code import AgentNetworksExceeded, AgentNotAllowed
from ovnest.errors.network import NetworkNotFound
from ovnest.operations.steps.agent_scope import Scope
from ovnest.operations.steps.chosen import chosen
from ovnest.resources.agent_code import AgentCode
from ovnest.resources.network import CreateNetwork, Network
from ovnest.resources.subnet import CreateSubnet
from ovnest.rows.subnet import SUBNETS_OF_NETWORK
from ovnest.transaction import Tx

# What an agent may say of a new network and a new subnet; the rest is not its to choose.
NETWORK = frozenset({"project_id", "name", "description", "mtu"})
SUBNET = frozenset(
    {
        "network_id",
        "project_id",
        "cidr",
        "ip_version",
        "name",
        "description",
        "gateway_ip",
        "allocation_pools",
        "dns_nameservers",
        "enable_dhcp",
        "ipv6_ra_mode",
        "ipv6_address_mode",
    }
)
SUBNETS_MAX = 8  # of one network: an agent is to fill no database


def made_before(tx: Tx, scope: Scope, want: CreateNetwork) -> Network | None:
    """The network that this request has made before, if it says what that is to be called."""
    if want.name:
        for network in _made(tx, scope):
            if (network.name, network.description) == (want.name, want.description):
                return network
    return None


def network_by_agent(tx: Tx, scope: Scope, want: CreateNetwork) -> CreateNetwork:
    """The network that an agent asks for, of its project.

    Raises:
        AgentNotAllowed: it names what is not an agent's to choose.
        AgentNetworksExceeded: it has made as many as it may.
    """
    _refuse_others(scope, want, NETWORK)
    if len(_made(tx, scope)) >= scope.networks_max:
        raise AgentNetworksExceeded(
            resource="network", subject=scope.subject, most=scope.networks_max, where="networks"
        )
    return replace(want, project_id=None)


def keep_made(tx: Tx, scope: Scope, network: Network) -> None:
    """Let that network be one of those that the agent has made; and those that are gone no longer."""
    made = {each.id for each in _made(tx, scope)} | {network.id}
    tx.put(replace(tx.get(AgentCode, scope.subject), made=tuple(sorted(made))))


def require_made(scope: Scope, network_id: str) -> None:
    """Whether the agent has made that network.

    Raises:
        AgentNotAllowed: it was given it.
        NetworkNotFound: it was not, or there is none.
    """
    if network_id in scope.made:
        return
    if network_id in scope.networks:
        raise AgentNotAllowed(what="change a network that it was given")
    raise NetworkNotFound(net_id=network_id)


def forget_made(tx: Tx, scope: Scope, network_id: str) -> None:
    """That network is gone."""
    tx.put(replace(tx.get(AgentCode, scope.subject), made=tuple(sorted(scope.made - {network_id}))))


def subnet_by_agent(tx: Tx, scope: Scope, want: CreateSubnet) -> CreateSubnet:
    """The subnet that an agent asks for, on a network that it has made.

    Raises:
        AgentNotAllowed: it was given the network; or it names what is not an agent's to choose.
        NetworkNotFound: it was not given it either, or there is none.
        AgentNetworksExceeded: the network has as many as it may have.
    """
    require_made(scope, want.network_id)
    _refuse_others(scope, want, SUBNET)
    if tx.count(SUBNETS_OF_NETWORK, want.network_id) >= SUBNETS_MAX:
        raise AgentNetworksExceeded(
            resource="subnet", subject=scope.subject, most=SUBNETS_MAX, where="subnets of one network"
        )
    return replace(want, project_id=None)


def _refuse_others(scope: Scope, want: CreateNetwork | CreateSubnet, allowed: frozenset[str]) -> None:
    unknown = sorted(chosen(want).keys() - allowed)
    if unknown:
        raise AgentNotAllowed(what=f"choose {', '.join(unknown)}")
    if want.project_id not in (None, scope.project_id):
        raise AgentNotAllowed(what="make networks of another project")


def _made(tx: Tx, scope: Scope) -> list[Network]:
    """The networks that it has made, as far as they are there."""
    found = (tx.find(Network, network_id) for network_id in sorted(scope.made))
    return [network for network in found if network is not None]
