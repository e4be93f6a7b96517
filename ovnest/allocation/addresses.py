"""Which addresses are taken, and which is the next free one: a sparse tree of bitmaps.

The tree's leaves are bitmaps of 256 addresses. A node above a leaf says which of its 256 children are
full, so that a search steps over 256, 65,536, … taken addresses at once, and another how many are taken
below it, so that a range's share is a sum over few nodes. What is empty has no node.
"""

from collections.abc import Iterable, Iterator, Sequence

from ovnest.allocation.ranges import AddressRange

_BITS = 8
_FANOUT = 1 << _BITS
_OFFSET = _FANOUT - 1
_FULL = (1 << _FANOUT) - 1


class TakenAddresses:
    """A set of integer addresses that knows what is free, however large and however full.

    Adding, removing, looking up and counting cost the same whatever is in it. One family and one owner
    for each: IPv4 and IPv6 addresses of a network need a set each.
    """

    __slots__ = ("_counts", "_full", "_leaves", "_root", "_size")

    def __init__(self, addresses: Iterable[int] = ()) -> None:
        self._leaves: dict[int, int] = {}  # address >> 8: its bitmap
        self._full: list[dict[int, int]] = []  # [k] address >> 8(k + 2): which children are full
        self._counts: list[dict[int, int]] = []  # [k] the same keys: how many are taken below
        self._root = 0  # address >> 8(len(counts) + 1), the same for all that are taken
        self._size = 0
        for address in addresses:
            self.add(address)

    def __len__(self) -> int:
        return self._size

    def __contains__(self, address: int) -> bool:
        return bool(self._leaves.get(address >> _BITS, 0) >> (address & _OFFSET) & 1)

    def __iter__(self) -> Iterator[int]:
        """In ascending order."""
        for node in sorted(self._leaves):
            bitmap = self._leaves[node]
            while bitmap:
                lowest = bitmap & -bitmap
                yield (node << _BITS) + lowest.bit_length() - 1
                bitmap ^= lowest

    def add(self, address: int) -> None:
        """Mark it as taken; no change if it is."""
        if address < 0:
            raise ValueError(f"{address} is not an address")
        node, bit = address >> _BITS, 1 << (address & _OFFSET)
        bitmap = self._leaves.get(node, 0)
        if bitmap & bit:
            return
        self._grow_to(node)
        self._size += 1
        bitmap |= bit
        self._leaves[node] = bitmap
        if bitmap == _FULL:
            self._mark_full(node)
        for counts in self._counts:
            node >>= _BITS
            counts[node] = counts.get(node, 0) + 1

    def discard(self, address: int) -> None:
        """Mark it as free; no change if it is."""
        if address not in self:
            return
        node, bit = address >> _BITS, 1 << (address & _OFFSET)
        bitmap = self._leaves[node]
        self._size -= 1
        _put(self._leaves, node, bitmap ^ bit)
        if bitmap == _FULL:
            self._mark_not_full(node)
        for counts in self._counts:
            node >>= _BITS
            _put(counts, node, counts[node] - 1)

    def first_free(
        self, ranges: Sequence[AddressRange], skip: "TakenAddresses | None" = None, start: int = 0
    ) -> int | None:
        """The first address of `ranges` that is neither taken nor in `skip`; None when there is none.

        The search begins at `start` and wraps around: a cursor behind the last choice lets a freed
        address come back last. `skip` holds what a batch has staged.
        """
        ordered = ranges if len(ranges) == 1 else sorted(ranges)
        if start == 0 and skip is None:  # nearly always
            for each in ordered:
                address = self.next_free(each.first)
                if address <= each.last:
                    return address
            return None
        ahead = [(max(each.first, start), each.last) for each in ordered if each.last >= start]
        behind = [(each.first, min(each.last, start - 1)) for each in ordered if each.first < start]
        for first, last in (*ahead, *behind):
            address = self.next_free(first) if skip is None else self._next_free_in_both(skip, first)
            if address <= last:
                return address
        return None

    def next_free(self, address: int) -> int:
        """The lowest address from `address` on that is not taken; it may lie beyond any subnet."""
        node = address >> _BITS
        free = (~self._leaves.get(node, 0) & _FULL) >> (address & _OFFSET)
        if free:
            return address + _lowest(free)
        leaf = self._next_not_full(0, node + 1)
        return (leaf << _BITS) + _lowest(~self._leaves.get(leaf, 0))

    def count(self, wanted: AddressRange) -> int:
        """How many addresses of the range are taken."""
        return self._count_below(wanted.last + 1) - self._count_below(wanted.first)

    def _next_free_in_both(self, other: "TakenAddresses", address: int) -> int:
        # Leaf by leaf where both have something, with leaps over what is full in either: a batch's
        # addresses stand between the taken ones, so no leap over one set alone gets far.
        while True:
            node = address >> _BITS
            bitmap = self._leaves.get(node, 0) | other._leaves.get(node, 0)
            free = (~bitmap & _FULL) >> (address & _OFFSET)
            if free:
                return address + _lowest(free)
            beyond = (node + 1) << _BITS
            address = max(self.next_free(beyond), other.next_free(beyond))

    def _next_not_full(self, level: int, child: int) -> int:
        # The first child from `child` on, of any node of this level, that is not full.
        if level == len(self._full):
            return child
        node = child >> _BITS
        not_full = (~self._full[level].get(node, 0) & _FULL) >> (child & _OFFSET)
        if not_full:
            return child + _lowest(not_full)
        node = self._next_not_full(level + 1, node + 1)
        return (node << _BITS) + _lowest(~self._full[level].get(node, 0))

    def _mark_full(self, child: int) -> None:
        level = 0
        while True:
            if level == len(self._full):
                self._full.append({})
            node = child >> _BITS
            bitmap = self._full[level].get(node, 0) | 1 << (child & _OFFSET)
            self._full[level][node] = bitmap
            if bitmap != _FULL:
                return
            level, child = level + 1, node

    def _mark_not_full(self, child: int) -> None:
        for full in self._full:
            node = child >> _BITS
            bitmap = full[node]
            _put(full, node, bitmap & ~(1 << (child & _OFFSET)))
            if bitmap != _FULL:
                return
            child = node

    def _grow_to(self, leaf: int) -> None:
        # As many levels of counts as it takes for all that is taken to stand under one root.
        if not self._size:
            self._counts.clear()
            self._root = leaf
        while leaf >> _BITS * len(self._counts) != self._root:
            self._root >>= _BITS
            self._counts.append({self._root: self._size})

    def _count_below(self, address: int) -> int:
        node = address >> _BITS
        root = node >> _BITS * len(self._counts)
        if root != self._root:
            return self._size if root > self._root else 0
        total = (self._leaves.get(node, 0) & ((1 << (address & _OFFSET)) - 1)).bit_count()
        if self._counts:
            before = range(node & ~_OFFSET, node)
            total += sum(self._leaves.get(sibling, 0).bit_count() for sibling in before)
        for counts in self._counts[:-1]:
            node >>= _BITS
            total += sum(counts.get(sibling, 0) for sibling in range(node & ~_OFFSET, node))
        return total


def _lowest(bitmap: int) -> int:
    return (bitmap & -bitmap).bit_length() - 1


def _put(nodes: dict[int, int], node: int, value: int) -> None:
    if value:
        nodes[node] = value
    else:
        nodes.pop(node, None)
