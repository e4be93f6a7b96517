"""The ledger: one row whose `seq` puts all batches of all servers in one order.

The page docs/ledger.md tells how; here is what the row holds and what a server makes of it, without any I/O.

    <prefix>seq            number of the last batch of anybody
    <prefix>last           id of the server whose batch that was
    <prefix>server:<id>    "<number of that server's last batch> <Unix time>"
    <prefix>leader         chance, written to see whether a cluster's leader can commit
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ovnest.ovsdb.messages import Delete, Insert, Mutate, Operation, Wait, by_uuid, encode
from ovnest.ovsdb.values import RowUuid, Wire, decode_map, differ_map, encode_map

_STAMP_S: Final = 1.0
"""So old may the time be that a batch writes beside its number; keys are removed after a day."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Which row is the ledger. All servers of a database say the same."""

    table: str
    uuid: RowUuid
    column: str = "external_ids"
    """A map of strings; keys that do not begin with `prefix` are nobody's business."""
    row: Mapping[str, Wire] = field(default_factory=dict)
    """Other columns that the row is made with."""
    prefix: str = ""
    first: Mapping[str, str] = field(default_factory=dict)
    """Further keys, written in full, that the row is made with."""
    lock: str = ""
    """The lock's name; by default made of the prefix and the database."""

    def lock_name(self, database: str) -> str:
        """An `<id>` (RFC 7047, 3.1) of the lock for taking turns."""
        return self.lock or f"{self.prefix.rstrip(':') or 'ledger'}_{database}"


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """The operations that take a place in the order, encoded."""

    seq: int
    number: int
    operations: tuple[bytes, bytes]
    values: Mapping[str, str] | None  # of the ledger's row, when they were made
    made: float


class LedgerState:
    """The ledger as it stands, and what this server has written to it."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], float], key_age_s: float, on_loss: Callable[[str], None]
    ) -> None:
        self.ledger = ledger
        self._clock = clock
        self._key_age_s = key_age_s
        self._on_loss = on_loss
        self._values: dict[str, str] | None = None
        self.seq: int | None = None
        """The number of the last batch; None if there is no ledger."""
        self.applied = 0
        """The number of our last batch that is in the database."""
        self._seq_key: Final = f"{ledger.prefix}seq"
        self._last_key: Final = f"{ledger.prefix}last"
        self._server_prefix: Final = f"{ledger.prefix}server:"
        self._highest: int | None = None  # None: no ledger has been seen yet
        self.foreign_batches = 0
        """How many batches of others have been seen."""
        self.lost: str | None = None
        """Why what we knew of the ledger is no longer true; None if it is."""
        self._ready: _Place | None = None
        self._take_new_id()

    def _take_new_id(self) -> None:
        self.own_id = secrets.token_hex(8)
        self._own_key = f"{self._server_prefix}{self.own_id}"
        self.own_batch = 0

    def heard(self, kind: str, wire: Mapping[str, Wire] | None) -> None:
        """An update of the row (`Replica.watch`)."""
        before, applied = self.seq, self.applied
        if kind == "delete":
            self._values = None
        elif kind == "modify":
            column = (wire or {}).get(self.ledger.column)
            if column is not None:
                self._values = differ_map(self._values or {}, column, decode_map)
        else:
            self._values = decode_map((wire or {}).get(self.ledger.column, ("map", ())))
        self._read()
        self._judge()
        if before is not None and self.seq is not None and self.applied == applied:
            self.foreign_batches += max(0, self.seq - before)

    def _read(self) -> None:
        values = self._values or {}
        seq = values.get(self._seq_key, "")
        self.seq = int(seq) if seq.isdecimal() else None
        number, _, _ = values.get(self._own_key, "").partition(" ")
        self.applied = int(number) if number.isdecimal() else 0

    def _judge(self) -> None:
        seq = self.seq
        if self.lost is not None:
            return
        if seq is None:
            if self._highest is not None:
                self._lose("the ledger is gone")
        elif self._highest is not None and seq < self._highest:
            self._lose(f"the ledger went back from {self._highest} to {seq}: a restored backup?")
        elif self.own_batch and self.applied < self.own_batch:
            self._lose("our key is gone from the ledger")
        else:
            self._highest = seq

    def _lose(self, reason: str) -> None:
        self.lost = reason
        self._on_loss(reason)

    def start_again(self) -> None:
        """Be a new server, on the ledger as it stands now."""
        self._take_new_id()
        self._ready = None
        self.applied = 0
        self._highest = self.seq
        self.lost = None

    def committed(self, number: int) -> None:
        """Our batch of that number is in the database."""
        self.own_batch = max(self.own_batch, number)

    # Operations.

    def create(self) -> list[Operation]:
        """Make the ledger, if it is not there."""
        ledger = self.ledger
        values = {self._seq_key: "0", self._last_key: self.own_id, **ledger.first}
        if self._values is not None:
            # The row is there without its number: a manual edit. An insert into a map replaces no key.
            return [
                Mutate(
                    table=ledger.table,
                    where=by_uuid(ledger.uuid),
                    mutations=[(ledger.column, "insert", encode_map(values))],
                )
            ]
        row = {**ledger.row, ledger.column: encode_map(values)}
        return [Insert(table=ledger.table, row=row, uuid=ledger.uuid)]

    def create_in_place_of_another(self) -> list[Operation]:
        """Make the ledger where a row like it with another `_uuid` is in its way."""
        same: list[Wire] = [(column, "==", value) for column, value in self.ledger.row.items()]
        other: Wire = ("_uuid", "!=", ("uuid", self.ledger.uuid))
        return [Delete(table=self.ledger.table, where=[*same, other]), *self.create()]

    def show_leadership(self) -> list[Operation]:
        """A change that only a leader with a quorum can commit, and that means nothing."""
        ledger = self.ledger
        key = f"{ledger.prefix}leader"
        # No change at all would not be committed, so it is another value each time.
        mutations: list[Wire] = [
            (ledger.column, "delete", ("set", [key])),
            (ledger.column, "insert", ("map", [(key, secrets.token_hex(8))])),
        ]
        return [Mutate(table=ledger.table, where=by_uuid(ledger.uuid), mutations=mutations)]

    def place(self, seq: int, number: int) -> tuple[bytes, bytes]:
        """`begin` and `advance`, encoded: what a batch starts with."""
        ready = self._ready
        if ready is None or not self._holds(ready, seq, number):
            operations = (encode(self.begin(seq)), encode(self.advance(seq, number)))
            ready = self._ready = _Place(seq, number, operations, self._values, self._clock())
        return ready.operations

    def get_ready(self) -> None:
        """Make the place of our next batch while nobody waits for it."""
        if self.seq is not None:
            self.place(self.seq, self.own_batch + 1)

    def _holds(self, place: _Place, seq: int, number: int) -> bool:
        # The row's values are another object after each update, a new id of ours is told by one.
        same = (place.seq, place.number) == (seq, number) and place.values is self._values
        return same and 0 <= self._clock() - place.made < _STAMP_S

    def begin(self, seq: int) -> Wait:
        """Go on only if the last batch is `seq`, and is the same batch that we know by that number."""
        ledger = self.ledger
        pairs = [(self._seq_key, str(seq))]
        last = (self._values or {}).get(self._last_key)
        if last is not None:
            # After a restored backup, or a ledger made anew, numbers come again; then with another server's
            # id.
            pairs.append((self._last_key, last))
        # The pairs stand in `where`, so that other keys of the column do not matter.
        includes: Any = (ledger.column, "includes", ("map", pairs))
        return Wait(
            table=ledger.table,
            where=[*by_uuid(ledger.uuid), includes],
            columns=("_uuid",),
            until="==",
            rows=({"_uuid": ("uuid", ledger.uuid)},),
            timeout=0,
        )

    def advance(self, seq: int, number: int) -> Mutate:
        """Let the last batch be `seq + 1`, our number `number`; keys of servers long silent go."""
        ledger = self.ledger
        now = int(self._clock())
        stale = [self._seq_key, self._last_key, self._own_key, *self._aged_keys(now)]
        fresh = [
            (self._seq_key, str(seq + 1)),
            (self._last_key, self.own_id),
            (self._own_key, f"{number} {now}"),
        ]
        return Mutate(
            table=ledger.table,
            where=by_uuid(ledger.uuid),
            mutations=[
                (ledger.column, "delete", ("set", stale)),
                (ledger.column, "insert", ("map", fresh)),
            ],
        )

    def _aged_keys(self, now: int) -> list[str]:
        aged = []
        for key, value in (self._values or {}).items():
            if key.startswith(self._server_prefix) and key != self._own_key:
                _, _, written = value.partition(" ")
                if not written.isdecimal() or now - int(written) > self._key_age_s:
                    aged.append(key)
        return aged
