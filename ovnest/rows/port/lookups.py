"""The ways to find ports. Addresses are canonical text.

Parents and tags are those of any row, the API's or not: OVN obeys them all. `names` and `PortOwner` say of
such rows what can be said without reading a whole port.
"""

from collections.abc import Iterable

from msgspec import Struct

from ovnest.northbound.tables import REQUESTED_CHASSIS, DhcpOptions, LogicalSwitchPort
from ovnest.ovsdb import Index
from ovnest.resources.port import Port
from ovnest.rows.home import Glance, Lookup
from ovnest.rows.port import keys
from ovnest.rows.port.keys import addresses_of, is_port, network_id_of
from ovnest.rows.subnet import PORT as PORT_OF_OPTIONS

BY_AGENT = "agent"  # the third word of an idempotency key that an agent has sent


class PortOwner(Struct, frozen=True, kw_only=True, gc=False):
    """Whose a port is: what rights and filters of events look at, read from its row alone."""

    id: str
    network_id: str
    project_id: str
    device_id: str
    device_owner: str
    parent_name: str | None
    host: str


def port_owner(row: LogicalSwitchPort) -> PortOwner | None:
    """Whose the port is that a row stands for; None for rows that are no ports of the API."""
    network_id = network_id_of(row)
    if network_id is None or not is_port(row):
        return None
    ids = row.external_ids
    return PortOwner(
        id=row.uuid,
        network_id=network_id,
        project_id=ids.get(keys.PROJECT, ""),
        device_id=ids.get(keys.DEVICE_ID, ""),
        device_owner=ids.get(keys.DEVICE_OWNER, ""),
        parent_name=row.parent_name,
        host=row.options.get(REQUESTED_CHASSIS, ""),
    )


def _name(row: LogicalSwitchPort) -> str:
    return row.name


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
    return (value,) if value and keys.NAME in row.external_ids else ()


def _host(row: LogicalSwitchPort) -> Iterable[str]:
    host = row.options.get(REQUESTED_CHASSIS)
    return (host,) if host and keys.NAME in row.external_ids else ()


def _idempotency_key(row: LogicalSwitchPort) -> Iterable[tuple[str, str, str]]:
    written = row.external_ids.get(keys.IDEMPOTENCY_KEY, "").split(" ")
    if len(written) < 2 or keys.NAME not in row.external_ids:
        return ()
    # Agents' keys are each agent's own: none can be taken by another, or by the project's other clients.
    agent = ""
    if written[2:] == [BY_AGENT]:
        agent = row.parent_name or row.options.get(REQUESTED_CHASSIS, "")
    return ((row.external_ids.get(keys.PROJECT, ""), agent, written[0]),)


def _port_options(row: DhcpOptions) -> Iterable[str]:
    port_id = row.external_ids.get(PORT_OF_OPTIONS)
    return () if port_id is None else (port_id,)


_CHILDREN = Index("container ports of a parent", LogicalSwitchPort, _parent)
_ON_NETWORK = Index("ports of a network", LogicalSwitchPort, _network)
_ON_HOST = Index("ports that ask for a host", LogicalSwitchPort, _host)
_WITH_TAG = Index("container port by parent and tag", LogicalSwitchPort, _parent_tag)
_ALLOWED = Index("ports of a network by allowed address pair", LogicalSwitchPort, _other_addresses)
OWN_OPTIONS = Index("DHCP options of a port's own", DhcpOptions, _port_options)

PORTS_OF_NETWORK = Lookup(_ON_NETWORK, Port)
NAMES_ON_NETWORK = Lookup(_ON_NETWORK, str, read=_name)
_BY_MAC = Index("port of a network by MAC", LogicalSwitchPort, _mac)
PORT_BY_MAC = Lookup(_BY_MAC, Port)
NAMES_BY_MAC = Lookup(_BY_MAC, str, read=_name)
PORT_BY_ADDRESS = Lookup(Index("port of a network by fixed address", LogicalSwitchPort, _addresses), Port)
NAMES_ALLOWED_ADDRESS = Lookup(_ALLOWED, str, read=_name)
CHILDREN_OF = Lookup(_CHILDREN, Port)
NAMES_OF_CHILDREN = Lookup(_CHILDREN, str, read=_name)
OWNERS_OF_CHILDREN = Lookup(_CHILDREN, PortOwner)
CHILD_BY_TAG = Lookup(_WITH_TAG, Port)
NAMES_BY_TAG = Lookup(_WITH_TAG, str, read=_name)
PORTS_OF_DEVICE = Lookup(
    Index("ports of a device", LogicalSwitchPort, lambda row: _value(keys.DEVICE_ID, row)), Port
)
PORTS_OF_PROJECT = Lookup(
    Index("ports of a project", LogicalSwitchPort, lambda row: _value(keys.PROJECT, row)), Port
)
PORTS_OF_HOST = Lookup(_ON_HOST, Port)
OWNERS_ON_HOST = Lookup(_ON_HOST, PortOwner)
PORT_BY_IDEMPOTENCY_KEY = Lookup(
    Index("port by project, agent and idempotency key", LogicalSwitchPort, _idempotency_key), Port
)

OWNER = Glance(facts=PortOwner, row=LogicalSwitchPort, read=port_owner)
LOOKUPS = (
    PORTS_OF_NETWORK,
    PORT_BY_MAC,
    PORT_BY_ADDRESS,
    NAMES_ALLOWED_ADDRESS,
    CHILDREN_OF,
    CHILD_BY_TAG,
    PORTS_OF_DEVICE,
    PORTS_OF_PROJECT,
    PORTS_OF_HOST,
    PORT_BY_IDEMPOTENCY_KEY,
    Lookup(OWN_OPTIONS, DhcpOptions, read=lambda row: row),
)
