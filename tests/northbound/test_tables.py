"""Our Structs for the Northbound fit OVN's own schema."""

import pytest

from ovnest.northbound.columns import columns_of
from ovnest.ovsdb import Row
from ovnest.ovsdb.rows import Shape
from ovnest.ovsdb.schema import fit
from ovnest.ovsdb.values import Arity
from ovnest.rows import HOMES
from tests.in_memory import SCHEMA_OF_OVN

TYPES = pytest.mark.parametrize("row_type", HOMES.row_types, ids=lambda each: each.TABLE)


@TYPES
def test_a_table_has_the_columns_and_types_that_ovn_has(row_type: type[Row]) -> None:
    shape = Shape(row_type)
    fit(shape, SCHEMA_OF_OVN)
    assert set(shape.columns) == {column.name for column in shape.by_attribute.values()}


@TYPES
def test_keys_are_said_of_maps_only_and_none_twice(row_type: type[Row]) -> None:
    shape = Shape(row_type)
    for name, column in columns_of(row_type).items():
        if column.keys:
            assert shape.by_attribute[name].arity is Arity.MAP, name
            names = [key.name for key in column.keys]
            assert len(set(names)) == len(names), name


@TYPES
def test_what_a_row_refers_to_is_a_table_that_is_there_and_a_column_of_its_own(row_type: type[Row]) -> None:
    fields = set(row_type.__struct_fields__)
    for column, table in {**row_type.REFERS, **row_type.CONTAINS, **row_type.JOINS}.items():
        assert table in HOMES.by_table
        assert (column in fields) == (column in row_type.REFERS)


@TYPES
def test_a_row_owns_nothing_it_shares_with_another(row_type: type[Row]) -> None:
    # Each default is made anew: a row that is changed by mistake changes no other.
    one, other = (row_type(uuid=Shape(row_type).row_type.__name__) for _ in range(2))  # type: ignore[arg-type]  # no UUID
    for name in row_type.__struct_fields__:
        if isinstance(getattr(one, name), dict):
            assert getattr(one, name) is not getattr(other, name), name
