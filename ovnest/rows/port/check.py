"""What can be wrong with ports beside their columns: what must be there once, and parents."""

from collections.abc import Hashable, Iterator
from typing import Any

from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.rows.finding import (
    DUPLICATE_ADDRESS,
    DUPLICATE_MAC,
    DUPLICATE_TAG,
    NO_PARENT,
    TAG_WITHOUT_REQUEST,
    Finding,
    finding,
)
from ovnest.rows.home import Facts, Lookup
from ovnest.rows.port import keys
from ovnest.rows.port.keys import addresses_of, is_port, network_id_of
from ovnest.rows.port.lookups import CHILD_BY_TAG, PORT_BY_ADDRESS, PORT_BY_MAC


def duplicates(facts: Facts) -> Iterator[Finding]:
    """Addresses, MACs and tags that two have."""
    for row in facts.view.rows(LogicalSwitchPort):
        network_id = network_id_of(row)
        if network_id is not None:
            for address in addresses_of(row):
                yield from _shared(facts, PORT_BY_ADDRESS, (network_id, address), row, DUPLICATE_ADDRESS)
            mac = row.external_ids.get(keys.MAC)
            if mac is not None:
                yield from _shared(facts, PORT_BY_MAC, (network_id, mac), row, DUPLICATE_MAC)
        if row.parent_name is not None:
            for tag in {row.tag_request, row.tag} - {None, 0}:
                yield from _shared(facts, CHILD_BY_TAG, (row.parent_name, tag), row, DUPLICATE_TAG)


def parents(facts: Facts) -> Iterator[Finding]:
    """Container ports under nothing, or under what OVN binds none under."""
    by_name = {row.name: row for row in facts.view.rows(LogicalSwitchPort)}
    for row in facts.view.rows(LogicalSwitchPort):
        if row.tag and row.tag_request is None and row.parent_name is not None and not is_port(row):
            yield finding(TAG_WITHOUT_REQUEST, row, there=row.tag)
        if row.parent_name is None:
            continue
        parent = by_name.get(row.parent_name)
        if parent is None:
            yield finding(NO_PARENT, row, there=row.parent_name, text="there is no port of that name")
        elif parent.parent_name is not None:
            yield finding(NO_PARENT, row, there=row.parent_name, text="it is itself a container port")
        elif parent.type not in ("", "virtual"):
            yield finding(NO_PARENT, row, there=row.parent_name, text=f"it is a {parent.type} port")


def _shared(
    facts: Facts, lookup: Lookup[Any], key: tuple[Hashable, ...], row: LogicalSwitchPort, kind: str
) -> Iterator[Finding]:
    holders = sorted(holder.name for holder in facts.view.all(lookup.index, key))
    if len(holders) > 1 and holders[0] == row.name:  # said once, of the first
        yield finding(kind, row, there=holders, text=f"{' '.join(map(str, key))} is held by all of these")
