"""The one way between a Struct and a map of strings, as OVSDB's map columns hold them.

Each field of the Struct that stands in the map is a `Key`, said once: its name there, how its value is
written and read, and what it means to people. A value that is not written (`None`) has no key.

    KEYS = Codec(Network, {"name": text("neutron:network_name", "the name"), "mtu": number("neutron:mtu", …)})
    KEYS.write(network)          # {"neutron:network_name": "private", "neutron:mtu": "1442"}
    KEYS.values(external_ids)    # {"name": "private", "mtu": 1442}

`plain` makes the codec of a Struct whose keys are its own fields: text as it is, anything else as JSON.
Whatever another writer has put there, reading gives a value or raises ValueError, and nothing else.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from operator import attrgetter
from typing import Annotated, Any, Final, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta, Struct, structs

S = TypeVar("S", bound=Struct)

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")


class Key(Struct, frozen=True, kw_only=True):
    """One key of a map: its name, its meaning, and how a value crosses.

    `write` gives None where no key is to stand, `read` raises ValueError at what it does not understand, and
    `absent` is the value without the key; NODEFAULT where there is none, so that the key must be there.
    `derived`: computed from facts; `editable`: another writer may change it; neither: leave it. `on` says on
    which rows of a table it stands, if not on all.
    """

    name: str
    meaning: str
    write: Callable[[Any], str | None]
    read: Callable[[str], Any] | None = None
    absent: Any = None
    derived: bool = False
    editable: bool = False
    on: str = ""
    is_json: bool = False


def text(name: str, meaning: str, *, absent: str = "", **more: Any) -> Key:
    """A string that always stands there; without its key it is `absent`."""
    return Key(name=name, meaning=meaning, write=_text, absent=absent, **more)


def some_text(name: str, meaning: str, *, absent: str | None = "", **more: Any) -> Key:
    """A string that stands there unless it is `absent`, which is what no key means."""
    return Key(
        name=name,
        meaning=meaning,
        write=lambda value: None if value == absent else value,
        absent=absent,
        **more,
    )


def number(name: str, meaning: str, **more: Any) -> Key:
    """An integer that always stands there; without its key it is 0."""
    return Key(name=name, meaning=meaning, write=str, read=read_number, absent=0, **more)


def some_number(name: str, meaning: str, **more: Any) -> Key:
    """An integer, or None without its key."""
    return Key(name=name, meaning=meaning, write=_number_or_none, read=read_number, **more)


def flag(name: str, meaning: str, *, written: bool, **more: Any) -> Key:
    """A boolean that stands there only where it is `written`; any other text means the other."""
    word = "true" if written else "false"
    return Key(
        name=name,
        meaning=meaning,
        write=lambda value: word if value is written else None,
        read=lambda found: written if found == word else not written,
        absent=not written,
        **more,
    )


def words(name: str, meaning: str, *, separator: str = " ", always: bool = False, **more: Any) -> Key:
    """A tuple of strings, joined; `always`: the key stands there even for none."""

    def write(value: Collection[str]) -> str | None:
        return separator.join(value) if value or always else None

    def read(found: str) -> tuple[str, ...]:
        return tuple(filter(None, found.split(separator)))

    return Key(name=name, meaning=meaning, write=write, read=read, absent=(), **more)


def structs_of(
    kind: type[Struct], name: str, meaning: str, *, separator: str, always: bool = False, **more: Any
) -> Key:
    """A tuple of Structs of two strings: `left<separator>right`, with spaces between the Structs."""

    def write(value: Iterable[Struct]) -> str | None:
        written = " ".join(separator.join(structs.astuple(each)) for each in value)
        return written if written or always else None

    def read(found: str) -> tuple[Struct, ...]:
        return tuple(_two(kind, each, separator) for each in found.split())

    return Key(name=name, meaning=meaning, write=write, read=read, absent=(), **more)


def json_of(kind: Any, name: str, meaning: str, *, absent: Any, **more: Any) -> Key:
    """Any value as JSON with sorted keys; `absent`, which is what no key means, is not written."""

    def write(value: Any) -> str | None:
        return None if value == absent else encode_json(value)

    return Key(
        name=name,
        meaning=meaning,
        write=write,
        read=lambda found: decode_json(found, kind),
        absent=absent,
        is_json=True,
        **more,
    )


def derived(name: str, meaning: str, **more: Any) -> Key:
    """A key that stands for no field: it is computed when the row is, and never read."""
    return Key(name=name, meaning=meaning, write=_same, derived=True, **more)


class Codec(Generic[S]):
    """A Struct and its keys in a map.

    `spread` names fields that are mappings, each of whose items has a key of its own, `<field>.<item>`, so
    that a change of one writes one. `others` are derived keys of the same map, which are ours too.
    """

    def __init__(
        self,
        struct: type[S],
        keys: Mapping[str, Key],
        *,
        others: Iterable[Key] = (),
        spread: Mapping[str, Key] | None = None,
    ) -> None:
        unknown = {*keys, *(spread or ())} - set(struct.__struct_fields__)
        if unknown:
            raise TypeError(f"{struct.__name__} has no {', '.join(sorted(unknown))}")
        self.struct = struct
        self.fields: Mapping[str, Key] = keys
        self.spread: Mapping[str, Key] = spread or {}
        self.keys: tuple[Key, ...] = (*keys.values(), *others)
        self.owned: frozenset[str] = frozenset(key.name for key in self.keys)
        texts = {field: key.name for field, key in keys.items() if key.write is _text}
        self._texts = tuple(texts.values())
        self._read_texts = _values_of(texts)
        self._writers = [(field, key.name, key.write) for field, key in keys.items() if field not in texts]
        self._readers = [(field, key.name, key.read, key.absent) for field, key in keys.items()]

    def owns(self, name: str) -> bool:
        """Whether a key of the map is one of these."""
        return name in self.owned or any(name.startswith(f"{key.name}.") for key in self.spread.values())

    def write(self, facts: Any) -> dict[str, str]:
        """The keys that stand for `facts`."""
        written: dict[str, str] = dict(zip(self._texts, self._read_texts(facts), strict=True))
        for field, name, write in self._writers:
            value = write(getattr(facts, field))
            if value is not None:
                written[name] = value
        for field, key in self.spread.items():
            for item, value in getattr(facts, field).items():
                written[f"{key.name}.{item}"] = str(value)
        return written

    def values(self, found: Mapping[str, str]) -> dict[str, Any]:
        """The fields that a map says, for making the Struct.

        Raises:
            ValueError: a value is none that its field can have.
        """
        values: dict[str, Any] = {}
        for field, name, read, absent in self._readers:
            value = found.get(name)
            if value is None and absent is NODEFAULT:
                raise ValueError(f"{name} is missing")
            values[field] = absent if value is None else value if read is None else read(value)
        for field, key in self.spread.items():
            prefix = f"{key.name}."
            items = {name.removeprefix(prefix): found[name] for name in found if name.startswith(prefix)}
            values[field] = _converted(items, key.absent)
        return values

    def read(self, found: Mapping[str, str], **more: Any) -> S:
        """The Struct that a map says, with what else it has.

        Raises:
            ValueError: a value is none that its field can have, or there is none for one that must be.
        """
        return self.struct(**self.values(found), **more)


def plain(
    struct: type[S], *, prefix: str = "", without: Collection[str] = (), spread: Collection[str] = ()
) -> Codec[S]:
    """The codec of a Struct whose keys are named as its fields, after `prefix`.

    Text stands as it is and anything else as JSON. What has its default is left out. A field without one must
    be there, but for a string, which is then empty. Of `spread` fields each item has a key. The meaning of a
    key is the `Meta(description=…)` of its field.
    """
    hints = get_type_hints(struct, include_extras=True)
    keys: dict[str, Key] = {}
    spreads: dict[str, Key] = {}
    for field in structs.fields(struct):
        if field.name in without:
            continue
        kind, meaning = _annotation(hints[field.name])
        name = f"{prefix}{field.name}"
        default = field.default if field.default_factory is NODEFAULT else field.default_factory()
        if field.name in spread:
            spreads[field.name] = Key(name=name, meaning=meaning, write=_same, absent=kind)
        elif _is_text(kind):
            absent = "" if kind is str and default is NODEFAULT else default
            # An enumeration is text at the wire, and itself in the Struct.
            read = None if kind is str else (lambda found, kind=kind: _converted(found, kind))
            keys[field.name] = Key(
                name=name, meaning=meaning, write=_text_unless(default), read=read, absent=absent
            )
        else:
            keys[field.name] = json_of(kind, name, meaning, absent=default)
    return Codec(struct, keys, spread=spreads)


def read_number(found: str) -> int:
    """A decimal number of at most 18 digits; Python's `int` takes any length, underscores and other scripts.

    Raises:
        ValueError: it is none.
    """
    if not _NUMBER.fullmatch(found):
        raise ValueError(f"{found[:32]!r} is not a number of at most 18 digits")
    return int(found)


def encode_json(value: Any) -> str:
    """JSON with sorted keys: the same value is the same text, whoever writes it."""
    return msgspec.json.encode(value, order="sorted").decode()


def decode_json(found: str, kind: Any = Any) -> Any:
    """What JSON says, as `kind`.

    Raises:
        ValueError: it is not JSON, or not such a value, or nested too deep to be read.
    """
    try:
        return msgspec.json.decode(found, type=kind, strict=False)
    except RecursionError:
        raise ValueError("it is nested too deep") from None  # its traceback is one line a thousand times


def _values_of(fields: Collection[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of these fields of a Struct, all at once."""
    if len(fields) > 1:
        return attrgetter(*fields)
    return lambda facts: tuple(getattr(facts, field) for field in fields)


def _text(value: str) -> str:
    return value


def _same(value: Any) -> str | None:
    return None if value is None else str(value)


def _text_unless(default: Any) -> Callable[[Any], str | None]:
    return lambda value: None if value in (default, None, "") else str(value)


def _number_or_none(value: int | None) -> str | None:
    return None if value is None else str(value)


def _two(kind: type[Struct], written: str, separator: str) -> Struct:
    left, found, right = written.partition(separator)
    if not found:
        raise ValueError(f"{written!r} is not two values joined by {separator!r}")
    return kind(left, right)


def _annotation(hint: Any) -> tuple[Any, str]:
    """The type that an annotation names, and what its Meta says of it."""
    if get_origin(hint) is not Annotated:
        return hint, ""
    kind, *notes = get_args(hint)
    described = [note.description for note in notes if isinstance(note, Meta) and note.description]
    return kind, described[0] if described else ""


def _is_text(kind: Any) -> bool:
    """Whether its values are strings at the wire: `str`, an enumeration of strings, a Literal of strings."""
    if isinstance(kind, type):
        return issubclass(kind, str)
    return bool(get_args(kind)) and all(isinstance(each, str) for each in get_args(kind))


def _converted(value: Any, kind: Any) -> Any:
    return msgspec.convert(value, kind, strict=False)
