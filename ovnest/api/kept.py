"""Kept texts: a resource's JSON as it was last made, for as long as making it again would give the same.

One is found by the row that it was made of, which has to be the very same object, and used only if all that
it was made from is still so (`transaction.recording` says why that is exact). A list that goes on over
several turns of the loop therefore shows each row as it was when the list began; what a row looks at, such as
its parent, is shown as it is when the text is taken, whether it is made then or was kept.

Texts are kept for each set of hidden attributes. Past a bound the oldest ones go.
"""

from collections import OrderedDict

from msgspec import Struct

from ovnest.ovsdb import Replica, Row, RowUuid
from ovnest.transaction import Context, Looked, Places, RecordingTx

KEPT_BYTES = 96 * 2**20  # the texts of 50,000 ports, with what stands beside each
_BESIDE_BYTES = 700  # measured: the entry, what it looked at, its place in the order
_LOOKED_MAX = 64  # what looks at more than that (a port has 2 to 8) is made faster than looked through
_TRIED = 4


class _Kept(Struct, frozen=True, gc=False):
    row: Row
    text: bytes
    looked: Looked

    @property
    def size_bytes(self) -> int:
        return len(self.text) + _BESIDE_BYTES


class Shelf:
    """The texts of one kind without one set of hidden attributes, oldest first."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._texts: OrderedDict[RowUuid, _Kept] = OrderedDict()
        self.size_bytes = 0

    def find(self, row: Row, context: Context) -> bytes | None:
        """The text of just this row, if it is still what would be made."""
        kept = self._texts.get(row.uuid)
        if kept is None or kept.row is not row or not kept.looked.holds(self._replica, context):
            return None
        return kept.text

    def put(self, row: Row, text: bytes, looked: Looked) -> None:
        """Keep it, as the youngest."""
        kept = self._texts[row.uuid] = _Kept(row, text, looked)
        self.size_bytes += kept.size_bytes

    def drop(self, uuid: RowUuid) -> None:
        """Keep none of that row."""
        kept = self._texts.pop(uuid, None)
        if kept is not None:
            self.size_bytes -= kept.size_bytes

    def drop_a_former(self) -> bool:
        """Take out one of the oldest whose row has changed or gone, if any; the others are young again."""
        for _ in range(min(_TRIED, len(self._texts))):
            uuid, kept = self._texts.popitem(last=False)
            if self._replica.find(type(kept.row), uuid) is not kept.row:
                self.size_bytes -= kept.size_bytes
                return True
            self._texts[uuid] = kept
        return False

    def drop_oldest(self) -> None:
        """Take out the oldest."""
        _, kept = self._texts.popitem(last=False)
        self.size_bytes -= kept.size_bytes

    def __len__(self) -> int:
        return len(self._texts)


class KeptTexts:
    """The texts of all kinds, together of no more than `max_bytes`."""

    def __init__(self, replica: Replica, max_bytes: int = KEPT_BYTES) -> None:
        self._places = Places(replica)
        self._replica = replica
        self._max_bytes = max_bytes
        self._shelves: dict[tuple[str, frozenset[str]], Shelf] = {}

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        return sum(shelf.size_bytes for shelf in self._shelves.values())

    def shelf(self, kind: str, hidden: frozenset[str]) -> Shelf:
        """The texts of a kind without these attributes."""
        found = self._shelves.get((kind, hidden))
        if found is None:
            found = self._shelves[kind, hidden] = Shelf(self._replica)
        return found

    def look(self, context: Context) -> RecordingTx:
        """A look at the replica, to make one text."""
        return RecordingTx(self._replica, context, self._places)

    def keep(self, shelf: Shelf, row: Row, text: bytes, looked: Looked | None, *, of_many: bool) -> None:
        """Keep the text of a row, if it may be kept: it is the row's as it is now, and does not look at much.

        When there is no room, one of many takes none from its own shelf: a list longer than the bound would
        push out what it has kept itself, and find nothing the next time.
        """
        needed = len(text) + _BESIDE_BYTES
        if looked is None or len(looked.rows) + len(looked.places) > _LOOKED_MAX or needed > self._max_bytes:
            return
        if self._replica.find(type(row), row.uuid) is not row:
            return
        shelf.drop(row.uuid)
        while self.size_bytes + needed > self._max_bytes:
            largest = max(self._shelves.values(), key=lambda each: each.size_bytes)
            if largest is shelf and of_many:
                if not shelf.drop_a_former():
                    return
            else:
                largest.drop_oldest()
        shelf.put(row, text, looked)
