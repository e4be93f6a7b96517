"""Group commit: many operations, one transaction. No I/O.

A batch runs its operations over one `Stage`, makes the transaction of what they staged, and reads the
reply: committed, or which of the operations is to blame.

Source: docs/ledger.md, "A batch"; RFC 7047, 4.1.3 (how a reply tells which operation failed).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ovnest.ovsdb.errors import DuplicateUuid, OperationError, TimedOut, TooLarge
from ovnest.ovsdb.messages import Comment, Commit, Message, encode, transaction_error
from ovnest.ovsdb.options import Options
from ovnest.ovsdb.replica import Replica
from ovnest.ovsdb.rows import Row
from ovnest.ovsdb.staging import Stage, Transaction
from ovnest.ovsdb.waiting import Pending, WaitingRoom

_COMMENT_CHARS = 400


class Verdict(Enum):
    """What a reply says of a batch."""

    COMMITTED = "it is in the database"
    LEDGER = "another server wrote in between"
    CONFLICT = "a row that an operation builds on has gone or come"
    FAULT = "an operation is wrong in itself"
    COMMIT = "it does not hold together, and nobody knows whose fault it is"


@dataclass(slots=True, eq=False)
class _Entry:
    pending: Pending
    result: Any
    error: Exception | None
    last: int  # number of the first operation in the transaction that is not its own


class Batch:
    """Operations that have been run, and the transaction that they make together."""

    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self.seq: int | None = None
        self.number = 0
        self._stage: Stage | None = None
        self._parts: list[bytes] = []
        self._head: Sequence[bytes] = ()
        self._bytes = 0
        self._count = 0

    @property
    def written(self) -> bool:
        """Whether there is anything to send."""
        return bool(self._parts)

    @property
    def pending(self) -> list[Pending]:
        return [entry.pending for entry in self.entries]

    def order(self, seq: int, number: int, place: Sequence[bytes]) -> None:
        """Let the transaction begin with the ledger's operations: after `seq`, as our batch `number`."""
        self.seq, self.number = seq, number
        self._head = place

    def params(self, database: str) -> bytes:
        """The parameters of `transact`; always the same bytes, so that the batch can be sent again."""
        return b",".join([encode(database), *self._head, *self._parts])

    def deliver(self) -> None:
        """Give each caller what its operation returned or raised."""
        for entry in self.entries:
            if entry.error is not None:
                entry.pending.fail(entry.error)
            else:
                entry.pending.succeed(entry.result)

    def judge(self, reply: Message) -> tuple[Verdict, OperationError | None, Pending | None]:
        """What became of the batch, the server's error, and the operation that is to blame, if one is."""
        error = transaction_error(reply)
        if error is None:
            return Verdict.COMMITTED, None, None
        index = error.index
        if index is None:
            return Verdict.COMMIT, error, None
        if index < len(self._head):
            return Verdict.LEDGER, error, None
        for entry in self.entries:
            if index - len(self._head) < entry.last:
                conflict = isinstance(error, TimedOut | DuplicateUuid)
                return Verdict.CONFLICT if conflict else Verdict.FAULT, error, entry.pending
        return Verdict.COMMIT, error, None

    # Running operations.

    def fill(self, room: WaitingRoom, replica: Replica, options: Options) -> None:
        """Run waiting operations, until the batch is full or nothing waits; `close` must follow."""
        stage = self._stage = Stage(replica)
        self._fill(room, stage, options)
        if self._parts or stage.links:
            comments = dict.fromkeys(entry.pending.comment for entry in self.entries)
            self._finish(stage, options, "; ".join(filter(None, comments)))

    def close(self) -> None:
        """Let trackers go back to what the replica has; before anybody else looks at them."""
        if self._stage is not None:
            self._stage.close()

    def inserted(self) -> list[Row]:
        """The rows that the batch makes."""
        return self._stage.inserted() if self._stage is not None else []

    def _fill(self, room: WaitingRoom, stage: Stage, options: Options) -> None:
        group = room.take_group()
        if group:
            for pending in group:
                self._run(pending, stage, options)
            return
        until = time.perf_counter() + options.batch_ms / 1000
        items = 0
        for pending in room.take_fairly():
            if self.entries and items + pending.items > options.batch_items:
                room.put_back_one(pending)
                return
            if not self._run(pending, stage, options):
                room.put_back_one(pending)
                return
            items += pending.items
            if (
                len(self.entries) >= options.batch_operations
                or self._bytes >= options.batch_bytes
                or items >= options.batch_items
                or time.perf_counter() >= until
            ):
                return

    def _run(self, pending: Pending, stage: Stage, options: Options) -> bool:
        """Whether the operation is in the batch; it is not if it is too long for the room that is left."""
        stage.begin()
        result: Any = None
        error: Exception | None = None
        try:
            result = pending.operation(Transaction(stage))
        except Exception as raised:  # the operation's own refusal, which is its caller's
            stage.undo()
            error = raised
        part = encode(stage.operations)[1:-1] if stage.operations else b""
        if len(part) > options.operation_bytes:
            stage.undo()
            pending.fail(
                TooLarge(f"The operation needs {len(part)} bytes, of {options.operation_bytes} allowed.")
            )
            return True
        if self.entries and part and self._bytes + len(part) > max(options.batch_bytes, len(part)):
            stage.undo()
            return False
        if part:
            self._parts.append(part)
            self._bytes += len(part)
            self._count += len(stage.operations)
        pending.attempts += 1
        self.entries.append(_Entry(pending, result, error, self._count))
        return True

    def _finish(self, stage: Stage, options: Options, comment: str) -> None:
        last: list[Any] = [*stage.link_operations()]
        if not self._parts and not last:
            return
        if comment:
            last.append(Comment(comment=comment[:_COMMENT_CHARS]))
        if options.durable:
            last.append(Commit(durable=True))
        if last:
            self._parts.append(encode(last)[1:-1])
