"""What a column of the Northbound means to us, said where the column is declared: on the row's Struct.

    name: Annotated[str, Column("`neutron-<network id>`", derived=True)] = ""

A write sets every column of a row but those that OVN fills in (`observed`); of a map only the keys that are
ours. Writing, `ovnest check` and `docs/northbound.md` go by this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from ovnest.codec import Key
from ovnest.ovsdb import Row

EXTERNAL_IDS = "external_ids"


@dataclass(frozen=True)
class Column:
    """One column.

    `derived`: computed from facts; `editable`: another writer may change it; neither: leave it. `observed`:
    OVN says it, we write it once at most, when the row is made. `keys` are those of a map that are ours, None
    for all of them; those of `external_ids` are said by the kind whose row it is.
    """

    meaning: str
    derived: bool = False
    editable: bool = False
    observed: bool = False
    keys: tuple[Key, ...] | None = ()


@cache
def columns_of(row_type: type[Row]) -> Mapping[str, Column]:
    """The columns of a row type by their names, `_uuid` and those that are reverse indexes among them."""
    return dict(_columns(row_type))


@cache
def written_columns(row_type: type[Row]) -> tuple[str, ...]:
    """The columns that a write sets, by their attributes, in the order of the Struct."""
    known = columns_of(row_type)
    return tuple(name for name in row_type.__struct_fields__ if name != "uuid" and not known[name].observed)


def _columns(row_type: type[Row]) -> Iterator[tuple[str, Column]]:
    beside: Mapping[str, Column] = getattr(row_type, "BESIDE", {})
    yield from beside.items()
    hints: dict[str, Any] = get_type_hints(row_type, include_extras=True)
    for name in row_type.__struct_fields__:
        if name == "uuid":
            continue
        notes = get_args(hints[name])[1:] if get_origin(hints[name]) is Annotated else ()
        column = next((note for note in notes if isinstance(note, Column)), None)
        if column is None:
            raise TypeError(f"{row_type.__name__}.{name} does not say what it means")
        yield name, column
