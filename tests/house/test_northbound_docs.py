"""docs/northbound.md says what the code does."""

import re
from pathlib import Path

from ovnest.codec import Key
from ovnest.northbound.columns import Column, columns_of
from ovnest.northbound.ledger import LAYOUT
from ovnest.rows import HOMES
from ovnest.rows.docs import keys, places, wanted_places, with_tables
from ovnest.rows.finding import LEFT, REPAIRED

PAGE = (Path(__file__).parents[2] / "docs" / "northbound.md").read_text()


def test_the_tables_are_as_the_code_has_them() -> None:
    assert places(PAGE) == wanted_places()
    assert with_tables(PAGE) == PAGE, "python -m ovnest.rows.docs docs/northbound.md"


def test_every_column_that_is_read_or_written_is_described() -> None:
    for row_type in HOMES.row_types:
        fields = {name for name in row_type.__struct_fields__ if name != "uuid"}
        assert set(columns_of(row_type)) == {"_uuid", *row_type.CONTAINS, *row_type.JOINS, *fields}


def test_every_key_that_a_write_owns_is_described() -> None:
    described = {column: {key.name for key in found} for column, found in keys().items()}
    for home in HOMES:
        for row_type, owned in HOMES.owned(home.facts).items():
            for column, names in owned:
                assert (names or frozenset()) <= described.get(f"{row_type.TABLE}.{column}", set())


def test_what_is_derived_is_not_for_hands() -> None:
    columns = [column for row_type in HOMES.row_types for column in columns_of(row_type).values()]
    entries: list[Column | Key] = [*columns, *(key for found in keys().values() for key in found)]
    assert not [entry for entry in entries if entry.derived and entry.editable]


def test_the_layout_number_is_the_one_that_is_written() -> None:
    assert re.findall(r"today it is `(\d+)`", PAGE) == [str(LAYOUT)]


def test_every_kind_of_finding_is_described() -> None:
    section = PAGE.partition("## ovnest check")[2].partition("\n## ")[0]
    described = set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE))
    assert described == REPAIRED.keys() | LEFT.keys()
