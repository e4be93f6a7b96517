"""The tables of docs/northbound.md are written between their marks, and the prose around them stays."""

import pytest

from ovnest.codec import Key, text
from ovnest.northbound.columns import Column
from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.rows import HOMES
from ovnest.rows.docs import editable, keys, places, wanted_places, with_tables


def marked(kind: str, of: str, between: str = "") -> str:
    return f"Before.\n<!-- {kind} {of} -->\n{between}<!-- end -->\nAfter.\n"


@pytest.mark.parametrize(("kind", "of"), sorted(wanted_places()))
def test_a_table_is_put_between_its_marks_and_putting_it_again_changes_nothing(kind: str, of: str) -> None:
    page = with_tables(marked(kind, of, "old words\n"))
    assert page.startswith(f"Before.\n<!-- {kind} {of} -->\n")
    assert page.endswith("<!-- end -->\nAfter.\n")
    assert "old words" not in page
    assert "| --- |" in page
    assert with_tables(page) == page
    assert places(page) == {(kind, of)}


def test_a_page_without_marks_stays_as_it_is() -> None:
    page = "# Prose\n\n| a | b |\n| --- | --- |\n"
    assert with_tables(page) == page
    assert places(page) == set()


def test_the_table_of_a_columns_keys_has_each_key_once_with_its_meaning() -> None:
    column = "Logical_Switch_Port.external_ids"
    lines = [line for line in with_tables(marked("keys", column)).splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in lines] == [key.name for key in keys()[column]]
    for key, line in zip(keys()[column], lines, strict=True):
        assert key.meaning in line


def test_the_table_of_dependents_says_who_is_derived_again_and_why() -> None:
    table = with_tables(marked("dependents", "all"))
    for home in HOMES:
        for cause, dependents in (home.depends or {}).items():
            assert f"| {cause.__name__} | {home.facts.__name__} | {dependents.why} |" in table


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Column("a column"), "no"),
        (Column("a column", editable=True), "yes"),
        (Column("a column", derived=True), "derived"),
        (text("k", "a key", editable=True), "yes"),
        (text("k", "a key"), "no"),
    ],
)
def test_what_a_hand_may_change_is_said(entry: Column | Key, said: str) -> None:
    assert editable(entry) == said


def test_the_keys_of_a_port_and_of_a_localnet_port_stand_in_one_table() -> None:
    names = {key.name for key in keys()[f"{LogicalSwitchPort.TABLE}.options"]}
    assert {"requested-chassis", "network_name"} <= names
