"""Sets, maps and UUIDs: OVSDB's notation on the wire, plain values in Python.

Source: RFC 7047, 5.1 `<value>`; ovsdb-server(7), 4.1.15 for the differences of `update2` and `update3`.
"""

import sys
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NewType, cast

import msgspec

RowUuid = NewType("RowUuid", str)

Wire = Any
"""A value as msgspec decodes it from the wire: str, int, float, bool, or a list."""

_intern: Final = sys.intern


class Arity(Enum):
    """How many atoms a column holds."""

    ONE = "exactly one"
    OPTIONAL = "zero or one"
    SET = "a set"
    MAP = "a map"


def decode_one(wire: Wire) -> Any:
    return wire


def decode_one_real(wire: Wire) -> float:
    return float(wire)


def decode_one_uuid(wire: Wire) -> RowUuid:
    return RowUuid(wire[1])


def decode_optional(wire: Wire) -> Any:
    if type(wire) is not list:
        return wire
    items = wire[1]
    return items[0] if items else None


def decode_optional_uuid(wire: Wire) -> RowUuid | None:
    if wire[0] == "uuid":
        return RowUuid(wire[1])
    items = wire[1]
    return RowUuid(items[0][1]) if items else None


def decode_set(wire: Wire) -> tuple[Any, ...]:
    if type(wire) is not list:
        return (wire,)
    return tuple(sorted(wire[1]))


def decode_uuid_set(wire: Wire) -> tuple[RowUuid, ...]:
    if wire[0] == "uuid":
        return (wire[1],)
    return tuple(sorted([item[1] for item in wire[1]]))


def decode_references(wire: Wire) -> frozenset[RowUuid]:
    """A large set of references: unsorted, as sorting 50,000 takes 15 ms."""
    if isinstance(wire, frozenset):
        return wire  # by decode_raw_references
    if wire[0] == "uuid":
        return frozenset((wire[1],))
    return frozenset([item[1] for item in wire[1]])


def decode_raw_references(raw: msgspec.Raw) -> frozenset[RowUuid]:
    """The same from JSON, without the 50,000 lists that msgspec would make of it for a moment."""
    text = str(raw, "ascii")
    if not text.startswith(_RAW_SET):
        return decode_references(msgspec.json.decode(raw))
    return frozenset(cast(list[RowUuid], text[len(_RAW_SET) : -len(_RAW_SET_END)].split(_RAW_BETWEEN)))


_RAW_SET: Final = '["set",[["uuid","'
_RAW_BETWEEN: Final = '"],["uuid","'
_RAW_SET_END: Final = '"]]]'


def decode_map(wire: Wire) -> dict[str, Any]:
    # The same few keys stand in every row: one copy of each saves most of the replica's memory.
    return {_intern(key): value for key, value in wire[1]}


def decode_uuid_map(wire: Wire) -> dict[str, RowUuid]:
    return {_intern(key): value[1] for key, value in wire[1]}


def encode_one(value: Any) -> Wire:
    return value


def encode_one_uuid(value: str) -> Wire:
    return ("uuid", value)


def encode_optional(value: Any) -> Wire:
    return _EMPTY_SET if value is None else value


def encode_optional_uuid(value: str | None) -> Wire:
    return _EMPTY_SET if value is None else ("uuid", value)


def encode_set(value: Any) -> Wire:
    return ("set", list(value))


def encode_uuid_set(value: Any) -> Wire:
    return ("set", [("uuid", item) for item in value])


def encode_map(value: dict[str, Any]) -> Wire:
    return ("map", list(value.items()))


def encode_uuid_map(value: dict[str, str]) -> Wire:
    return ("map", [(key, ("uuid", item)) for key, item in value.items()])


def differ_set(old: tuple[Any, ...], wire: Wire, decode: Callable[[Wire], Any]) -> tuple[Any, ...]:
    """`old` with the elements of a `modify` taken out if they were in, put in if they were not."""
    return tuple(sorted(set(old).symmetric_difference(decode(wire))))


def differ_map(old: dict[str, Any], wire: Wire, decode: Callable[[Wire], Any]) -> dict[str, Any]:
    """`old` with the pairs of a `modify`: an equal pair is taken out, any other is put in."""
    new = dict(old)
    for key, value in decode(wire).items():
        if new.get(key) == value:
            del new[key]
        else:
            new[key] = value
    return new


# How the server words a value that is not its column's default.


def tell_one(value: Any) -> Wire:
    return value


def tell_uuid(value: str) -> Wire:
    return ("uuid", value)


def tell_set(value: tuple[Any, ...]) -> Wire:
    return value[0] if len(value) == 1 else ("set", value)


def tell_uuid_set(value: tuple[str, ...]) -> Wire:
    items = [("uuid", item) for item in value]
    return items[0] if len(items) == 1 else ("set", items)


def tell_map(value: dict[str, Any]) -> Wire:
    return ("map", [(key, value[key]) for key in sorted(value)])


def tell_uuid_map(value: dict[str, str]) -> Wire:
    return ("map", [(key, ("uuid", value[key])) for key in sorted(value)])


_EMPTY_SET: Final = ("set", ())

DECODERS: Final[dict[tuple[Arity, bool], Callable[[Wire], Any]]] = {
    (Arity.ONE, False): decode_one,
    (Arity.ONE, True): decode_one_uuid,
    (Arity.OPTIONAL, False): decode_optional,
    (Arity.OPTIONAL, True): decode_optional_uuid,
    (Arity.SET, False): decode_set,
    (Arity.SET, True): decode_uuid_set,
    (Arity.MAP, False): decode_map,
    (Arity.MAP, True): decode_uuid_map,
}
"""By arity, and whether the atoms (the values of a map) are UUIDs."""

ENCODERS: Final[dict[tuple[Arity, bool], Callable[[Any], Wire]]] = {
    (Arity.ONE, False): encode_one,
    (Arity.ONE, True): encode_one_uuid,
    (Arity.OPTIONAL, False): encode_optional,
    (Arity.OPTIONAL, True): encode_optional_uuid,
    (Arity.SET, False): encode_set,
    (Arity.SET, True): encode_uuid_set,
    (Arity.MAP, False): encode_map,
    (Arity.MAP, True): encode_uuid_map,
}
"""The other direction of `DECODERS`."""

TELLERS: Final[dict[tuple[Arity, bool], Callable[[Any], Wire]]] = {
    (Arity.ONE, False): tell_one,
    (Arity.ONE, True): tell_uuid,
    (Arity.OPTIONAL, False): tell_one,
    (Arity.OPTIONAL, True): tell_uuid,
    (Arity.SET, False): tell_set,
    (Arity.SET, True): tell_uuid_set,
    (Arity.MAP, False): tell_map,
    (Arity.MAP, True): tell_uuid_map,
}
"""The way of `DECODERS` back: what the server sent."""
