"""What an agent may do: one table, each right a function behind a guard of `operations.agent_port` or
`operations.agent_network`.

A request that no right is for is refused before anything is looked up; the guard then says whether it may be
this one. The credential is looked at anew in each operation.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ovnest.caller import Agent
from ovnest.operations import agent_network as making
from ovnest.operations import agent_port as guard
from ovnest.operations import network, port, subnet
from ovnest.operations.kind import Filters, Kind
from ovnest.operations.steps.agent_scope import Scope
from ovnest.operations.steps.idempotency_key import IdempotencyKey
from ovnest.resources.network import CreateNetwork, Network
from ovnest.resources.port import CreatePort, Port
from ovnest.resources.resource import Resource
from ovnest.resources.subnet import CreateSubnet, Subnet
from ovnest.transaction import Tx

# A verb is a method on a path with so many parts behind the collection's.
VERBS: Mapping[str, tuple[str, int]] = {
    "list": ("GET", 0),
    "create": ("POST", 0),
    "show": ("GET", 1),
    "delete": ("DELETE", 1),
}


class Right(Struct, frozen=True, kw_only=True):
    """One thing that an agent may do. `makes`: only one that may make networks of its own."""

    kind: Kind
    verb: str
    do: Callable[..., Any]
    makes: bool = False


def allowed(method: str, collection: str, length: int, scope: Scope) -> bool:
    """Whether there is such a request for an agent with this scope."""
    return any(
        VERBS[right.verb] == (method, length) and (scope.networks_max or not right.makes)
        for right in RIGHTS
        if right.kind.resource.collection == collection
    )


def kind_for(agent: Agent, collection: str) -> Kind:
    """A kind as this agent may use it; verbs that it has no right to are not there."""
    own = {right.verb: right.do for right in RIGHTS if right.kind.resource.collection == collection}
    kind = next(right.kind for right in RIGHTS if right.kind.resource.collection == collection)

    def bound(verb: str) -> Callable[..., Any] | None:
        do = own.get(verb)
        return None if do is None else lambda tx, *arguments: do(agent, tx, *arguments)

    def show(tx: Tx, resource: Resource, key: str) -> Any:
        return own["show"](agent, tx, key)

    def found(tx: Tx, kind: Kind, filters: Filters) -> Iterable[Any]:
        several: Iterable[Any] = own["list"](agent, tx, filters)
        return several

    return replace(
        kind,
        create=bound("create"),
        create_with_key=None if kind.create_with_key is None else _create_port_with_key(agent),
        update=None,
        delete=bound("delete"),
        actions=(),
        visible=show,
        candidates=found,
    )


def _create_port(agent: Agent, tx: Tx, want: CreatePort) -> Port:
    scope = guard.own_scope(tx, agent)
    return port.create_port(tx, guard.wanted_by_agent(tx, scope, want))


def _create_port_with_key(agent: Agent) -> Callable[[Tx, CreatePort, IdempotencyKey], tuple[Port, bool]]:
    def create_with_key(tx: Tx, want: CreatePort, key: IdempotencyKey) -> tuple[Port, bool]:
        scope = guard.own_scope(tx, agent)
        key = replace(key, agent=scope.subject)
        before = guard.made_by_agent(tx, scope, key)
        if before is not None:
            return before, False
        return port.create_port(tx, guard.wanted_by_agent(tx, scope, want), key), True

    return create_with_key


def _delete_port(agent: Agent, tx: Tx, port_id: str, query: Mapping[str, str]) -> None:
    guard.require_own(tx, guard.own_scope(tx, agent), port_id)
    port.delete_port(tx, port_id, {})


def _show_port(agent: Agent, tx: Tx, port_id: str) -> Port:
    guard.require_own(tx, guard.own_scope(tx, agent), port_id)
    found: Port = port.KIND.show(tx, port_id)
    return found


def _list_ports(agent: Agent, tx: Tx, filters: Filters) -> Iterable[Port]:
    return guard.list_own(tx, guard.own_scope(tx, agent))


def _create_network(agent: Agent, tx: Tx, want: CreateNetwork) -> Network:
    scope = guard.own_scope(tx, agent)
    before = making.made_before(tx, scope, want)
    if before is not None:
        return before
    made = network.create_network(tx, making.network_by_agent(tx, scope, want))
    making.keep_made(tx, scope, made)
    return made


def _delete_network(agent: Agent, tx: Tx, network_id: str, query: Mapping[str, str]) -> None:
    scope = guard.own_scope(tx, agent)
    making.require_made(scope, network_id)
    network.delete_network(tx, network_id, {})
    making.forget_made(tx, scope, network_id)


def _show_network(agent: Agent, tx: Tx, network_id: str) -> Network:
    guard.require_network(guard.own_scope(tx, agent), network_id)
    found: Network = network.KIND.show(tx, network_id)
    return found


def _list_networks(agent: Agent, tx: Tx, filters: Filters) -> Iterable[Network]:
    return guard.list_networks_given(tx, guard.own_scope(tx, agent))


def _create_subnet(agent: Agent, tx: Tx, want: CreateSubnet) -> Subnet:
    scope = guard.own_scope(tx, agent)
    return subnet.create_subnet(tx, making.subnet_by_agent(tx, scope, want))


def _show_subnet(agent: Agent, tx: Tx, subnet_id: str) -> Subnet:
    guard.require_subnet(tx, guard.own_scope(tx, agent), subnet_id)
    found: Subnet = subnet.KIND.show(tx, subnet_id)
    return found


def _list_subnets(agent: Agent, tx: Tx, filters: Filters) -> Iterable[Subnet]:
    return guard.list_subnets_given(tx, guard.own_scope(tx, agent))


RIGHTS: tuple[Right, ...] = (
    Right(kind=port.KIND, verb="list", do=_list_ports),
    Right(kind=port.KIND, verb="create", do=_create_port),
    Right(kind=port.KIND, verb="show", do=_show_port),
    Right(kind=port.KIND, verb="delete", do=_delete_port),
    Right(kind=network.KIND, verb="list", do=_list_networks),
    Right(kind=network.KIND, verb="show", do=_show_network),
    Right(kind=network.KIND, verb="create", do=_create_network, makes=True),
    Right(kind=network.KIND, verb="delete", do=_delete_network, makes=True),
    Right(kind=subnet.KIND, verb="list", do=_list_subnets),
    Right(kind=subnet.KIND, verb="show", do=_show_subnet),
    Right(kind=subnet.KIND, verb="create", do=_create_subnet, makes=True),
)
