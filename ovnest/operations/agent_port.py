"""What an agent may do with ports, networks and subnets: the guard before the operations that all use.

An agent asks with the rights of a service in its parent's project, so that it needs no tenant's roles; this
is what keeps it to its own. It names what is allowed, not what is forbidden: an attribute that nobody has
thought of is refused.
"""

from collections.abc import Iterator

from msgspec import UNSET
from msgspec.structs import replace

from ovnest.caller import Agent
from ovnest.errors.agent_code import AgentNotAllowed, AgentPortsExceeded, CredentialRefused
from ovnest.errors.network import NetworkNotFound
from ovnest.errors.port import PortNotFound
from ovnest.errors.subnet import SubnetNotFound
from ovnest.operations.steps.agent_scope import NESTED, Scope, authorised, is_own_id, own_ports
from ovnest.operations.steps.chosen import chosen
from ovnest.operations.steps.idempotency_key import IdempotencyKey, replayed
from ovnest.resources.network import Network
from ovnest.resources.port import CreatePort, Port
from ovnest.resources.subnet import Subnet
from ovnest.rows.port.lookups import CHILDREN_OF, PORTS_OF_HOST
from ovnest.rows.subnet import SUBNETS_OF_NETWORK
from ovnest.transaction import Tx

# What an agent may say of a new port; the rest is the server's.
ATTRIBUTES = frozenset(
    {
        "network_id",
        "project_id",
        "name",
        "description",
        "admin_state_up",
        "mac_address",
        "fixed_ips",
        "device_id",
        "device_owner",
        "port_security_enabled",
        "security_groups",
        "binding:host_id",
        "binding:profile",
        "tags",
    }
)
OWNERS = ("container:", "kuryr:container", "compute:kuryr")
PARENT = "parent_name"
TAG = "tag"


def own_scope(tx: Tx, agent: Agent) -> Scope:
    """What the agent that asks may touch, seen by this operation.

    Raises:
        CredentialRefused, CredentialSuperseded: nothing any more.
    """
    scope = authorised(tx, agent)
    if scope.project_id != tx.caller.project_id:
        raise CredentialRefused(reason="was for a port of another project")
    return scope


def made_by_agent(tx: Tx, scope: Scope, key: IdempotencyKey) -> Port | None:
    """The agent's own port that this request has made before, if any; raises IdempotencyKeyReused."""
    port = replayed(tx, key, scope.project_id)
    return port if port is not None and is_own_id(tx, scope, port.id) else None


def wanted_by_agent(tx: Tx, scope: Scope, want: CreatePort) -> CreatePort:
    """The port that an agent asks for, made its own: under its parent or on its chassis, secured.

    Raises:
        NetworkNotFound: not one of the networks that it was given.
        AgentNotAllowed: it names what is not an agent's to choose.
        AgentPortsExceeded: it has as many ports as it may have.
    """
    if want.network_id not in scope.networks:
        raise NetworkNotFound(net_id=want.network_id)
    unknown = sorted(chosen(want).keys() - ATTRIBUTES)
    if unknown:
        raise AgentNotAllowed(what=f"choose {', '.join(unknown)}")
    if want.project_id not in (None, scope.project_id):
        raise AgentNotAllowed(what="make ports of another project")
    if want.port_security_enabled is False:
        raise AgentNotAllowed(what="switch port security off")
    if want.security_groups is not UNSET and want.security_groups:
        raise AgentNotAllowed(what="choose security groups that it was not given")
    if want.device_owner and not want.device_owner.startswith(OWNERS):
        raise AgentNotAllowed(what=f"make ports of {want.device_owner}")
    _refuse_gateways(tx, want)
    _refuse_too_many(tx, scope)
    return replace(
        want,
        project_id=None,
        port_security_enabled=True,
        host_id=_host(scope, want),
        profile=_profile(scope, want),
    )


def require_own(tx: Tx, scope: Scope, port_id: str) -> None:
    """Whether a port is the agent's own.

    Raises:
        PortNotFound: it is not, or there is none.
    """
    if not is_own_id(tx, scope, port_id):
        raise PortNotFound(port_id=port_id)


def list_own(tx: Tx, scope: Scope) -> Iterator[Port]:
    """The agent's own ports."""
    ports = (tx.find(Port, own.id) for own in own_ports(tx, scope))
    return (port for port in ports if port is not None)


def require_network(scope: Scope, network_id: str) -> None:
    """Whether the agent was given that network.

    Raises:
        NetworkNotFound: it was not.
    """
    if network_id not in scope.networks:
        raise NetworkNotFound(net_id=network_id)


def require_subnet(tx: Tx, scope: Scope, subnet_id: str) -> None:
    """Whether a subnet is on a network that the agent was given.

    Raises:
        SubnetNotFound: it is not, or there is none.
    """
    subnet = tx.find(Subnet, subnet_id)
    if subnet is None or subnet.network_id not in scope.networks:
        raise SubnetNotFound(subnet_id=subnet_id)


def list_networks_given(tx: Tx, scope: Scope) -> Iterator[Network]:
    """The networks that the agent was given, as far as they are there."""
    found = (tx.find(Network, network_id) for network_id in sorted(scope.networks))
    return (network for network in found if network is not None)


def list_subnets_given(tx: Tx, scope: Scope) -> Iterator[Subnet]:
    """Their subnets."""
    for network in list_networks_given(tx, scope):
        yield from tx.all(SUBNETS_OF_NETWORK, network.id)


def _refuse_gateways(tx: Tx, want: CreatePort) -> None:
    """A container with its network's gateway address would get its neighbours' packets."""
    if want.fixed_ips is UNSET:
        return
    gateways = {subnet.gateway_ip for subnet in tx.all(SUBNETS_OF_NETWORK, want.network_id)}
    for fixed in want.fixed_ips:
        if fixed.ip_address is not None and fixed.ip_address in gateways:
            raise AgentNotAllowed(what=f"take {fixed.ip_address}, which is a gateway's address")


def _refuse_too_many(tx: Tx, scope: Scope) -> None:
    index = CHILDREN_OF if scope.mode == NESTED else PORTS_OF_HOST
    if tx.count(index, scope.subject) >= scope.ports_max:
        raise AgentPortsExceeded(subject=scope.subject, most=scope.ports_max)


def _host(scope: Scope, want: CreatePort) -> str:
    if want.host_id and (scope.mode == NESTED or want.host_id != scope.subject):
        raise AgentNotAllowed(what="bind ports to another host")
    return "" if scope.mode == NESTED else scope.subject


def _profile(scope: Scope, want: CreatePort) -> dict[str, object]:
    if scope.mode != NESTED:
        if want.profile:
            raise AgentNotAllowed(what="set binding:profile where each VM is a chassis")
        return {}
    if want.profile.keys() - {PARENT, TAG}:
        raise AgentNotAllowed(what="set more of binding:profile than parent_name and tag")
    if want.profile.get(PARENT, scope.subject) != scope.subject:
        raise AgentNotAllowed(what="put containers under another port than its own parent")
    tag = {TAG: want.profile[TAG]} if TAG in want.profile else {}
    return {PARENT: scope.subject, **tag}
