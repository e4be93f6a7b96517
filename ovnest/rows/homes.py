"""Homes: the list of all homes, as transactions, the store and `ovnest check` look things up in it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ovnest.northbound.columns import EXTERNAL_IDS, columns_of, written_columns
from ovnest.ovsdb import Index, Row
from ovnest.rows.home import Dependents, DocumentKind, Glance, Home, Lookup, PartHome

AnyHome = Home[Any] | PartHome[Any] | Glance[Any]
Owned = tuple[tuple[str, frozenset[str] | None], ...]
"""The columns of a row that a write sets, each with the keys of a map that are ours; None: all of it."""


class Homes:
    """All homes, by the kind of facts that they are for."""

    def __init__(self, homes: Sequence[AnyHome]) -> None:
        self._by_kind: dict[type, AnyHome] = {home.facts: home for home in homes}
        self._dependents: dict[type, list[tuple[Home[Any], Dependents]]] = {}
        self._owned: dict[type, dict[type[Row], Owned]] = {}
        self._parts: dict[type, tuple[type, ...]] = {}
        for part in self._part_homes():
            self._parts[part.whole] = (*self._parts.get(part.whole, ()), part.facts)
        for home in self:
            for cause, dependents in (home.depends or {}).items():
                if self.part(cause) is not None:  # a whole may change without Tx looking at its parts
                    raise TypeError(
                        f"{home.facts.__name__} depends on a part, {cause.__name__}, not its whole"
                    )
                self._dependents.setdefault(cause, []).append((home, dependents))
            self._owned[home.facts] = {row_type: _owned(home, row_type) for row_type in home.keys}

    def plus(self, *homes: AnyHome) -> "Homes":
        """These homes and some more."""
        return Homes((*self._by_kind.values(), *homes))

    def __iter__(self) -> Iterator[Home[Any]]:
        return (home for home in self._by_kind.values() if isinstance(home, Home))

    def of(self, kind: type) -> Home[Any]:
        """The home of a kind that has rows of its own."""
        home = self._by_kind[kind]
        assert isinstance(home, Home)  # noqa: S101  who asks has looked whether it is a part
        return home

    def any(self, kind: type) -> AnyHome:
        """The home of a kind, of whichever sort."""
        return self._by_kind[kind]

    def part(self, kind: type) -> PartHome[Any] | None:
        """The home of a kind that is a part of another; None for others."""
        home = self._by_kind.get(kind)
        return home if isinstance(home, PartHome) else None

    def whole(self, kind: type) -> Home[Any] | None:
        """The home of a kind that has rows of its own; None for others."""
        home = self._by_kind.get(kind)
        return home if isinstance(home, Home) else None

    def parts_of(self, whole: type) -> tuple[type, ...]:
        """The kinds that are parts of that one."""
        return self._parts.get(whole, ())

    def dependents(self, cause: type) -> Sequence[tuple[Home[Any], Dependents]]:
        """Whose rows are derived again when something of that kind changes."""
        return self._dependents.get(cause, ())

    def owned(self, kind: type) -> Mapping[type[Row], Owned]:
        """By the type of a row, which of its columns and keys are ours where it is a row of that kind."""
        return self._owned[kind]

    @cached_property
    def row_types(self) -> tuple[type[Row], ...]:
        """Every type of row that any home reads or writes."""
        found = [row_type for home in self for row_type in home.keys]
        found += [lookup.index.row_type for lookup in self._lookups()]
        return tuple(dict.fromkeys(found))

    @cached_property
    def by_table(self) -> Mapping[str, type[Row]]:
        """The types of rows by the names of their tables."""
        return {row_type.TABLE: row_type for row_type in self.row_types}

    @cached_property
    def indexes(self) -> tuple[Index[Any], ...]:
        """Every index that a lookup goes by."""
        found = [lookup.index for lookup in self._lookups()]
        found += [home.every[0] for home in self if home.every is not None]
        return tuple(dict.fromkeys(found))

    @cached_property
    def documents(self) -> tuple[DocumentKind, ...]:
        """Every kind of document row."""
        return tuple(kind for home in self for kind in home.documents)

    @cached_property
    def former_documents(self) -> tuple[tuple[type, DocumentKind], ...]:
        """What documents were called in the layout before, each with the kind of its facts."""
        return tuple((home.facts, home.former) for home in self if home.former is not None)

    @cached_property
    def causes(self) -> dict[type, tuple[type, ...]]:
        """For each kind on which others depend, those."""
        return {
            cause: tuple(home.facts for home, _ in dependents)
            for cause, dependents in self._dependents.items()
        }

    def _part_homes(self) -> Iterator[PartHome[Any]]:
        return (home for home in self._by_kind.values() if isinstance(home, PartHome))

    def _lookups(self) -> Iterator[Lookup[Any]]:
        for home in self:
            yield from home.lookups
        for part in self._part_homes():
            yield part.by


def _owned(home: Home[Any], row_type: type[Row]) -> Owned:
    known = columns_of(row_type)
    codec = home.keys[row_type]
    found: list[tuple[str, frozenset[str] | None]] = []
    for name in written_columns(row_type):
        if name == EXTERNAL_IDS:
            found.append((name, None if codec is None else codec.owned))
        else:
            keys = known[name].keys
            found.append((name, None if keys is None else frozenset(key.name for key in keys)))
    return tuple(found)
