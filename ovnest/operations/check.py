"""Whether the database is as it should be: derived columns, references, and what must be there once only.

Hand edits, rows of other releases and broken clients leave what no operation of ours would. `find_all` says
where; `repair` puts right what follows from the facts, and touches no fact: which of two ports keeps an
address is for people to say.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from ovnest.errors.store import NotUnderstood
from ovnest.northbound import external_ids as keys
from ovnest.northbound.documents import (
    DOCUMENTS,
    AgentGrant,
    PortDetails,
    TagMemory,
    from_document,
    to_document,
)
from ovnest.northbound.indexes import (
    CHILD_BY_TAG,
    PORT_BY_ADDRESS,
    PORT_BY_MAC,
    addresses_of,
    network_id_of,
)
from ovnest.northbound.ledger import LAYOUTS
from ovnest.northbound.names import LEDGER_NAME, document_name, network_of_switch
from ovnest.northbound.networks import is_network
from ovnest.northbound.ports import is_port
from ovnest.northbound.subnets import is_subnet
from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Index, Row, RowUuid
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.transaction import Tx
from ovnest.transaction.audit import MEMBERS, Difference, audit

OURS = "ovnest:"

DIFFERS = "differs"
NOT_A_MEMBER = "not-a-member"
ORPHAN = "orphan"
NOT_UNDERSTOOD = "not-understood"
DUPLICATE_TAG = "duplicate-tag"
DUPLICATE_ADDRESS = "duplicate-address"
DUPLICATE_MAC = "duplicate-mac"
TAG_WITHOUT_REQUEST = "tag-without-request"
NO_PARENT = "no-parent"

REPAIRED: dict[str, str] = {
    DIFFERS: "a derived row, column or key is not what the facts say",
    NOT_A_MEMBER: "a port is not, or not only, in its own network's switch",
    ORPHAN: "a row belongs to a port that is not there",
}
LEFT: dict[str, str] = {
    NOT_UNDERSTOOD: "a row looks like ours and cannot be read, or belongs to what is not there",
    DUPLICATE_TAG: "two ports under one parent have the same tag: OVN serves one of them",
    DUPLICATE_ADDRESS: "two ports of a network have the same address",
    DUPLICATE_MAC: "two ports of a network have the same MAC address",
    TAG_WITHOUT_REQUEST: "a port not made by the API has a tag that northd may take away",
    NO_PARENT: "a container port's parent is not there, or OVN cannot bind a port under it",
}


class Finding(Struct, frozen=True, kw_only=True):
    """Something that is not as it should be. `kind` is one of REPAIRED or LEFT; `name` is the row's.

    `there` and `wanted` are what a column or key holds and should hold, where that can be said.
    """

    kind: str
    table: str
    row: str
    name: str = ""
    column: str = ""
    there: Any = None
    wanted: Any = None
    text: str = ""

    @property
    def repairable(self) -> bool:
        """Whether `repair` puts it right."""
        return self.kind in REPAIRED


def find_all(tx: Tx) -> list[Finding]:
    """Everything that is not as it should be, in the order of the tables."""
    findings = [
        *_resources(tx, Network, LogicalSwitch, is_network, _claims_to_be_network),
        *_resources(tx, Subnet, DhcpOptions, is_subnet, _claims_to_be_subnet),
        *_resources(tx, Port, LogicalSwitchPort, is_port, _claims_to_be_port),
        *_own_options(tx),
        *_duplicates(tx),
        *_parents(tx),
        *_documents(tx),
    ]
    return findings


def repair(tx: Tx, finding: Finding) -> bool:
    """Put right what one finding is about, as far as it is still so; whether anything was to be done.

    A resource is derived again whole, so one call settles all findings about it. Facts are not touched,
    and no revision is raised.
    """
    if not finding.repairable:
        return False
    row_type = _TYPES[finding.table]
    row = tx.view.find(row_type, RowUuid(finding.row))
    if finding.kind == ORPHAN:
        if row is None or not _is_orphan(tx, row):
            return False
        tx.staging.delete(row)
        return True
    facts = _facts_of(tx, finding, row)
    if facts is None or not any(True for _ in audit(tx, facts)):
        return False
    tx.derive_again(facts)
    return True


# Resources and their rows


def _resources(
    tx: Tx,
    kind: type,
    row_type: type[Any],
    is_one: Callable[[Any], bool],
    claims_to_be: Callable[[Any], str | None],
) -> Iterator[Finding]:
    for row in list(tx.view.rows(row_type)):
        if not is_one(row):
            claim = claims_to_be(row)
            if claim is not None:
                yield _finding(NOT_UNDERSTOOD, row, text=claim)
            continue
        facts = tx.find(kind, row.uuid)
        if facts is None:
            yield _finding(NOT_UNDERSTOOD, row, text=tx.not_understood[row.uuid])
            continue
        try:
            yield from map(_of_difference, audit(tx, facts))
        except NotUnderstood as error:
            yield _finding(NOT_UNDERSTOOD, row, text=f"it belongs to what is not there: {error.args[0]}")


def _of_difference(difference: Difference) -> Finding:
    row, column = difference.row, difference.column
    if column == MEMBERS:
        return _finding(
            NOT_A_MEMBER,
            row,
            column=column,
            there=difference.there,
            wanted=difference.wanted,
            text="the switches that have it in their ports",
        )
    if not column:
        missing = difference.there is None
        return _finding(DIFFERS, row, text="it is missing" if missing else "it should not be there")
    return _finding(DIFFERS, row, column=column, there=difference.there, wanted=difference.wanted)


def _claims_to_be_network(row: LogicalSwitch) -> str | None:
    if keys.NETWORK_NAME in row.external_ids or keys.PROJECT in row.external_ids:
        return f"a network's switch is named neutron-{row.uuid}, after its own _uuid"
    if (network_of_switch(row.name) or "") == row.uuid:
        return f"it lacks {keys.NETWORK_NAME}, which marks a network of the API"
    return None


def _claims_to_be_subnet(row: DhcpOptions) -> str | None:
    ids = row.external_ids
    if keys.PORT in ids or not any(key == keys.SUBNET or key.startswith(OURS) for key in ids):
        return None
    return f"a subnet has its own _uuid as {keys.SUBNET}, and {keys.SUBNET_NETWORK}"


def _claims_to_be_port(row: LogicalSwitchPort) -> str | None:
    ids = row.external_ids
    if keys.PORT_NAME not in ids and not any(key.startswith(OURS) for key in ids):
        return None
    return f"a port is named after its own _uuid, has {keys.PORT_NAME}, and says its network by {keys.SWITCH}"


def _facts_of(tx: Tx, finding: Finding, row: Row | None) -> Any:
    """The facts of the resource that a finding is about, by one of its rows."""
    if finding.table == LogicalSwitch.TABLE:
        return tx.find(Network, finding.row)
    if finding.table == LogicalSwitchPort.TABLE:
        return tx.find(Port, finding.row) or _network_of_localnet(tx, finding.row)
    if finding.table == DhcpOptions.TABLE:
        subnet = tx.find(Subnet, finding.row)
        return subnet or _port_named(tx, _ids(row).get(keys.PORT, "") if row else finding.name)
    return _port_named(tx, finding.name.removeprefix(document_name(PortDetails.KIND, "")))


def _port_named(tx: Tx, port_id: str) -> Port | None:
    return tx.find(Port, port_id) if port_id else None


def _network_of_localnet(tx: Tx, segment_id: str) -> Network | None:
    return next((n for n in tx.all(Network, LogicalSwitch) if n.segment_id == segment_id), None)


# Rows that belong to a port


def _own_options(tx: Tx) -> Iterator[Finding]:
    for row in tx.view.rows(DhcpOptions):
        if _is_orphan(tx, row):
            yield _finding(ORPHAN, row, text=f"options of port {row.external_ids[keys.PORT]}, which is gone")


def _documents(tx: Tx) -> Iterator[Finding]:
    kinds = {kind.KIND: kind for kind in DOCUMENTS}
    for row in tx.view.rows(Document):
        if row.name == LEDGER_NAME:
            layout = row.external_ids.get(keys.LAYOUT, "")
            if layout not in LAYOUTS:
                text = f"its layout is {layout!r}; this release knows {', '.join(sorted(LAYOUTS))}"
                yield _finding(NOT_UNDERSTOOD, row, text=text)
            continue
        if not row.name.startswith(OURS):
            continue
        kind = kinds.get(row.external_ids.get(keys.KIND, ""))
        if kind is None or not row.name.startswith(document_name(kind.KIND, "")):
            yield _finding(
                NOT_UNDERSTOOD, row, text=f"its {keys.KIND} is none that goes with the name {row.name}"
            )
            continue
        facts = tx.understood(lambda document, kind=kind: from_document(document, kind), row)  # type: ignore[misc]
        if facts is None:
            yield _finding(NOT_UNDERSTOOD, row, text=tx.not_understood[row.uuid])
        elif row.uuid != to_document(facts).uuid:
            yield _finding(NOT_UNDERSTOOD, row, text=f"its _uuid does not follow from its name {row.name}")
        elif _is_orphan(tx, row):
            yield _finding(ORPHAN, row, text=f"the port {facts.id} is gone")


def _is_orphan(tx: Tx, row: Row) -> bool:
    """Whether a row hangs on a port that is not there at all; one that cannot be read is there."""
    if isinstance(row, DhcpOptions):
        port_id = row.external_ids.get(keys.PORT)
    elif isinstance(row, Document) and _ids(row).get(keys.KIND) in (PortDetails.KIND, TagMemory.KIND):
        port_id = row.name.split(":", 2)[2]
    elif _ids(row).get(keys.KIND) == AgentGrant.KIND and "mode" not in _ids(row):  # of a parent port
        port_id = _name(row).split(":", 2)[2]
    else:
        return False
    return port_id is not None and tx.view.find(LogicalSwitchPort, RowUuid(port_id)) is None


# What must be there once


def _duplicates(tx: Tx) -> Iterator[Finding]:
    for row in tx.view.rows(LogicalSwitchPort):
        network_id = network_id_of(row)
        if network_id is not None:
            for address in addresses_of(row):
                yield from _shared(tx, PORT_BY_ADDRESS, (network_id, address), row, DUPLICATE_ADDRESS)
            mac = row.external_ids.get(keys.MAC)
            if mac is not None:
                yield from _shared(tx, PORT_BY_MAC, (network_id, mac), row, DUPLICATE_MAC)
        if row.parent_name is not None:
            for tag in {row.tag_request, row.tag} - {None, 0}:
                yield from _shared(tx, CHILD_BY_TAG, (row.parent_name, tag), row, DUPLICATE_TAG)


def _shared(tx: Tx, index: Index[Any], key: tuple[Any, ...], row: Row, kind: str) -> Iterator[Finding]:
    holders = sorted(holder.name for holder in tx.view.all(index, key))
    if len(holders) > 1 and holders[0] == _name(row):  # said once, of the first
        yield _finding(kind, row, there=holders, text=f"{' '.join(map(str, key))} is held by all of these")


def _parents(tx: Tx) -> Iterator[Finding]:
    by_name = {row.name: row for row in tx.view.rows(LogicalSwitchPort)}
    for row in tx.view.rows(LogicalSwitchPort):
        if row.tag and row.tag_request is None and row.parent_name is not None and not is_port(row):
            yield _finding(TAG_WITHOUT_REQUEST, row, there=row.tag)
        if row.parent_name is None:
            continue
        parent = by_name.get(row.parent_name)
        if parent is None:
            yield _finding(NO_PARENT, row, there=row.parent_name, text="there is no port of that name")
        elif parent.parent_name is not None:
            yield _finding(NO_PARENT, row, there=row.parent_name, text="it is itself a container port")
        elif parent.type not in ("", "virtual"):
            yield _finding(NO_PARENT, row, there=row.parent_name, text=f"it is a {parent.type} port")


# Saying it


def _finding(kind: str, row: Row, **facts: Any) -> Finding:
    given = {key: _plain(value) for key, value in facts.items()}
    return Finding(kind=kind, table=row.TABLE, row=row.uuid, name=_name(row), **given)


def _name(row: Row) -> str:
    if isinstance(row, DhcpOptions):
        return row.external_ids.get(keys.PORT, "")
    name: str = getattr(row, "name", "")
    return name


def _ids(row: Row) -> dict[str, str]:
    ids: dict[str, str] = getattr(row, "external_ids", {})
    return ids


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


_TYPES: dict[str, type[Any]] = {
    row_type.TABLE: row_type for row_type in (LogicalSwitch, LogicalSwitchPort, DhcpOptions, Document)
}
