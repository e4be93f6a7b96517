"""SERVICES as one agent may use them: each function behind a guard, `operations.agent_ports` or
`operations.agent_networks`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from ovnest.api.services import SERVICES, Service
from ovnest.caller import Agent
from ovnest.errors.agent_code import AgentNotAllowed
from ovnest.operations import agent_network as making
from ovnest.operations import agent_port as guard
from ovnest.operations import network, port, subnet
from ovnest.operations.steps.idempotency_key import Once
from ovnest.resources.network import CreateNetwork, Network
from ovnest.resources.port import CreatePort, Port
from ovnest.resources.subnet import CreateSubnet, Subnet
from ovnest.transaction import Tx


class AgentServices:
    """What one agent may do; the credential is looked at anew in each operation."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def of(self, plural: str) -> Service:
        """The service of `ports`, `networks` or `subnets`."""
        common = {"create": self._no, "create_once": None, "update": self._no, "delete": self._no}
        own: dict[str, dict[str, Any]] = {
            "ports": {
                "create": self._create_port,
                "create_once": self._create_port_once,
                "delete": self._delete_port,
                "show": self._show_port,
                "list": self._list_ports,
            },
            "networks": {
                "create": self._create_network,
                "delete": self._delete_network,
                "show": self._show_network,
                "list": self._list_networks,
            },
            "subnets": {
                "create": self._create_subnet,
                "show": self._show_subnet,
                "list": self._list_subnets,
            },
        }
        return replace(SERVICES[plural], **{**common, **own[plural]})

    def _create_port(self, tx: Tx, want: CreatePort) -> Port:
        scope = guard.own_scope(tx, self._agent)
        return port.create_port(tx, guard.wanted_by_agent(tx, scope, want))

    def _create_port_once(self, tx: Tx, want: CreatePort, once: Once) -> tuple[Port, bool]:
        scope = guard.own_scope(tx, self._agent)
        once = replace(once, agent=scope.subject)
        before = guard.made_by_agent(tx, scope, once)
        if before is not None:
            return before, False
        return port.create_port(tx, guard.wanted_by_agent(tx, scope, want), once), True

    def _delete_port(self, tx: Tx, port_id: str, query: Mapping[str, str]) -> None:
        guard.require_own(tx, guard.own_scope(tx, self._agent), port_id)
        port.delete_port(tx, port_id, {})

    def _show_port(self, tx: Tx, port_id: str) -> Port:
        guard.require_own(tx, guard.own_scope(tx, self._agent), port_id)
        return port.show_port(tx, port_id)

    def _list_ports(self, tx: Tx, filters: Mapping[str, Sequence[str]]) -> Iterator[Port]:
        return guard.list_own(tx, guard.own_scope(tx, self._agent))

    def _create_network(self, tx: Tx, want: CreateNetwork) -> Network:
        scope = guard.own_scope(tx, self._agent)
        before = making.made_before(tx, scope, want)
        if before is not None:
            return before
        made = network.create_network(tx, making.network_by_agent(tx, scope, want))
        making.keep_made(tx, scope, made)
        return made

    def _delete_network(self, tx: Tx, network_id: str, query: Mapping[str, str]) -> None:
        scope = guard.own_scope(tx, self._agent)
        making.require_made(scope, network_id)
        network.delete_network(tx, network_id, {})
        making.forget_made(tx, scope, network_id)

    def _create_subnet(self, tx: Tx, want: CreateSubnet) -> Subnet:
        scope = guard.own_scope(tx, self._agent)
        return subnet.create_subnet(tx, making.subnet_by_agent(tx, scope, want))

    def _show_network(self, tx: Tx, network_id: str) -> Network:
        guard.require_network(guard.own_scope(tx, self._agent), network_id)
        return network.show_network(tx, network_id)

    def _list_networks(self, tx: Tx, filters: Mapping[str, Sequence[str]]) -> Iterator[Network]:
        return guard.list_networks_given(tx, guard.own_scope(tx, self._agent))

    def _show_subnet(self, tx: Tx, subnet_id: str) -> Subnet:
        guard.require_subnet(tx, guard.own_scope(tx, self._agent), subnet_id)
        return subnet.show_subnet(tx, subnet_id)

    def _list_subnets(self, tx: Tx, filters: Mapping[str, Sequence[str]]) -> Iterator[Subnet]:
        return guard.list_subnets_given(tx, guard.own_scope(tx, self._agent))

    @staticmethod
    def _no(*request: object) -> Any:
        raise AgentNotAllowed(what="do that")
