"""What an agent's credential is worth now, and which ports are the agent's own.

Nothing is believed of a credential but who it is for: that its permission still stands, and what it covers,
is looked up in each operation. So a permission that is revoked, or whose parent is deleted, ends with that
very transaction, on all servers.
"""

from msgspec import Struct

from ovnest.caller import Agent, Mode
from ovnest.errors.agent_code import CredentialRefused, CredentialSuperseded
from ovnest.resources.agent_code import AgentCode
from ovnest.resources.port import Port
from ovnest.rows.port.lookups import OWNERS_OF_CHILDREN, OWNERS_ON_HOST, PortOwner
from ovnest.transaction import Tx

NESTED: Mode = "nested"
OVERLAY: Mode = "overlay"
_NETWORKS_OWN = ("network:", "neutron:")


class Scope(Struct, frozen=True, kw_only=True):
    """What one agent may touch: ports of `project_id` under one parent, or bound to one chassis.

    `networks` are those that it was given and those that it has `made`.
    """

    mode: Mode
    subject: str
    project_id: str
    networks: frozenset[str]
    ports_max: int
    networks_max: int
    made: frozenset[str]


def authorised(tx: Tx, agent: Agent) -> Scope:
    """What the holder of a credential may touch.

    Raises:
        CredentialRefused: it has expired, was revoked, or its parent is gone.
        CredentialSuperseded: it has been renewed since.
    """
    grant = permitted(tx, agent)
    if agent.generation < grant.generation:
        raise CredentialSuperseded(given=agent.generation, present=grant.generation)
    return scope_of(grant)


def permitted(tx: Tx, agent: Agent) -> AgentCode:
    """The permission that a credential came from, whichever generation it is of.

    Raises:
        CredentialRefused: it has expired, was revoked, or its parent is gone.
    """
    if agent.expires <= tx.seconds:
        raise CredentialRefused(reason="has expired; enrol again with a new code")
    grant = tx.find(AgentCode, agent.subject)
    if grant is None or not grant.grant or (grant.grant, grant.mode) != (agent.grant, agent.mode):
        raise CredentialRefused(reason="has been revoked; enrol again with a new code")
    if grant.mode == NESTED and parent_of(tx, grant.id) is None:
        raise CredentialRefused(reason="was for a port that is no longer the parent of containers")
    return grant


def parent_of(tx: Tx, port_id: str) -> Port | None:
    """The port of that id, if containers can be under it."""
    parent = tx.find(Port, port_id)
    return parent if parent is not None and parent.parent_name is None else None


def scope_of(grant: AgentCode) -> Scope:
    """What a permission covers."""
    return Scope(
        mode=grant.mode,
        subject=grant.id,
        project_id=grant.project_id,
        networks=frozenset(grant.networks) | frozenset(grant.made),
        ports_max=grant.ports_max,
        networks_max=grant.networks_max,
        made=frozenset(grant.made),
    )


def is_own(scope: Scope, port: PortOwner) -> bool:
    """Whether a port is the agent's own."""
    if port.project_id != scope.project_id or port.device_owner.startswith(_NETWORKS_OWN):
        return False
    if scope.mode == NESTED:
        return port.parent_name == scope.subject
    return port.parent_name is None and port.host == scope.subject


def is_own_id(tx: Tx, scope: Scope, port_id: str) -> bool:
    """Whether the agent has a port of that id."""
    port = tx.find(PortOwner, port_id)
    return port is not None and is_own(scope, port)


def own_ports(tx: Tx, scope: Scope) -> list[PortOwner]:
    """The agent's own ports."""
    lookup = OWNERS_OF_CHILDREN if scope.mode == NESTED else OWNERS_ON_HOST
    return [port for port in tx.all(lookup, scope.subject) if is_own(scope, port)]
