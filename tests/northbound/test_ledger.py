"""The layout that rows are written in is what the ledger's row says."""

import pytest

from ovnest.errors.store import UnknownLayout
from ovnest.northbound.ledger import KEYS, LAYOUT, LAYOUT_KEY, LAYOUTS, LEDGER, layout_of
from ovnest.northbound.names import LEDGER_NAME, LEDGER_UUID
from ovnest.northbound.tables import Document
from tests.in_memory import InMemory


def said(layout: str | None) -> int:
    """The layout of a database whose ledger says that."""
    db = InMemory()
    ids = {} if layout is None else {LAYOUT_KEY: layout}
    db.transaction.insert(Document(uuid=LEDGER_UUID, name=LEDGER_NAME, external_ids=ids))
    return layout_of(db.transaction)


def test_a_server_knows_its_own_layout_and_the_one_before() -> None:
    assert [said(str(layout)) for layout in LAYOUTS] == list(LAYOUTS) == [LAYOUT - 1, LAYOUT]


def test_a_new_database_has_the_newest_layout() -> None:
    assert layout_of(InMemory().transaction) == said(None) == LAYOUT
    assert LEDGER.first == {LAYOUT_KEY: str(LAYOUT)}


@pytest.mark.parametrize("layout", [str(LAYOUT + 1), "0", "", "x" * 1000, "01", " 1"])
def test_a_layout_that_a_server_does_not_know_is_refused_with_those_that_it_knows(layout: str) -> None:
    with pytest.raises(UnknownLayout, match=", ".join(map(str, LAYOUTS))) as refusal:
        said(layout)
    assert len(str(refusal.value)) < 400, "what a hand wrote is not repeated at length"


def test_every_key_that_is_written_to_the_ledger_is_described() -> None:
    described = {key.name for key in KEYS}
    assert set(LEDGER.first) <= described
    assert all(name.startswith(LEDGER.prefix) for name in described)
    assert LEDGER.table == Document.TABLE
