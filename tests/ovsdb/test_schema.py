"""Whether our row types fit the schema that a server reports, and what is said where they do not."""

from typing import Any, ClassVar

import pytest

from ovnest.ovsdb import Row, RowUuid, SchemaMismatch
from ovnest.ovsdb.rows import Shape
from ovnest.ovsdb.schema import convert_schema, fit, monitored_columns, require_column


class Port(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Port"
    OPTIONAL: ClassVar[frozenset[str]] = frozenset({"tag"})
    CONTAINS: ClassVar[dict[str, str]] = {"queues": "Queue"}

    name: str = ""
    up: bool | None = None
    tag: int | None = None
    options: dict[str, str] = {}  # noqa: RUF012 - a Struct makes a new one


class Glance(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Port"

    name: str = ""
    addresses: tuple[str, ...] = ()


def optional(atom: str) -> dict[str, Any]:
    return {"key": {"type": atom}, "min": 0, "max": 1}


def columns(**changes: Any) -> dict[str, Any]:
    """The columns of Port as a server has them; None takes one away."""
    types: dict[str, Any] = {
        "name": "string",
        "up": optional("boolean"),
        "tag": optional("integer"),
        "options": {"key": "string", "value": "string", "min": 0, "max": "unlimited"},
        "queues": {"key": {"type": "uuid", "refTable": "Queue"}, "min": 0, "max": "unlimited"},
        "addresses": {"key": "string", "min": 0, "max": "unlimited"},
    }
    return {name: {"type": kind} for name, kind in (types | changes).items() if kind is not None}


def schema(**changes: Any) -> Any:
    return convert_schema(
        {"name": "DB", "version": "1.2.3", "tables": {"Port": {"columns": columns(**changes)}}}
    )


def test_a_row_type_that_fits_uses_what_there_is() -> None:
    shape = Shape(Port)
    fit(shape, schema())
    assert set(shape.columns) == {"name", "up", "tag", "options"}
    assert {name for name, column in shape.columns.items() if not column.single} == {"options"}


def test_a_column_that_an_older_server_lacks_keeps_its_default() -> None:
    shape = Shape(Port)
    fit(shape, schema(tag=None))
    assert "tag" not in shape.columns
    assert shape.encode(Port(uuid=RowUuid("u"), tag=5)) == {}


def test_a_set_of_at_most_one_comes_whole_in_a_modify() -> None:
    shape = Shape(Glance)
    fit(shape, schema(addresses=optional("string")))
    row = Glance(uuid=RowUuid("u"), addresses=("a",))
    assert shape.modify(row, {"addresses": "b"}).addresses == ("b",)
    fit(shape, schema())
    assert shape.modify(row, {"addresses": "b"}).addresses == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "column", "problem"),
    [
        ({"name": None}, "name", "is not in schema version 1.2.3"),
        ({"name": "integer"}, "name", "holds 1 to 1 integer, where exactly one string is needed"),
        ({"name": optional("string")}, "name", "holds 0 to 1 string"),
        ({"up": {"key": "boolean", "min": 0, "max": 2}}, "up", "where zero or one boolean is needed"),
        ({"tag": optional("string")}, "tag", "where zero or one integer is needed"),
        ({"options": {"key": "string", "min": 0, "max": "unlimited"}}, "options", "where a map string"),
        ({"options": {"key": "integer", "value": "string"}}, "options", "integer:string"),
        ({"queues": None}, "queues", "is not in schema version 1.2.3"),
        ({"queues": optional("uuid")}, "queues", "is not a set of references"),
        ({"queues": {"key": "string", "min": 0, "max": "unlimited"}}, "queues", "is not a set of references"),
    ],
)
def test_what_does_not_fit_is_named_with_what_is_needed(
    changes: dict[str, Any], column: str, problem: str
) -> None:
    with pytest.raises(SchemaMismatch, match=problem) as refusal:
        fit(Shape(Port), schema(**changes))
    assert (refusal.value.database, refusal.value.table, refusal.value.column) == ("DB", "Port", column)


def test_a_table_that_is_not_there_is_named() -> None:
    empty = convert_schema({"name": "DB", "version": "1.2.3", "tables": {}})
    with pytest.raises(SchemaMismatch, match="table Port is not in the server's schema"):
        fit(Shape(Port), empty)
    with pytest.raises(SchemaMismatch, match="table Port is not"):
        require_column(empty, "Port", "name")
    with pytest.raises(SchemaMismatch, match="column colour of table Port is not"):
        require_column(schema(), "Port", "colour")
    require_column(schema(), "Port", "name")


def test_two_types_of_one_table_are_monitored_together() -> None:
    shapes: list[Shape[Any]] = [Shape(Port), Shape(Glance)]
    assert monitored_columns(shapes) == {"Port": ["name", "up", "tag", "options", "queues", "addresses"]}
