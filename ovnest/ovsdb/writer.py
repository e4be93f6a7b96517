"""The one who writes: takes what waits, makes batches, sends one at a time, finds out what became of it.

Source: docs/ledger.md.
"""

import asyncio
import logging
import random
import time
from dataclasses import dataclass

from ovnest.ovsdb.batch import Batch, Verdict
from ovnest.ovsdb.errors import Busy, Disconnected, InDoubt, OperationError, TimedOut, Unreachable
from ovnest.ovsdb.ledger import LedgerState
from ovnest.ovsdb.messages import Message, encode, transaction_error
from ovnest.ovsdb.options import Options
from ovnest.ovsdb.replica import Replica
from ovnest.ovsdb.session import OnReply, Session
from ovnest.ovsdb.turns import Turns
from ovnest.ovsdb.waiting import Pending, WaitingRoom

_log = logging.getLogger(__name__)

_ALONE_AFTER_REFUSALS = 3
_ERRORS_ALONE = 2
"""An operation that is refused alone is run once more, on what the server has told since."""

_UNSETTLED = ("cluster error", "not leader", "canceled", "unknown database")
"""Errors after which the transaction may yet be, or may have been, applied."""

_PAUSE_S = 0.005
"""Without turns, who was refused waits up to so long, by chance, before the next try."""


_SLICE_S = 0.004
"""What is done while a reply is awaited lets the loop go on so often."""


@dataclass(slots=True, eq=False)
class _Doubt:
    """A batch that was sent and whose reply was lost."""

    batch: Batch
    params: bytes


class Writer:
    """Runs and commits what is accepted, over whichever session there is."""

    def __init__(
        self, database: str, replica: Replica, ledger: LedgerState | None, turns: Turns, options: Options
    ) -> None:
        self.room = WaitingRoom()
        self._database = database
        self._replica = replica
        self._ledger = ledger
        self._turns = turns
        self._options = options
        self._session: Session | None = None
        self._flight: Batch | None = None
        self._doubt: _Doubt | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._seen_foreign = 0
        self.resolved_applied = 0
        self.resolved_dropped = 0

    def accept(self, pending: Pending) -> None:
        self.room.add(pending)
        self._idle.clear()
        self._wake.set()

    def use(self, session: Session | None) -> None:
        """From now on write over this session, or over none."""
        self._session = session
        self._wake.set()

    @property
    def in_doubt(self) -> int:
        """How many operations are sent, their answer lost, and not known to be written."""
        return len(self._doubt.batch.entries) if self._doubt is not None else 0

    @property
    def sent(self) -> int:
        """How many operations are sent and not answered."""
        return len(self._flight.entries) if self._flight is not None else 0

    async def run(self) -> None:
        while True:
            session = self._session
            if session is None or session.closed or not (self.room or self._doubt):
                if not self.room and self._doubt is None:
                    self._idle.set()
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await self._write(session)
            except Disconnected:
                # Another session will come, or has; `use` tells.
                if self._session is session:
                    self._session = None

    async def _write(self, session: Session) -> None:
        """One turn: what is in doubt first, then batches as long as the turn lasts."""
        if self._doubt is not None:
            await self._resolve(session, self._doubt)
            return
        self._look_for_others()
        await self._turns.begin(session)
        try:
            while self.room:
                await session.when_settled()
                if session.closed:
                    raise Disconnected("the connection ended")
                if not await self._write_batch(session) or not self._turns.may_go_on():
                    return
        finally:
            self._turns.end(session)

    def _look_for_others(self) -> None:
        if self._ledger is not None and self._ledger.foreign_batches != self._seen_foreign:
            self._seen_foreign = self._ledger.foreign_batches
            self._turns.contended()

    # A batch.

    async def _write_batch(self, session: Session) -> bool:
        """Run and commit what waits; whether the next may follow at once."""
        batch = Batch()
        seq = self._ledger.seq if self._ledger is not None else None
        try:
            batch.fill(self.room, self._replica, self._options)
            if not batch.entries:
                return True
            self._flight = batch
            if not batch.written:
                return await self._prove(session, batch, seq)
            if self._ledger is not None:
                if seq is None or self._ledger.lost is not None:
                    raise self._unsent(batch, "the ledger is gone")
                number = self._ledger.own_batch + 1
                batch.order(seq, number, self._ledger.place(seq, number))
            return await self._send(session, batch)
        finally:
            self._flight = None
            batch.close()
            self._replica.forget_foretold()

    async def _prove(self, session: Session, batch: Batch, seq: int | None) -> bool:
        """Nothing is to be written: the results count if the replica they rest on was current."""
        batch.close()
        try:
            await session.call("echo", [])
        except Disconnected as error:
            raise self._unsent(batch, str(error)) from None
        if self._ledger is not None and self._ledger.seq != seq:
            self._again(batch, tired=False)
        else:
            batch.deliver()
        return True

    async def _send(self, session: Session, batch: Batch) -> bool:
        params = batch.params(self._database)
        if session.closed:
            raise self._unsent(batch, "the connection ended")

        # Callers are answered as soon as the reply is read, and so are back with what they
        # want next before the next batch is made.
        def deliver(reply: Message) -> None:
            if transaction_error(reply) is None:
                self._flight = None
                self._commit(batch)

        awaited = _transact(session, params, deliver)
        # What can wait is done from here on, while the server is busy with the transaction.
        batch.close()
        try:
            await self._foretell(batch, awaited)
            reply = await awaited
        except Disconnected as gone:
            self._set_doubt(batch, params, str(gone))
            raise
        verdict, error, culprit = batch.judge(reply)
        if verdict is Verdict.COMMITTED:
            if self._ledger is not None:
                self._ledger.get_ready()
            return True
        assert error is not None  # noqa: S101 - all other verdicts come from one
        if error.code in _UNSETTLED:
            self._set_doubt(batch, params, str(error))
            session.close(f"the cluster did not take a transaction: {error}")
            raise Disconnected(str(error))
        if self._ledger is not None:
            # A cluster may run a transaction again by itself: then it is refused for what it wrote.
            if self._ledger.applied >= batch.number:
                self._commit(batch)
                return True
            if self._ledger.lost is not None:
                self._set_doubt(batch, params, self._ledger.lost)
                raise Disconnected(self._ledger.lost)
        self._refused(batch, verdict, error, culprit)
        if verdict is Verdict.LEDGER and not self._turns.taking:
            await asyncio.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311 - not for secrets
        return verdict is not Verdict.LEDGER

    async def _foretell(self, batch: Batch, awaited: asyncio.Future[Message]) -> None:
        """Get ready for our own rows to come back, in slices, as long as the server lets us."""
        until = 0.0  # a long batch has held the loop already
        for _ in self._replica.foretell(batch.inserted()):
            if time.perf_counter() >= until:
                await asyncio.sleep(0)
                if awaited.done():
                    return
                until = time.perf_counter() + _SLICE_S

    def _unsent(self, batch: Batch, reason: str) -> Disconnected:
        """Let the operations of a batch that was not sent wait for another connection."""
        for pending in batch.pending:
            pending.attempts -= 1
        self.room.put_back(batch.pending)
        return Disconnected(reason)

    def _commit(self, batch: Batch) -> None:
        if self._ledger is not None:
            self._ledger.committed(batch.number)
        batch.deliver()

    # A refused batch.

    def _refused(
        self, batch: Batch, verdict: Verdict, error: OperationError, culprit: Pending | None
    ) -> None:
        match verdict:
            case Verdict.LEDGER:
                self._turns.contended()
                self._again(batch, tired=False)
            case Verdict.CONFLICT if culprit is not None and len(batch.entries) > 1:
                culprit.refusals += 1
                others = [pending for pending in batch.pending if pending is not culprit]
                if culprit.refusals >= _ALONE_AFTER_REFUSALS:
                    self._again(batch, [culprit], others)
                else:
                    self._again(batch)
            case Verdict.CONFLICT if isinstance(error, TimedOut):
                self._again(batch)
            case Verdict.FAULT if culprit is not None and len(batch.entries) > 1:
                others = [pending for pending in batch.pending if pending is not culprit]
                self._again(batch, [culprit], others)
            case _ if len(batch.entries) > 1:
                half = len(batch.entries) // 2
                self._again(batch, batch.pending[:half], batch.pending[half:])
            case _:
                self._alone(batch.pending[0], error)

    def _alone(self, pending: Pending, error: OperationError) -> None:
        pending.errors += 1
        if pending.errors >= _ERRORS_ALONE:
            pending.fail(error)
        else:
            self.room.put_back([pending])

    def _again(self, batch: Batch, *groups: list[Pending], tired: bool = True) -> None:
        """Run the operations of a batch again, in these groups or all together.

        `tired`: not those that have been run too often. Whom another server's write was in the way of, only
        time limits.
        """
        too_often = set()
        for pending in batch.pending if tired else ():
            if pending.attempts >= self._options.attempts:
                too_often.add(pending)
                pending.fail(Busy(f"The operation was run {pending.attempts} times, and refused each time."))
        self.room.put_back(
            *([p for p in group if p not in too_often] for group in groups or (batch.pending,))
        )

    # A lost reply.

    def _set_doubt(self, batch: Batch, params: bytes, reason: str) -> None:
        if self._ledger is None:
            for pending in batch.pending:
                pending.fail(InDoubt(f"The write was sent, and no answer came: {reason}."))
            return
        _log.warning("event=reply_lost batch=%s operations=%s", batch.number, len(batch.entries))
        self._doubt = _Doubt(batch, params)

    async def _resolve(self, session: Session, doubt: _Doubt) -> None:
        """Send the very same batch again: it can be applied once only, and the answer tells if it is."""
        assert self._ledger is not None  # noqa: S101 - without a ledger there is no doubt to resolve
        batch = doubt.batch
        params = doubt.params
        while self._ledger.applied < batch.number:
            reply = await _transact(session, params)
            verdict, error, _ = batch.judge(reply)
            if verdict is Verdict.COMMITTED and params is doubt.params:
                break
            if error is not None and error.code in _UNSETTLED:
                session.close(f"the cluster did not take a transaction: {error}")
                raise Disconnected(str(error))
            if self._ledger.lost is not None:
                raise Disconnected(self._ledger.lost)
            if self._ledger.applied >= batch.number:
                break
            if verdict in (Verdict.COMMITTED, Verdict.LEDGER):
                # Its place in the order is taken, and not by itself: it never will be applied.
                _log.info("event=doubt_resolved batch=%s applied=no", batch.number)
                self.resolved_dropped += 1
                self._doubt = None
                self._again(batch, tired=False)
                return
            # It is refused for another reason, and nobody has its place yet: an old leader's entry may still
            # come and take it. So take the place with a batch that does nothing else.
            params = self._fence(batch)
        _log.info("event=doubt_resolved batch=%s applied=yes", batch.number)
        self.resolved_applied += 1
        self._doubt = None
        self._commit(batch)

    def _fence(self, batch: Batch) -> bytes:
        ledger = self._ledger
        assert ledger is not None  # noqa: S101 - only a batch of the ledger is ever in doubt
        assert batch.seq is not None  # noqa: S101 - likewise
        # Our key keeps its number, for the fence is not the batch.
        fence = [ledger.begin(batch.seq), ledger.advance(batch.seq, batch.number - 1)]
        return b",".join([encode(self._database), *(encode(operation) for operation in fence)])

    def give_up_doubt(self, reason: str) -> None:
        """Tell who waits for a batch in doubt that it will never be known."""
        if self._doubt is not None:
            for pending in self._doubt.batch.pending:
                pending.fail(InDoubt(reason))
            self._doubt = None

    # Ends.

    def sweep(self, now: float, unreachable: str | None) -> bool:
        """Answer those whose time is over; whether anybody still waits."""
        for pending in self.room:
            if now >= pending.deadline and not pending.expired:
                pending.expired = True
                pending.fail(
                    Unreachable(unreachable)
                    if unreachable is not None
                    else Busy("The operation waited too long for its turn.")
                )
        sent = [self._flight] if self._flight is not None else []
        if self._doubt is not None:
            sent.append(self._doubt.batch)
        for batch in sent:
            for pending in batch.pending:
                if now >= pending.deadline:
                    # Should it turn out to be refused, it is not run again.
                    pending.expired = True
                    pending.fail(InDoubt("The write was sent, and no answer came in time."))
        return bool(self.room or sent)

    async def drain(self, timeout_s: float) -> None:
        """Wait until all that was accepted is answered, or that long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("event=not_drained waiting=%s in_doubt=%s", len(self.room), self.in_doubt)

    def stop(self, reason: str) -> None:
        """Answer all who still wait."""
        for pending in self.room:
            pending.fail(Unreachable(reason))
        if self._flight is not None:
            for pending in self._flight.pending:
                pending.fail(InDoubt(f"The write was sent, and then the client ended: {reason}."))
        self.give_up_doubt(f"The write was sent, and then the client ended: {reason}.")


def _transact(session: Session, params: bytes, on_reply: OnReply | None = None) -> asyncio.Future[Message]:
    head = b'{"id":%d,"method":"transact","params":[' % session.next_id()
    return session.send(head + params + b"]}", on_reply)
