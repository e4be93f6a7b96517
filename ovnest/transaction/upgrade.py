"""What brings a Northbound to the layout of this release: the number in the ledger, then the rows themselves.

The number goes first. All writes stand in one order, so from that batch on every server writes by the new
layout, and no row of the former one comes after those that are found then.

Source: docs/northbound.md, "The layout".
"""

from collections.abc import Sequence
from typing import NamedTuple

from ovnest.northbound.columns import EXTERNAL_IDS
from ovnest.northbound.ledger import LAYOUT, LAYOUT_KEY
from ovnest.northbound.names import LEDGER_UUID, document_uuid
from ovnest.northbound.tables import Document
from ovnest.rows.document import is_document, key_of
from ovnest.transaction.tx import Tx


class Former(NamedTuple):
    """A document row that has the name of the layout before, `ovnest:<name>:<key>`, and its facts' kind."""

    kind: type
    name: str
    key: str


def find_former(tx: Tx) -> list[Former]:
    """Every row that is to be written anew."""
    return [
        Former(kind, former.name, key_of(former, row))
        for kind, former in tx.homes.former_documents
        for row in tx.view.rows(Document)
        if is_document(former, row)
    ]


def raise_layout(tx: Tx) -> int:
    """Let rows have the layout of this release from now on; the layout that they had.

    Raises:
        UnknownLayout: they have one that this release does not know.
    """
    before = tx.layout
    ledger = tx.view.find(Document, LEDGER_UUID)
    if before != LAYOUT and ledger is not None:
        tx.staging.change_map(ledger, EXTERNAL_IDS, {LAYOUT_KEY: str(LAYOUT)})
    return before


def rewrite(tx: Tx, found: Sequence[Former]) -> int:
    """Write these rows anew, as far as they are still there and can be read; how many were."""
    rewritten = 0
    for each in found:
        facts = tx.find(each.kind, each.key)
        if facts is None or tx.view.find(Document, document_uuid(each.name, each.key)) is None:
            continue
        tx.derive_again(facts)
        rewritten += 1
    return rewritten
