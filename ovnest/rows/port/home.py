"""The home of ports: a Logical_Switch_Port, its document row, and its own DHCP options."""

from collections.abc import Iterator

from ovnest.codec import Codec, derived
from ovnest.northbound.names import document_uuid
from ovnest.northbound.tables import (
    REQUESTED_CHASSIS,
    DhcpOptions,
    Document,
    LogicalSwitch,
    LogicalSwitchPort,
)
from ovnest.ovsdb import Row, RowUuid
from ovnest.resources.fields import ip_or_network
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.rows.document import is_document, is_empty, key_of, read_document, to_document
from ovnest.rows.home import NOTHING, Dependents, Facts, Home, Reference, Wanted
from ovnest.rows.network import MEMBERS, members
from ovnest.rows.port.check import duplicates, parents
from ovnest.rows.port.columns import PortContext, logical_switch_port
from ovnest.rows.port.keys import (
    DETAILS,
    KEYS,
    NAME,
    SWITCH,
    PortDetails,
    addresses_of,
    is_port,
    network_id_of,
)
from ovnest.rows.port.lookups import (
    CHILDREN_OF,
    LOOKUPS,
    NAMES_ALLOWED_ADDRESS,
    OWN_OPTIONS,
    PORT_BY_ADDRESS,
    PORTS_OF_NETWORK,
)
from ovnest.rows.port.reading import read_port
from ovnest.rows.subnet import KEYS as SUBNET_KEYS
from ovnest.rows.subnet import OURS, PORT, subnet_of

# On the row of a port's own options stand the keys of a subnet that say which, and the port's.
OWN_OPTION_KEYS = Codec(
    Subnet,
    {},
    others=(
        *(key for key in SUBNET_KEYS.keys if key.on),
        derived(PORT, "the port whose own options these are", on="a port's own options"),
    ),
)


def _read(row: LogicalSwitchPort, facts: Facts) -> Port:
    document = facts.view.find(Document, document_uuid(DETAILS.name, row.uuid))
    details: PortDetails | None = None if document is None else read_document(DETAILS, document)
    return read_port(row, details, lambda network_id, address: subnet_of(facts, network_id, address))


def _current(key: str, facts: Facts) -> Wanted:
    row = facts.view.find(LogicalSwitchPort, RowUuid(key))
    if row is None:
        return NOTHING
    document = facts.view.find(Document, document_uuid(DETAILS.name, key))
    own = facts.view.all(OWN_OPTIONS, key)
    rows = (row, *own) if document is None else (row, document, *own)
    return Wanted(rows=rows, references=members(facts, row.uuid))


def _desired(port: Port, facts: Facts) -> Wanted:
    rows = logical_switch_port(port, _context(port, facts))
    # The host's home is the row's option; where OVN must not have it there, the document row's.
    written = REQUESTED_CHASSIS in rows.port.options
    details = PortDetails(
        id=port.id,
        description=port.description,
        tags=port.tags,
        profile=port.profile,
        host_id="" if written else port.host_id,
        allowed_address_pairs=port.allowed_address_pairs,
        extra_dhcp_opts=port.extra_dhcp_opts,
    )
    documents = () if is_empty(details) else (to_document(DETAILS, port.id, details),)
    reference = Reference(LogicalSwitch, RowUuid(port.network_id), MEMBERS, rows.port.uuid)
    return Wanted(rows=(rows.port, *documents, *rows.dhcp_options), references=frozenset((reference,)))


def _context(port: Port, facts: Facts) -> PortContext:
    virtual_address = None
    parents: list[str] = []
    for fixed in port.fixed_ips:
        holders = facts.all(NAMES_ALLOWED_ADDRESS, (port.network_id, fixed.ip_address))
        parents = [name for name in holders if name != port.id]
        if parents:
            virtual_address = fixed.ip_address
            break
    return PortContext(
        network=facts.get(Network, port.network_id),
        subnets={fixed.subnet_id: facts.get(Subnet, fixed.subnet_id) for fixed in port.fixed_ips},
        virtual_address=virtual_address,
        virtual_parents=parents,
        domain=facts.settings.dns_domain,
        is_parent=bool(parents) and facts.any(CHILDREN_OF, port.id),
    )


def _claims(row: LogicalSwitchPort) -> str | None:
    ids = row.external_ids
    if NAME not in ids and not any(key.startswith(OURS) for key in ids):
        return None
    return f"a port is named after its own _uuid, has {NAME}, and says its network by {SWITCH}"


def _owner(row: Row, facts: Facts) -> str | None:
    if isinstance(row, LogicalSwitchPort):
        return row.uuid
    if isinstance(row, DhcpOptions):
        return row.external_ids.get(PORT)
    return key_of(DETAILS, row) if isinstance(row, Document) and is_document(DETAILS, row) else None


def _leftover(row: Row, facts: Facts) -> str | None:
    """Why a document or an options row hangs on nothing; a port that cannot be read is there."""
    port_id = None if isinstance(row, LogicalSwitchPort) else _owner(row, facts)
    if port_id is None or facts.view.find(LogicalSwitchPort, RowUuid(port_id)) is not None:
        return None
    return (
        f"options of port {port_id}, which is gone"
        if isinstance(row, DhcpOptions)
        else f"the port {port_id} is gone"
    )


def _addresses(row: LogicalSwitchPort) -> list[tuple[str, str]]:
    network_id = network_id_of(row)
    return [] if network_id is None else [(network_id, address) for address in addresses_of(row)]


# Dependents


def _of_network(facts: Facts, before: Network | None, after: Network | None) -> Iterator[Port]:
    if before is None or after is None or before.mtu == after.mtu:
        return
    for port in facts.all(PORTS_OF_NETWORK, after.id):
        if port.extra_dhcp_opts or port.device_owner.endswith(":distributed"):
            yield port


def _of_subnet(facts: Facts, before: Subnet | None, after: Subnet | None) -> Iterator[Port]:
    if before is None or after is None:
        return
    served_otherwise = before.enable_dhcp != after.enable_dhcp
    options_changed = _dhcp_facts(before) != _dhcp_facts(after)
    if not (served_otherwise or options_changed):
        return
    for port in facts.all(PORTS_OF_NETWORK, after.network_id):
        on_subnet = any(fixed.subnet_id == after.id for fixed in port.fixed_ips)
        if on_subnet and (served_otherwise or port.extra_dhcp_opts):
            yield port


def _of_port(facts: Facts, before: Port | None, after: Port | None) -> Iterator[Port]:
    """A port whose address is another's allowed address is virtual, unless it is a parent itself."""
    changed = after or before
    assert changed is not None  # noqa: S101  one of the two is there
    for address in sorted(_allowed(before) ^ _allowed(after)):
        for port in facts.all(PORT_BY_ADDRESS, (changed.network_id, address)):
            if port.id != changed.id:
                yield port
    left = before.parent_name if before else None
    joined = after.parent_name if after else None
    if left != joined:
        for parent_id in (left, joined):
            parent = None if parent_id is None else facts.find(Port, parent_id)
            if parent is not None and _is_contested(parent, facts):
                yield parent


def _is_contested(port: Port, facts: Facts) -> bool:
    """Whether another has one of its addresses as an allowed pair."""
    return any(
        facts.any(NAMES_ALLOWED_ADDRESS, (port.network_id, fixed.ip_address)) for fixed in port.fixed_ips
    )


_NONE: frozenset[str] = frozenset()


def _dhcp_facts(subnet: Subnet) -> tuple[object, ...]:
    return subnet.gateway_ip, subnet.dns_nameservers, subnet.host_routes


def _allowed(port: Port | None) -> frozenset[str]:
    if port is None or not port.allowed_address_pairs:
        return _NONE
    return frozenset(ip_or_network(pair.ip_address) for pair in port.allowed_address_pairs)


HOME = Home(
    facts=Port,
    row=LogicalSwitchPort,
    keys={LogicalSwitchPort: KEYS, Document: None, DhcpOptions: OWN_OPTION_KEYS},
    is_one=is_port,
    read=_read,
    current=_current,
    desired=_desired,
    claims=_claims,
    owner=_owner,
    leftover=_leftover,
    lookups=LOOKUPS,
    depends={
        Network: Dependents("its MTU stands in a port's own DHCP options, and on localports", _of_network),
        Subnet: Dependents(
            "a port refers to the subnet's DHCP options, and its own are made from them", _of_subnet
        ),
        Port: Dependents(
            "an address that another has as an allowed pair makes a port virtual, unless it is a parent",
            _of_port,
        ),
    },
    documents=(DETAILS,),
    addresses=_addresses,
    findings=(duplicates, parents),
)
