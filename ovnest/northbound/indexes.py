"""The indexes that operations look rows up by; the replica keeps them current.

A key is made of what stands on the row itself. Addresses are canonical text. Parents and tags are those of
any row, the API's or not: OVN obeys them all.
"""

from collections.abc import Iterable

from ovnest.northbound import external_ids as keys
from ovnest.northbound.names import network_of_switch
from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Index

BY_AGENT = "agent"  # the third word of an idempotency key that an agent has sent


def addresses_of(row: LogicalSwitchPort) -> list[str]:
    """The fixed addresses of a port, without their prefix lengths."""
    return [cidr.partition("/")[0] for cidr in row.external_ids.get(keys.CIDRS, "").split()]


def network_id_of(row: LogicalSwitchPort) -> str | None:
    """The network a port of the API is on; None for rows that are not ports of the API."""
    if keys.PORT_NAME not in row.external_ids:
        return None
    return network_of_switch(row.external_ids.get(keys.SWITCH, ""))


def _network(row: LogicalSwitchPort) -> Iterable[str]:
    network_id = network_id_of(row)
    return () if network_id is None else (network_id,)


def _mac(row: LogicalSwitchPort) -> Iterable[tuple[str, str]]:
    network_id, mac = network_id_of(row), row.external_ids.get(keys.MAC)
    return ((network_id, mac),) if network_id is not None and mac else ()


def _addresses(row: LogicalSwitchPort) -> Iterable[tuple[str, str]]:
    network_id = network_id_of(row)
    return () if network_id is None else [(network_id, address) for address in addresses_of(row)]


def _other_addresses(row: LogicalSwitchPort) -> Iterable[tuple[str, str]]:
    if not row.port_security:
        return ()
    fixed = addresses_of(row)
    if row.port_security == (" ".join([row.external_ids.get(keys.MAC, ""), *fixed]),):
        return ()  # nearly every port: its own and no other
    allowed = [
        address for entry in row.port_security for address in entry.split()[1:] if address not in fixed
    ]
    return [(network_id, address) for network_id in _network(row) for address in dict.fromkeys(allowed)]


def _parent(row: LogicalSwitchPort) -> Iterable[str]:
    return () if row.parent_name is None else (row.parent_name,)


def _parent_tag(row: LogicalSwitchPort) -> Iterable[tuple[str, int]]:
    if row.parent_name is None:
        return ()
    tags = {tag for tag in (row.tag_request, row.tag) if tag}
    return [(row.parent_name, tag) for tag in tags]


def _value(key: str, row: LogicalSwitchPort) -> Iterable[str]:
    value = row.external_ids.get(key)
    return (value,) if value and keys.PORT_NAME in row.external_ids else ()


def _host(row: LogicalSwitchPort) -> Iterable[str]:
    host = row.options.get(keys.REQUESTED_CHASSIS)
    return (host,) if host and keys.PORT_NAME in row.external_ids else ()


def _once(row: LogicalSwitchPort) -> Iterable[tuple[str, str, str]]:
    written = row.external_ids.get(keys.ONCE, "").split(" ")
    if len(written) < 2 or keys.PORT_NAME not in row.external_ids:
        return ()
    # Agents' keys are each agent's own: none can be taken by another, or by the project's other clients.
    agent = ""
    if written[2:] == [BY_AGENT]:
        agent = row.parent_name or row.options.get(keys.REQUESTED_CHASSIS, "")
    return ((row.external_ids.get(keys.PORT_PROJECT, ""), agent, written[0]),)


def _subnet_network(row: DhcpOptions) -> Iterable[str]:
    network_id = row.external_ids.get(keys.SUBNET_NETWORK)
    return () if network_id is None or keys.PORT in row.external_ids else (network_id,)


def _port_options(row: DhcpOptions) -> Iterable[str]:
    port_id = row.external_ids.get(keys.PORT)
    return () if port_id is None else (port_id,)


def _segment(row: LogicalSwitch) -> Iterable[tuple[str, str, str]]:
    ids = row.external_ids
    kind = ids.get(keys.NETWORK_TYPE, "")
    if not kind:
        return ()
    return ((kind, ids.get(keys.PHYSICAL_NETWORK, ""), ids.get(keys.SEGMENTATION_ID, "")),)


def _document_kind(row: Document) -> Iterable[str]:
    kind = row.external_ids.get(keys.KIND)
    return () if kind is None else (kind,)


PORTS_OF_NETWORK = Index("ports of a network", LogicalSwitchPort, _network)
PORT_BY_MAC = Index("port of a network by MAC", LogicalSwitchPort, _mac)
PORT_BY_ADDRESS = Index("port of a network by fixed address", LogicalSwitchPort, _addresses)
PORTS_ALLOWED_ADDRESS = Index(
    "ports of a network by allowed address pair", LogicalSwitchPort, _other_addresses
)
CHILDREN_OF = Index("container ports of a parent", LogicalSwitchPort, _parent)
CHILD_BY_TAG = Index("container port by parent and tag", LogicalSwitchPort, _parent_tag)
PORTS_OF_DEVICE = Index("ports of a device", LogicalSwitchPort, lambda row: _value(keys.DEVICE_ID, row))
PORTS_OF_PROJECT = Index("ports of a project", LogicalSwitchPort, lambda row: _value(keys.PORT_PROJECT, row))
PORTS_OF_HOST = Index("ports that ask for a host", LogicalSwitchPort, _host)
PORT_BY_ONCE = Index("port by project, agent and idempotency key", LogicalSwitchPort, _once)
SUBNETS_OF_NETWORK = Index("subnets of a network", DhcpOptions, _subnet_network)
DHCP_OPTIONS_OF_PORT = Index("DHCP options of a port's own", DhcpOptions, _port_options)
NETWORK_BY_SEGMENT = Index("network by type, physical network and segment", LogicalSwitch, _segment)
DOCUMENTS_OF_KIND = Index("document rows of a kind", Document, _document_kind)

INDEXES: tuple[
    Index[LogicalSwitchPort] | Index[DhcpOptions] | Index[LogicalSwitch] | Index[Document], ...
] = (
    PORTS_OF_NETWORK,
    PORT_BY_MAC,
    PORT_BY_ADDRESS,
    PORTS_ALLOWED_ADDRESS,
    CHILDREN_OF,
    CHILD_BY_TAG,
    PORTS_OF_DEVICE,
    PORTS_OF_PROJECT,
    PORTS_OF_HOST,
    PORT_BY_ONCE,
    SUBNETS_OF_NETWORK,
    DHCP_OPTIONS_OF_PORT,
    NETWORK_BY_SEGMENT,
    DOCUMENTS_OF_KIND,
)
