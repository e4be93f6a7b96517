"""Which addresses of each network are taken, kept beside the replica.

One sparse bitmap a network and IP version, so that the next free address is found in the same time
however many ports there are. Of an address that two rows have, the second is counted beside it: an update
that gives one port's address to another may tell of the new holder first, and of the old one's loss after.
"""

from collections import Counter

from ovnest.allocation.addresses import TakenAddresses
from ovnest.allocation.ranges import address_number
from ovnest.northbound.indexes import addresses_of, network_id_of
from ovnest.northbound.tables import LogicalSwitchPort


class AddressBook:
    """The taken addresses of all networks; it follows the replica's rows (`ovsdb.Tracker`)."""

    row_type = LogicalSwitchPort

    def __init__(self) -> None:
        self._taken: dict[tuple[str, int], TakenAddresses] = {}
        self._further: Counter[tuple[tuple[str, int], int]] = Counter()

    def taken(self, network_id: str, ip_version: int) -> TakenAddresses:
        """The taken addresses of a network; an empty set where there is none."""
        return self._taken.get((network_id, ip_version)) or TakenAddresses()

    def added(self, row: LogicalSwitchPort) -> None:
        """A row appeared."""
        for key, number in self._numbers(row):
            taken = self._taken.get(key)
            if taken is None:
                taken = self._taken[key] = TakenAddresses()
            if number in taken:
                self._further[key, number] += 1
            else:
                taken.add(number)

    def removed(self, row: LogicalSwitchPort) -> None:
        """A row went."""
        for key, number in self._numbers(row):
            if (key, number) in self._further:
                self._further[key, number] -= 1
                if not self._further[key, number]:
                    del self._further[key, number]
                continue
            taken = self._taken.get(key)
            if taken is not None:
                taken.discard(number)
                if not taken:
                    del self._taken[key]

    def _numbers(self, row: LogicalSwitchPort) -> list[tuple[tuple[str, int], int]]:
        network_id = network_id_of(row)
        if network_id is None:
            return []
        numbers: list[tuple[tuple[str, int], int]] = []
        for text in addresses_of(row):
            try:
                version, number = address_number(text)
            except ValueError:  # a hand edit; `ovnest check` shows it, and no pool holds it
                continue
            numbers.append(((network_id, version), number))
        return numbers
