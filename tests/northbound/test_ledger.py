"""Which layouts a release serves: that of the release before and its own, and no other."""

from collections.abc import Iterable

import pytest

from ovnest.errors.store import UnknownLayout
from ovnest.northbound.ledger import KEYS, LAYOUT, LAYOUT_KEY, LAYOUTS, LEDGER, layout_of
from ovnest.northbound.names import LEDGER_NAME, LEDGER_UUID
from ovnest.northbound.tables import Document
from ovnest.ovsdb import Replica, Transaction
from ovnest.ovsdb.staging import Stage


def database(rows: Iterable[Document]) -> Transaction:
    """A view of a database that has these rows."""
    stage = Stage(Replica([Document]))
    stage.begin()
    for row in rows:
        stage.put(Document, row.uuid, row)
    return Transaction(stage)


def ledger(**keys: str) -> Document:
    return Document(uuid=LEDGER_UUID, name=LEDGER_NAME, external_ids={"ovnest:seq": "1", **keys})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_its_own_layout_and_the_one_before_are_known(layout: int) -> None:
    assert layout_of(database([ledger(**{LAYOUT_KEY: str(layout)})])) == layout


def test_where_nothing_says_the_layout_it_is_our_own() -> None:
    assert layout_of(database([])) == LAYOUT
    assert layout_of(database([ledger()])) == LAYOUT


@pytest.mark.parametrize("written", [str(LAYOUT + 1), str(LAYOUTS[0] - 1), "", "two", f"0{LAYOUT}"])
def test_another_layout_is_refused_with_the_number_and_those_that_are_known(written: str) -> None:
    with pytest.raises(UnknownLayout) as refused:
        layout_of(database([ledger(**{LAYOUT_KEY: written})]))
    assert f"has layout {written}, and this release knows {LAYOUTS[0]}, {LAYOUTS[1]}" in str(refused.value)
    assert "Serve it with the release that wrote it" in str(refused.value)
    assert refused.value.status == 503


def test_every_key_that_is_written_to_the_ledger_is_described() -> None:
    described = {key.name for key in KEYS}
    assert set(LEDGER.first) <= described
    assert all(name.startswith(LEDGER.prefix) for name in described)
    assert LEDGER.table == Document.TABLE
