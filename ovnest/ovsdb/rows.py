"""Typed rows: a Struct for each table, whose annotations are the columns that we monitor.

A `Shape` is worked out once from such a Struct; it turns a row on the wire into the Struct and back.

Source: RFC 7047, 3.2 (types of columns) and 5.1 (values).
"""

import types
import typing
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, TypeVar, Union, get_args, get_origin

import msgspec

from ovnest.ovsdb.values import (
    DECODERS,
    ENCODERS,
    TELLERS,
    Arity,
    RowUuid,
    Wire,
    decode_one_real,
    differ_map,
    differ_set,
    encode_one,
    tell_one,
)


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row. Subclass it for a table; the annotations are the columns that are monitored.

    | annotation | column |
    |---|---|
    | `str`, `int`, `float`, `bool`, `RowUuid` | exactly one |
    | the same `| None` | zero or one |
    | `tuple[str, ...]`, `tuple[RowUuid, ...]` | a set, kept sorted |
    | `dict[str, str]`, `dict[str, RowUuid]` | a map, never changed in place |

    Each column has OVSDB's default as its default (`""`, 0, False, None, `()`, `{}`), since the server leaves
    defaults out. An attribute is named as its column, less a trailing `_`; `uuid` is `_uuid`.

    `TABLE` is the table's name. `OPTIONAL` names columns that an older schema may lack: they then have
    their default, and writes of them are left out.

    Large sets of references (the ports of a switch) are no values of the row but indexes of the replica, both
    ways: `CONTAINS` has those by which a row holds others, which go when nobody refers to them, and `JOINS`
    those to rows that live on their own. `REFERS` has the columns that are values and name another row by its
    `_uuid`: who writes one can have that row's existence checked. Each says the table referred to.
    """

    TABLE: ClassVar[str] = ""
    OPTIONAL: ClassVar[frozenset[str]] = frozenset()
    CONTAINS: ClassVar[Mapping[str, str]] = MappingProxyType({})
    JOINS: ClassVar[Mapping[str, str]] = MappingProxyType({})
    REFERS: ClassVar[Mapping[str, str]] = MappingProxyType({})

    uuid: RowUuid


R = TypeVar("R", bound=Row)

_ATOMS: Final[dict[Any, str]] = {
    str: "string",
    int: "integer",
    float: "real",
    bool: "boolean",
    RowUuid: "uuid",
}
_encode: Final = msgspec.json.Encoder().encode
_ORDERS_KEPT: Final = 256
_DEFAULTS: Final[dict[str, Any]] = {"string": "", "integer": 0, "real": 0.0, "boolean": False}


class Column:
    """One column of a row type: its name on both sides, and how a value crosses."""

    __slots__ = (
        "arity",
        "atom",
        "attribute",
        "decode",
        "default",
        "encode",
        "key_atom",
        "name",
        "single",
        "tell",
    )

    def __init__(self, attribute: str, annotation: Any) -> None:
        self.attribute = attribute
        self.name = attribute.removesuffix("_")
        self.arity, self.atom, self.key_atom = _understand(attribute, annotation)
        is_uuid = self.atom == "uuid"
        self.decode = DECODERS[self.arity, is_uuid]
        if self.atom == "real" and self.arity is Arity.ONE:
            self.decode = decode_one_real
        self.encode = ENCODERS[self.arity, is_uuid]
        self.tell = TELLERS[self.arity, is_uuid]
        self.default = self._default()
        # Set from the schema: a column of at most one value comes whole in a `modify`, others as a
        # difference.
        self.single = self.arity in (Arity.ONE, Arity.OPTIONAL)

    def _default(self) -> Any:
        match self.arity:
            case Arity.ONE:
                return _DEFAULTS.get(self.atom, _NO_UUID)
            case Arity.OPTIONAL:
                return None
            case Arity.SET:
                return ()
            case Arity.MAP:
                return {}

    def differ(self, old: Any, wire: Wire) -> Any:
        """The column's value after the `modify` that `wire` is part of."""
        if self.single:
            return self.decode(wire)
        return (differ_set if self.arity is Arity.SET else differ_map)(old, wire, self.decode)


_NO_UUID: Final = RowUuid("")
"""The default of a column that refers to exactly one row: there is none, so it is always sent."""


class Shape(Generic[R]):
    """What is known of one row type: its columns, and the way between the Struct and the wire."""

    def __init__(self, row_type: type[R]) -> None:
        if not row_type.TABLE:
            raise TypeError(f"{row_type.__name__} does not say its TABLE.")
        self.row_type = row_type
        self.table = row_type.TABLE
        self.references = (*row_type.CONTAINS, *row_type.JOINS)
        self.by_attribute = {
            attribute: Column(attribute, annotation)
            for attribute, annotation in typing.get_type_hints(row_type).items()
            if attribute != "uuid" and get_origin(annotation) is not ClassVar
        }
        self._check_defaults()
        self.use(self.by_attribute.values())

    def use(self, present: Iterable[Column]) -> None:
        """Let `present` be what the server has; other columns keep their default and are not sent."""
        self.columns = {column.name: column for column in present}
        # Where the value is as it is on the wire, no function need be called for it.
        self._encoders = [
            (c.attribute, c.name, c.default, None if c.encode is encode_one else c.encode)
            for c in self.columns.values()
        ]
        self._tellers = [
            (c.attribute, c.name, c.default, None if c.tell is tell_one else c.tell)
            for c in self.columns.values()
        ]
        self._absent = [c for c in self.by_attribute.values() if c.name not in self.columns]
        self._orders: dict[tuple[str, ...], tuple[str, ...]] = {}

    def build(self, uuid: RowUuid, wire: Mapping[str, Wire]) -> R:
        """The Struct of a row that came whole; columns left out have their default."""
        columns = self.columns
        values: dict[str, Any] = {}
        for name, value in wire.items():
            column = columns.get(name)
            if column is not None:
                values[column.attribute] = column.decode(value)
        return self.row_type(uuid=uuid, **values)

    def modify(self, row: R, wire: Mapping[str, Wire]) -> R:
        """`row` after a `modify`; `row` itself if none of our columns changed."""
        values: dict[str, Any] = {}
        for name, value in wire.items():
            column = self.columns.get(name)
            if column is not None:
                values[column.attribute] = column.differ(getattr(row, column.attribute), value)
        return msgspec.structs.replace(row, **values) if values else row

    def encode(self, row: R) -> dict[str, Wire]:
        """The columns of `row` that differ from their default, for an insert."""
        wire: dict[str, Wire] = {}
        for attribute, name, default, encode in self._encoders:
            value = getattr(row, attribute)
            if value is not default and value != default:
                wire[name] = value if encode is None else encode(value)
        return wire

    def foretell(self, row: R) -> msgspec.Raw | None:
        """The bytes by which the server will probably tell of an insert of `row`.

        If it does tell so, `row` is just what `build` would make of it. None: it cannot be so.
        """
        if self._absent and any(getattr(row, c.attribute) != c.default for c in self._absent):
            return None
        told: dict[str, Wire] = {}
        for attribute, name, default, tell in self._tellers:
            value = getattr(row, attribute)
            if value is not default and value != default:
                told[name] = value if tell is None else tell(value)
        order = self._orders.get(tuple(told))
        if order is not None:
            told = {name: told[name] for name in order}
        return msgspec.Raw(_encode({"insert": told}))

    def learn(self, wire: Mapping[str, Wire]) -> None:
        """This is how the server tells of a row: it has an order of its own for each choice of columns."""
        names = tuple(name for name in self.columns if name in wire)
        if len(names) == len(wire):
            if len(self._orders) >= _ORDERS_KEPT:
                self._orders.clear()
            self._orders[names] = tuple(wire)

    def _check_defaults(self) -> None:
        for field in msgspec.structs.fields(self.row_type):
            column = self.by_attribute.get(field.name)
            if column is None:
                continue
            default = field.default_factory() if callable(field.default_factory) else field.default
            if default != column.default:
                raise TypeError(
                    f"{self.row_type.__name__}.{field.name} has the default {default!r}; "
                    f"it must be OVSDB's, {column.default!r}."
                )


def _understand(attribute: str, annotation: Any) -> tuple[Arity, str, str | None]:
    """The arity, the atom (of a map: of its values), and the atom of a map's keys."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation in _ATOMS:
        return Arity.ONE, _ATOMS[annotation], None
    if origin in (Union, types.UnionType) and len(args) == 2 and args[1] is type(None) and args[0] in _ATOMS:
        return Arity.OPTIONAL, _ATOMS[args[0]], None
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis and args[0] in _ATOMS:
        return Arity.SET, _ATOMS[args[0]], None
    if origin is dict and args[0] is str and args[1] in _ATOMS:
        return Arity.MAP, _ATOMS[args[1]], "string"
    raise TypeError(f"{attribute}: {annotation} is no type of an OVSDB column.")
