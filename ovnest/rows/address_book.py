"""Which addresses of each network are taken, kept beside the replica, by whatever row holds them.

One sparse bitmap a network and IP version, so that the next free address is found in the same time
however many ports there are. Of an address that two rows have, the second is counted beside it: an update
that gives one port's address to another may tell of the new holder first, and of the old one's loss after.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ovnest.allocation.addresses import TakenAddresses
from ovnest.allocation.ranges import address_number
from ovnest.ovsdb import Row
from ovnest.rows.homes import Homes

_Place = tuple[str, int]  # a network and an IP version


class AddressBook:
    """The taken addresses of all networks; its trackers follow the replica's rows."""

    def __init__(self, homes: Homes) -> None:
        self._taken: dict[_Place, TakenAddresses] = {}
        self._further: Counter[tuple[_Place, int]] = Counter()
        self.trackers = [
            _Tracker(self, home.row, home.addresses) for home in homes if home.addresses is not None
        ]

    def taken(self, network_id: str, ip_version: int) -> TakenAddresses:
        """The taken addresses of a network; an empty set where there is none."""
        return self._taken.get((network_id, ip_version)) or TakenAddresses()

    def holders(self, network_id: str, address: str) -> int:
        """How many rows have that address (text) on a network."""
        version, number = address_number(address)
        place = (network_id, version)
        if number not in self.taken(*place):
            return 0
        return 1 + self._further[place, number]

    def add(self, place: _Place, number: int) -> None:
        """A row has the address."""
        taken = self._taken.get(place)
        if taken is None:
            taken = self._taken[place] = TakenAddresses()
        if number in taken:
            self._further[place, number] += 1
        else:
            taken.add(number)

    def discard(self, place: _Place, number: int) -> None:
        """A row has it no longer."""
        if (place, number) in self._further:
            self._further[place, number] -= 1
            if not self._further[place, number]:
                del self._further[place, number]
            return
        taken = self._taken.get(place)
        if taken is not None:
            taken.discard(number)
            if not taken:
                del self._taken[place]


class _Tracker:
    """What the book is told of one type of row (`ovsdb.Tracker`)."""

    def __init__(
        self, book: AddressBook, row_type: type[Row], addresses: Callable[[Any], Iterable[tuple[str, str]]]
    ) -> None:
        self.row_type = row_type
        self._book = book
        self._addresses = addresses

    def added(self, row: Row) -> None:
        """A row appeared."""
        for place, number in self._numbers(row):
            self._book.add(place, number)

    def removed(self, row: Row) -> None:
        """A row went."""
        for place, number in self._numbers(row):
            self._book.discard(place, number)

    def _numbers(self, row: Row) -> list[tuple[_Place, int]]:
        numbers: list[tuple[_Place, int]] = []
        for network_id, text in self._addresses(row):
            try:
                version, number = address_number(text)
            except ValueError:  # a manual edit; `ovnest check` shows it, and no pool holds it
                continue
            numbers.append(((network_id, version), number))
        return numbers
