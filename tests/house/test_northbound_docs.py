"""docs/northbound.md says what the code does."""

import re
from pathlib import Path

from msgspec.structs import fields

from ovnest.derive.columns import OWNED_COLUMNS, OWNED_KEYS
from ovnest.northbound.columns import COLUMNS, Column
from ovnest.northbound.docs import places, wanted_places, with_tables
from ovnest.northbound.external_ids import KEYS, Key
from ovnest.northbound.ledger import LAYOUT
from ovnest.northbound.tables import TABLES
from ovnest.operations.check import LEFT, REPAIRED

PAGE = (Path(__file__).parents[2] / "docs" / "northbound.md").read_text()


def test_the_tables_are_as_the_code_has_them() -> None:
    assert places(PAGE) == wanted_places()
    assert with_tables(PAGE) == PAGE, "python -m ovnest.northbound.docs docs/northbound.md"


def test_every_column_that_is_read_or_written_is_described() -> None:
    known = {(column.table, column.name) for column in COLUMNS}
    for row_type in TABLES:
        names = {"_uuid", *row_type.REFERENCES}
        names |= {field.name for field in fields(row_type) if field.name != "uuid"}
        assert {name for table, name in known if table == row_type.TABLE} == names
    assert {table for table, _ in known} == {row_type.TABLE for row_type in TABLES}


def test_every_key_that_a_write_owns_is_described() -> None:
    described = {(key.table, key.name) for key in KEYS}
    for (row_type, column), owned in OWNED_KEYS.items():
        for name in owned or ():
            assert (f"{row_type.TABLE}.{column}", name) in described
    for row_type, columns in OWNED_COLUMNS.items():
        known = {column.name for column in COLUMNS if column.table == row_type.TABLE}
        assert set(columns) <= known


def test_what_is_derived_is_not_for_hands() -> None:
    entries: list[Column | Key] = [*COLUMNS, *KEYS]
    assert not [entry for entry in entries if entry.derived and entry.editable]


def test_the_layout_number_is_the_one_that_is_written() -> None:
    assert re.search(r"today it is `(\d+)`", PAGE).group(1) == LAYOUT  # type: ignore[union-attr]


def test_every_kind_of_finding_is_described() -> None:
    section = PAGE.partition("## ovnest check")[2].partition("\n## ")[0]
    described = set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))
    assert described == REPAIRED.keys() | LEFT.keys()
