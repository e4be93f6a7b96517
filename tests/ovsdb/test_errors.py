"""RFC 7047's error strings become classes, and an error says what it is about."""

import pytest

from ovnest.ovsdb import OperationError, RowGone, SchemaMismatch
from ovnest.ovsdb.errors import from_wire

KINDS = sorted(OperationError.__subclasses__(), key=lambda kind: kind.error)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_object_and_a_bare_string_are_of_the_same_class(kind: type[OperationError]) -> None:
    told = from_wire({"error": kind.error, "details": "why"}, 3)
    assert type(told) is type(from_wire(kind.error)) is kind
    assert (told.code, told.details, told.index) == (kind.error, "why", 3)
    assert str(told) == f"{kind.error}: why"
    assert str(from_wire(kind.error)) == kind.error


def test_no_two_classes_are_of_one_string() -> None:
    assert len({kind.error for kind in KINDS}) == len(KINDS)
    assert all(kind.error for kind in KINDS)


@pytest.mark.parametrize("wire", ["no such error", {"error": "no such error"}, {}, None, 5, {"error": None}])
def test_an_error_that_nobody_knows_is_an_error_all_the_same(wire: object) -> None:
    assert type(from_wire(wire)) is OperationError


def test_an_error_names_its_row_or_its_column() -> None:
    assert str(RowGone("Port", "u")) == "Table Port has no row u."
    assert (
        str(SchemaMismatch("DB", "Port", "tag", "is odd")) == "Database DB: column tag of table Port is odd."
    )
    assert str(SchemaMismatch("DB", "Port", None, "is odd")) == "Database DB: table Port is odd."
