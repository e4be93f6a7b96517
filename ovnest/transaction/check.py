"""Whether the database is as it should be: derived columns, references, and what must be there once only.

Manual edits, rows of other releases and broken clients leave what no operation of ours would. `find_all` says
where; `repair` puts right what follows from the facts, and touches no fact: which of two ports keeps an
address is for people to say. What kinds there are, and what can be wrong with each, their homes say.
"""

from collections.abc import Iterator
from typing import Any

from ovnest.errors.store import NotUnderstood, UnknownLayout
from ovnest.northbound.ledger import LAYOUT_KEY, LAYOUTS, layout_of
from ovnest.northbound.names import LEDGER_NAME, document_name, document_uuid
from ovnest.northbound.tables import DhcpOptions, Document
from ovnest.ovsdb import Row, RowUuid
from ovnest.rows.document import KIND, OURS, key_of
from ovnest.rows.finding import DIFFERS, NOT_A_MEMBER, NOT_UNDERSTOOD, ORPHAN, Finding, finding
from ovnest.rows.home import Home
from ovnest.rows.subnet import PORT
from ovnest.transaction.audit import Difference, audit
from ovnest.transaction.tx import Tx


def find_all(tx: Tx) -> list[Finding]:
    """Everything that is not as it should be, in the order of the homes."""
    findings: list[Finding] = []
    for home in tx.homes:
        findings += _resources(tx, home)
        for more in home.findings:
            findings += more(tx)
    return [*findings, *_leftovers(tx), *_documents(tx)]


def repair(tx: Tx, found: Finding) -> bool:
    """Put right what one finding is about, as far as it is still so; whether anything was to be done.

    A resource is derived again whole, so one call settles all findings about it. Facts are not touched,
    and no revision is raised.
    """
    if not found.repairable:
        return False
    row_type = tx.homes.by_table[found.table]
    row = tx.view.find(row_type, RowUuid(found.row))
    if found.kind == ORPHAN:
        if row is None or _hangs_on_nothing(tx, row) is None:
            return False
        tx.staging.delete(row)
        return True
    for facts in _owners(tx, found, row):
        if any(True for _ in audit(tx, facts)):
            tx.derive_again(facts)
            return True
    return False


def _resources(tx: Tx, home: Home[Any]) -> Iterator[Finding]:
    for row in list(tx.view.rows(home.row)):
        if not home.is_one(row):
            claim = home.claims(row)
            if claim is not None:
                yield _finding(NOT_UNDERSTOOD, row, text=claim)
            continue
        facts = tx.read(home, row)
        if facts is None:
            yield _finding(NOT_UNDERSTOOD, row, text=tx.not_understood[row.uuid])
            continue
        try:
            yield from map(_of_difference, audit(tx, facts))
        except NotUnderstood as error:
            yield _finding(NOT_UNDERSTOOD, row, text=f"it belongs to what is not there: {error.args[0]}")


def _of_difference(difference: Difference) -> Finding:
    row, column = difference.row, difference.column
    if difference.is_membership:
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


def _owners(tx: Tx, found: Finding, row: Row | None) -> Iterator[Any]:
    """The facts of the resource that a finding is about: by its row, by its name where the row is missing."""
    for home in tx.homes:
        key = home.owner(row, tx) if row is not None else None
        facts = tx.find(home.facts, key) if key is not None else None
        if facts is not None:
            yield facts
    if row is None:  # it is missing, so whose it is does not stand in it
        for home in tx.homes:
            for facts in tx.all(home.facts):
                if any(each.uuid == found.row for each in home.desired(facts, tx).rows):
                    yield facts


def _leftovers(tx: Tx) -> Iterator[Finding]:
    """Rows of a resource that is gone."""
    for row_type in tx.homes.row_types:
        for row in list(tx.view.rows(row_type)):
            why = _hangs_on_nothing(tx, row)
            if why is not None:
                yield _finding(ORPHAN, row, text=why)


def _hangs_on_nothing(tx: Tx, row: Row) -> str | None:
    return next((why for home in tx.homes if (why := home.leftover(row, tx)) is not None), None)


def _documents(tx: Tx) -> Iterator[Finding]:
    """Document rows that are none of a kind that there is, or have another `_uuid` than their name gives."""
    former = (kind for _, kind in tx.homes.former_documents)
    kinds = {kind.name: kind for kind in (*tx.homes.documents, *former)}
    for row in tx.view.rows(Document):
        if row.name == LEDGER_NAME:
            yield from _ledger(tx, row)
            continue
        if not row.name.startswith(OURS):
            continue
        kind = kinds.get(row.external_ids.get(KIND, ""))
        if kind is None or not row.name.startswith(document_name(kind.name, "")):
            text = f"its {KIND} is none that goes with the name {row.name}"
            yield _finding(NOT_UNDERSTOOD, row, text=text)
        elif row.uuid != document_uuid(kind.name, key_of(kind, row)):
            yield _finding(NOT_UNDERSTOOD, row, text=f"its _uuid does not follow from its name {row.name}")


def _ledger(tx: Tx, row: Document) -> Iterator[Finding]:
    try:
        layout_of(tx.view)
    except UnknownLayout:
        layout, known = row.external_ids.get(LAYOUT_KEY, ""), ", ".join(map(str, LAYOUTS))
        text = f"its layout is {layout!r}; this release knows {known}"
        yield _finding(NOT_UNDERSTOOD, row, text=text)


def _finding(kind: str, row: Row, **facts: Any) -> Finding:
    # A DHCP_Options row has no name of its own; that of a port's own options is the port's.
    name = row.external_ids.get(PORT, "") if isinstance(row, DhcpOptions) else None
    return finding(kind, row, name=name, **facts)
