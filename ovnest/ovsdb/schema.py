"""A database's schema as its server reports it, and whether our row types fit it.

Source: RFC 7047, 3.2.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from ovnest.ovsdb.errors import SchemaMismatch
from ovnest.ovsdb.rows import Column, Shape
from ovnest.ovsdb.values import Arity


class Atom(msgspec.Struct, frozen=True, kw_only=True):
    """A `<base-type>`: the part of it that decides whether a value fits."""

    type: str


class ColumnType(msgspec.Struct, frozen=True, kw_only=True):
    """A column's `<type>`, in its long form."""

    key: Atom | str
    value: Atom | str | None = None
    min: int = 1
    max: int | str = 1

    @property
    def key_atom(self) -> str:
        """The atom's name, or that of a map's keys."""
        return self.key if isinstance(self.key, str) else self.key.type

    @property
    def value_atom(self) -> str | None:
        """The atom's name of a map's values; None if it is no map."""
        return self.value.type if isinstance(self.value, Atom) else self.value


class ColumnSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A `<column-schema>`."""

    type: ColumnType | str

    @property
    def long_type(self) -> ColumnType:
        """The type, written out where the schema has the short form."""
        return ColumnType(key=self.type) if isinstance(self.type, str) else self.type


class TableSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A `<table-schema>`."""

    columns: dict[str, ColumnSchema]


class DatabaseSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A `<database-schema>`."""

    name: str
    version: str
    tables: dict[str, TableSchema]


def convert_schema(plain: Any) -> DatabaseSchema:
    """The schema in a decoded reply to `get_schema`."""
    return msgspec.convert(plain, DatabaseSchema)


def fit(shape: Shape[Any], schema: DatabaseSchema) -> None:
    """Make `shape` use what `schema` has.

    Raises:
        SchemaMismatch: the table, or a column that is not OPTIONAL, is absent or of another type.
    """
    table = schema.tables.get(shape.table)
    if table is None:
        raise SchemaMismatch(
            schema.name, shape.table, None, f"is not in the server's schema (version {schema.version})"
        )
    present: list[Column] = []
    for column in shape.by_attribute.values():
        found = table.columns.get(column.name)
        if found is not None:
            _check_type(schema, shape, column, found.long_type)
            column.single = found.long_type.max == 1
            present.append(column)
        elif column.name not in shape.row_type.OPTIONAL and column.attribute not in shape.row_type.OPTIONAL:
            raise _absent(schema, shape, column.name)
    for name in shape.references:
        if name not in table.columns:
            raise _absent(schema, shape, name)
        kind = table.columns[name].long_type
        if kind.key_atom != "uuid" or kind.max == 1:
            raise SchemaMismatch(schema.name, shape.table, name, "is not a set of references")
    shape.use(present)


def require_column(schema: DatabaseSchema, table: str, column: str) -> None:
    """Raises SchemaMismatch if `table` or its `column` is absent."""
    if table not in schema.tables:
        raise SchemaMismatch(
            schema.name, table, None, f"is not in the server's schema (version {schema.version})"
        )
    if column not in schema.tables[table].columns:
        raise SchemaMismatch(schema.name, table, column, f"is not in schema version {schema.version}")


def monitored_columns(shapes: Iterable[Shape[Any]]) -> dict[str, list[str]]:
    """For each table, the columns that any of `shapes` has."""
    wanted: dict[str, dict[str, None]] = {}
    for shape in shapes:
        columns = wanted.setdefault(shape.table, {})
        columns.update(dict.fromkeys(shape.columns))
        columns.update(dict.fromkeys(shape.references))
    return {table: list(columns) for table, columns in wanted.items()}


def _absent(schema: DatabaseSchema, shape: Shape[Any], column: str) -> SchemaMismatch:
    return SchemaMismatch(schema.name, shape.table, column, f"is not in schema version {schema.version}")


def _check_type(schema: DatabaseSchema, shape: Shape[Any], column: Column, found: ColumnType) -> None:
    if column.arity is Arity.MAP:
        fits = (found.key_atom, found.value_atom) == (column.key_atom, column.atom)
    else:
        fits = found.value_atom is None and found.key_atom == column.atom
    if column.arity is Arity.ONE:
        fits = fits and (found.min, found.max) == (1, 1)
    elif column.arity is Arity.OPTIONAL:
        fits = fits and found.max == 1
    if not fits:
        atoms = found.key_atom if found.value_atom is None else f"{found.key_atom}:{found.value_atom}"
        raise SchemaMismatch(
            schema.name,
            shape.table,
            column.name,
            f"holds {found.min} to {found.max} {atoms}, where {column.arity.value} {column.atom} is needed",
        )
