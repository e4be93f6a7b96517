"""What each column means is said where it is declared, and writing goes by it."""

from typing import Annotated, ClassVar

import pytest

from ovnest.northbound.columns import Column, columns_of, written_columns
from ovnest.northbound.tables import Document, LogicalSwitchPort
from ovnest.ovsdb import Row


class Said(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Said"
    BESIDE: ClassVar[dict[str, Column]] = {"_uuid": Column("its id"), "members": Column("its members")}

    name: Annotated[str, Column("its name", derived=True)] = ""
    up: Annotated[bool | None, "another note", Column("what OVN says", observed=True)] = None


class Unsaid(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Unsaid"

    name: Annotated[str, Column("its name")] = ""
    tag: int | None = None


def test_columns_are_told_with_those_that_are_no_fields_first() -> None:
    assert {name: column.meaning for name, column in columns_of(Said).items()} == {
        "_uuid": "its id",
        "members": "its members",
        "name": "its name",
        "up": "what OVN says",
    }


def test_a_write_sets_all_columns_but_those_that_ovn_fills_in() -> None:
    assert written_columns(Said) == ("name",)
    assert "up" not in written_columns(LogicalSwitchPort)
    assert set(written_columns(LogicalSwitchPort)) | {"up", "uuid"} == set(
        LogicalSwitchPort.__struct_fields__
    )
    assert written_columns(Document) == ("name", "external_ids")


def test_a_column_that_does_not_say_what_it_means_is_a_mistake() -> None:
    with pytest.raises(TypeError, match=r"Unsaid\.tag does not say what it means"):
        columns_of(Unsaid)
