"""Who watches events: a caller of the API, or an agent. See `events.Viewer`."""

from ovnest.api.resources import ResourceRoutes
from ovnest.api.store import Store
from ovnest.caller import Agent, Caller
from ovnest.operations.agent_port import own_scope
from ovnest.operations.steps.agent_scope import Scope, is_own
from ovnest.operations.steps.visible import target_within
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.rows.port.lookups import PortOwner
from ovnest.transaction import Tx


class CallerViewer:
    """A caller of the API: sees what policy lets him list."""

    def __init__(self, store: Store, ports: ResourceRoutes, caller: Caller) -> None:
        self._store = store
        self._ports = ports
        self._caller = caller

    def look(self) -> Tx:
        """See `Viewer`."""
        return Tx(self._store.client.replica, self._store.context(self._caller))

    def sees(self, tx: Tx, port: PortOwner) -> bool:
        """See `Viewer`."""
        network = tx.find(Network, port.network_id)
        return tx.rights.allows("get_port", target_within(network, port.project_id, port.device_owner))

    def shown(self, tx: Tx, port_id: str) -> bytes | None:
        """See `Viewer`."""
        port = tx.find(Port, port_id)
        return None if port is None else self._ports.shown(tx, port)


class AgentViewer(CallerViewer):
    """An agent: sees its own ports, as long as its credential is the newest."""

    def __init__(self, store: Store, ports: ResourceRoutes, caller: Caller, agent: Agent) -> None:
        super().__init__(store, ports, caller)
        self._agent = agent
        self._scope: Scope | None = None

    def look(self) -> Tx:
        """See `Viewer`."""
        tx = super().look()
        self._scope = own_scope(tx, self._agent)
        return tx

    def sees(self, tx: Tx, port: PortOwner) -> bool:
        """See `Viewer`."""
        return self._scope is not None and is_own(self._scope, port)
