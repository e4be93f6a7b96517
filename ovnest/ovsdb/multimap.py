"""Many values for a key, small where there is one: the replica's indexes are made of these."""

from collections.abc import Collection, Hashable, Iterator
from typing import Final, Generic, TypeVar

from ovnest.ovsdb.values import RowUuid

K = TypeVar("K", bound=Hashable)

NOTHING: Final[Collection[RowUuid]] = ()


class Multimap(Generic[K]):
    """Row UUIDs by key.

    A key with one UUID, by far the most frequent, keeps a tuple of one; a set of one would take four times
    its space.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[K, tuple[RowUuid] | dict[RowUuid, None]] = {}

    def get(self, key: K) -> Collection[RowUuid]:
        """The UUIDs of `key`, in the order in which they came."""
        return self._entries.get(key, NOTHING)

    def add(self, key: K, uuid: RowUuid) -> None:
        entry = self._entries.get(key)
        if entry is None:
            self._entries[key] = (uuid,)
        elif isinstance(entry, dict):
            entry[uuid] = None
        elif uuid not in entry:
            self._entries[key] = {entry[0]: None, uuid: None}

    def discard(self, key: K, uuid: RowUuid) -> None:
        entry = self._entries.get(key)
        if entry is None or uuid not in entry:
            return
        if isinstance(entry, dict) and len(entry) > 1:
            del entry[uuid]
        else:
            del self._entries[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
