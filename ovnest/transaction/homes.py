"""Where each kind of fact lives: how it is read from rows, and which rows it should have.

A home knows the rows of one kind: `read` gives the facts of one id, `present` the rows that are there
for it, `wanted` those that `derive` says should be, and `members` which switch they belong to.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ovnest.derive.dhcp_options import subnet_dhcp_options
from ovnest.derive.logical_switch import localnet_port, logical_switch
from ovnest.derive.logical_switch_port import PortContext, logical_switch_port
from ovnest.northbound import external_ids as keys
from ovnest.northbound.documents import (
    AgentGrant,
    DocumentFacts,
    PortDetails,
    TagMemory,
    from_document,
    is_empty,
    to_document,
)
from ovnest.northbound.indexes import CHILDREN_OF, DHCP_OPTIONS_OF_PORT, PORTS_ALLOWED_ADDRESS
from ovnest.northbound.names import document_uuid
from ovnest.northbound.networks import is_network, read_network
from ovnest.northbound.ports import is_port, read_port
from ovnest.northbound.subnets import is_subnet, read_subnet
from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Row, RowUuid
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet

if TYPE_CHECKING:
    from ovnest.transaction.tx import Tx

F = TypeVar("F")


class Home(Protocol, Generic[F]):
    """Where one kind of fact lives."""

    def read(self, tx: "Tx", key: str) -> F | None:
        """The facts of one id; None when there are none, or they cannot be understood."""

    def present(self, tx: "Tx", key: str) -> Sequence[Row]:
        """The rows that are there for one id."""

    def wanted(self, tx: "Tx", facts: F) -> Sequence[Row]:
        """The rows that the facts should have."""

    def members(self, facts: F, rows: Iterable[Row]) -> tuple[RowUuid, list[RowUuid]] | None:
        """The switch that must refer to some of these rows, and which; None for kinds without."""


class NetworkHome:
    """A Logical_Switch, and the localnet port of a physical segment."""

    def read(self, tx: "Tx", key: str) -> Network | None:
        """See `Home`."""
        row = tx.view.find(LogicalSwitch, RowUuid(key))
        return None if row is None or not is_network(row) else tx.read_once(read_network, row)

    def present(self, tx: "Tx", key: str) -> Sequence[Row]:
        """See `Home`."""
        switch = tx.view.find(LogicalSwitch, RowUuid(key))
        if switch is None:
            return ()
        network = tx.understood(read_network, switch)
        localnet = None
        if network is not None and network.segment_id is not None:
            localnet = tx.view.find(LogicalSwitchPort, RowUuid(network.segment_id))
        return (switch,) if localnet is None else (switch, localnet)

    def wanted(self, tx: "Tx", facts: Network) -> Sequence[Row]:
        """See `Home`."""
        localnet = localnet_port(facts)
        switch = logical_switch(facts)
        return (switch,) if localnet is None else (switch, localnet)

    def members(self, facts: Network, rows: Iterable[Row]) -> tuple[RowUuid, list[RowUuid]] | None:
        """See `Home`."""
        ports = [row.uuid for row in rows if isinstance(row, LogicalSwitchPort)]
        return (RowUuid(facts.id), ports) if ports else None


class SubnetHome:
    """A DHCP_Options row, whether OVN answers DHCP there or not."""

    def read(self, tx: "Tx", key: str) -> Subnet | None:
        """See `Home`."""
        row = tx.view.find(DhcpOptions, RowUuid(key))
        return None if row is None or not is_subnet(row) else tx.read_once(read_subnet, row)

    def present(self, tx: "Tx", key: str) -> Sequence[Row]:
        """See `Home`."""
        row = tx.view.find(DhcpOptions, RowUuid(key))
        return () if row is None else (row,)

    def wanted(self, tx: "Tx", facts: Subnet) -> Sequence[Row]:
        """See `Home`."""
        return (subnet_dhcp_options(facts, tx.get(Network, facts.network_id), tx.settings.dns_domain),)

    def members(self, facts: Subnet, rows: Iterable[Row]) -> tuple[RowUuid, list[RowUuid]] | None:
        """See `Home`."""
        return None


class PortHome:
    """A Logical_Switch_Port, its document row and its own DHCP options."""

    def read(self, tx: "Tx", key: str) -> Port | None:
        """See `Home`."""
        row = tx.view.find(LogicalSwitchPort, RowUuid(key))
        return None if row is None or not is_port(row) else self.read_row(tx, row)

    def read_row(self, tx: "Tx", row: LogicalSwitchPort) -> Port | None:
        """The facts of a port whose row is at hand; None also when its document cannot be understood."""

        def read(port: LogicalSwitchPort) -> Port:
            document = tx.view.find(Document, document_uuid(PortDetails.KIND, port.uuid))
            details = None if document is None else from_document(document, PortDetails)
            return read_port(port, details, tx.subnet_of)

        return tx.understood(read, row)

    def present(self, tx: "Tx", key: str) -> Sequence[Row]:
        """See `Home`."""
        row = tx.view.find(LogicalSwitchPort, RowUuid(key))
        if row is None:
            return ()
        document = tx.view.find(Document, document_uuid(PortDetails.KIND, key))
        own = tx.view.all(DHCP_OPTIONS_OF_PORT, key)
        return (row, *own) if document is None else (row, document, *own)

    def wanted(self, tx: "Tx", facts: Port) -> Sequence[Row]:
        """See `Home`."""
        rows = logical_switch_port(facts, self._context(tx, facts))
        # The host's home is the row's option; where OVN must not have it there, the document row's.
        written = keys.REQUESTED_CHASSIS in rows.port.options
        details = _details(facts, host_id="" if written else facts.host_id)
        if is_empty(details):
            return (rows.port, *rows.dhcp_options)
        return (rows.port, to_document(details), *rows.dhcp_options)

    def members(self, facts: Port, rows: Iterable[Row]) -> tuple[RowUuid, list[RowUuid]] | None:
        """See `Home`."""
        return RowUuid(facts.network_id), [RowUuid(facts.id)]

    def _context(self, tx: "Tx", port: Port) -> PortContext:
        virtual_address = None
        parents: list[str] = []
        for fixed in port.fixed_ips:
            holders = tx.view.all(PORTS_ALLOWED_ADDRESS, (port.network_id, fixed.ip_address))
            parents = [row.name for row in holders if row.uuid != port.id]
            if parents:
                virtual_address = fixed.ip_address
                break
        return PortContext(
            network=tx.get(Network, port.network_id),
            subnets={fixed.subnet_id: tx.get(Subnet, fixed.subnet_id) for fixed in port.fixed_ips},
            virtual_address=virtual_address,
            virtual_parents=parents,
            domain=tx.settings.dns_domain,
            is_parent=bool(parents) and bool(tx.view.all(CHILDREN_OF, port.id)),
        )


class DocumentHome(Generic[F]):
    """A document row of one kind."""

    def __init__(self, kind: type[DocumentFacts]) -> None:
        self._kind = kind

    def read(self, tx: "Tx", key: str) -> Any:
        """See `Home`."""
        row = tx.view.find(Document, document_uuid(self._kind.KIND, key))
        return (
            None if row is None else tx.understood(lambda document: from_document(document, self._kind), row)
        )

    def present(self, tx: "Tx", key: str) -> Sequence[Row]:
        """See `Home`."""
        row = tx.view.find(Document, document_uuid(self._kind.KIND, key))
        return () if row is None else (row,)

    def wanted(self, tx: "Tx", facts: Any) -> Sequence[Row]:
        """See `Home`."""
        return () if is_empty(facts) else (to_document(facts),)

    def members(self, facts: Any, rows: Iterable[Row]) -> tuple[RowUuid, list[RowUuid]] | None:
        """See `Home`."""
        return None


def _details(port: Port, *, host_id: str) -> PortDetails:
    return PortDetails(
        id=port.id,
        description=port.description,
        tags=port.tags,
        profile=port.profile,
        host_id=host_id,
        allowed_address_pairs=port.allowed_address_pairs,
        extra_dhcp_opts=port.extra_dhcp_opts,
    )


PORT_HOME = PortHome()
HOMES: dict[type, Home[Any]] = {
    Network: NetworkHome(),
    Subnet: SubnetHome(),
    Port: PORT_HOME,
    PortDetails: DocumentHome(PortDetails),
    TagMemory: DocumentHome(TagMemory),
    AgentGrant: DocumentHome(AgentGrant),
}
