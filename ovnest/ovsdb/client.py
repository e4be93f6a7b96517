"""The whole: stay connected, keep the replica, run operations, answer when a read may begin.

Source: docs/ledger.md.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from ovnest.ovsdb.barrier import ReadBarrier
from ovnest.ovsdb.connection import Connection, Follower, Unusable
from ovnest.ovsdb.errors import (
    Busy,
    Disconnected,
    InDoubt,
    OperationError,
    OvsdbError,
    SchemaMismatch,
    TooLarge,
    Unreachable,
)
from ovnest.ovsdb.ledger import Ledger, LedgerState
from ovnest.ovsdb.messages import Message, decode, transaction_error
from ovnest.ovsdb.messages import Operation as WireOperation
from ovnest.ovsdb.options import Options
from ovnest.ovsdb.remotes import Remote, Tls, check_tls, parse_remotes
from ovnest.ovsdb.replica import Change, Index, Replica, Tracker
from ovnest.ovsdb.rows import Row
from ovnest.ovsdb.session import Session
from ovnest.ovsdb.staging import Transaction
from ovnest.ovsdb.status import Status
from ovnest.ovsdb.turns import Turns
from ovnest.ovsdb.waiting import Pending
from ovnest.ovsdb.writer import Writer

T = TypeVar("T")
Operation = Callable[[Transaction], T]
"""A function of the database: it reads and stages, does no I/O, never awaits, and may be run again."""

_log = logging.getLogger(__name__)
_SWEEP_S = 0.1


class Client:
    """An OVSDB database: its rows in memory, and writes in one total order.

    `async with Client(…) as client:` starts and stops it. `replica` may be read at any time between two
    awaits; a read that must see every acknowledged write awaits `barrier()` first.
    """

    def __init__(
        self,
        remotes: str | Sequence[Remote],
        database: str,
        *,
        tables: Sequence[type[Row]],
        indexes: Sequence[Index[Any]] = (),
        trackers: Sequence[Tracker[Any]] = (),
        ledger: Ledger | None = None,
        options: Options | None = None,
        tls: Tls | None = None,
    ) -> None:
        self.options = options or Options()
        self._remotes = parse_remotes(remotes) if isinstance(remotes, str) else tuple(remotes)
        check_tls(self._remotes, tls)
        self.replica = Replica(tables, indexes, trackers)
        self._ledger: LedgerState | None = None
        if ledger is not None:
            self._ledger = LedgerState(ledger, time.time, self.options.key_age_s, self._ledger_lost)
            self.replica.watch(ledger.table, ledger.uuid, self._ledger.heard)
        lock = ledger.lock_name(database) if ledger is not None else ""
        self._turns = Turns(lock, self.options, time.monotonic)
        self._follower = Follower(database, self.replica, ledger, self.options, tls)
        self._writer = Writer(database, self.replica, self._ledger, self._turns, self.options)
        self._database = database
        self._connection: Connection | None = None
        self._remote: Remote | None = None
        self._reason = "not started"
        self._mismatch: SchemaMismatch | None = None
        self._ready = asyncio.Event()
        self._news = asyncio.Event()  # something happened that `ready` should look at
        self._barrier = ReadBarrier(self.options.barrier_timeout_s)
        self._sweeping: asyncio.TimerHandle | None = None
        self._runner: asyncio.Task[None] | None = None
        self._leaving = False

    # Life.

    async def __aenter__(self) -> Self:
        self._reason = "connecting"
        self._runner = asyncio.create_task(self._run(), name=f"ovsdb {self._database}")
        self._runner.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Accepted operations are finished, if that can be done within `drain_s`."""
        self._leaving = True
        await self._writer.drain(self.options.drain_s)
        runner = self._runner
        if runner is None:
            return
        connection = self._connection
        runner.cancel()
        try:
            await runner
        except asyncio.CancelledError:
            if not runner.cancelled():
                raise
        if connection is not None:
            await connection.session.end("the client is stopped")

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stay_connected())
            tasks.create_task(self._writer.run())

    def _ended(self, runner: asyncio.Task[None]) -> None:
        self._reason = "stopped"
        if not runner.cancelled() and runner.exception() is not None:
            _log.error("event=client_failed database=%s", self._database, exc_info=runner.exception())
            self._reason = f"failed: {runner.exception()!r}"
        self._leaving = True
        self._ready.clear()
        self._news.set()
        if self._connection is not None:
            self._connection.session.close(self._reason)
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._writer.stop(self._reason)
        self._barrier.stop(self._reason)

    async def watch(self) -> None:
        """Wait as long as it serves, or tries to.

        Raises:
            Exception: what made it fail, a fault in a row's reading for example; it does not come back.
        """
        if self._runner is not None:
            await asyncio.wait({self._runner})
            if not self._runner.cancelled():
                self._runner.result()

    # Asking how it is.

    async def ready(self, timeout_s: float | None = None) -> None:
        """Wait until the first load is done and writes are taken.

        Raises:
            Unreachable: not within that time; the message says why.
            SchemaMismatch: the server's schema will not do; said at once.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not self._ready.is_set():
                    if self._mismatch is not None:
                        raise self._mismatch
                    if self._leaving:
                        raise Unreachable(self._reason)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise Unreachable(self._reason) from None

    @property
    def status(self) -> Status:
        connection = self._connection
        info = connection.info if connection is not None else None
        return Status(
            connected=connection is not None,
            ready=self._ready.is_set(),
            loading=self._follower.loading,
            leader=info is not None and info.leader,
            remote=str(self._remote) if self._remote is not None else "",
            reason="" if self._ready.is_set() else self._reason,
            schema_version=self._follower.schema_version,
            rows=self.replica.count(),
            seq=self._ledger.seq if self._ledger is not None else None,
            waiting=len(self._writer.room),
            sent=self._writer.sent,
            in_doubt=self._writer.in_doubt,
            lost_and_written=self._writer.resolved_applied,
            lost_and_dropped=self._writer.resolved_dropped,
            resumed=self._follower.resumed,
            reloaded=self._follower.reloaded,
            turns=self._turns.taken,
        )

    def on_change(self, listener: Callable[[list[Change]], None]) -> None:
        """Call `listener` after each update with the rows that it changed, as they were and as they are."""
        self.replica.listeners.append(listener)

    # Reading.

    async def barrier(self) -> None:
        """Wait until the replica has every write that was acknowledged, to anybody, before this call.

        One `echo` to the leader serves all who wait; who comes while one is under way joins the next, since
        that one may have been answered before the write he must see.

        Raises:
            Unreachable: no answer within `barrier_timeout_s`.
        """
        if self._leaving:
            raise Unreachable(self._reason)
        self._sweep_later()
        await self._barrier.wait()

    # Writing.

    async def execute(
        self, operation: Operation[T], *, caller: str = "", comment: str = "", size_hint: int = 1
    ) -> T:
        """Run `operation` on the newest state and commit what it stages; gives what it returns.

        It may be run several times, of which one counts. It is finished even if the caller is cancelled.
        `caller`: those get fair turns. `comment`: words for the database's log. `size_hint`: how many
        things it makes.

        Raises:
            Exception: whatever the operation raises; nothing of it is written then.
            Busy: too much is waiting, or it was refused again and again.
            Unreachable: no server took it in time; it was not written.
            InDoubt: it was sent, and whether it was written cannot be told.
            TooLarge: it is beyond the bounds of one transaction.
            OperationError: the server does not take it.
        """
        options = self.options
        if self._leaving:
            raise Unreachable(self._reason)
        if size_hint > options.operation_items:
            raise TooLarge(f"The operation makes {size_hint} things, of {options.operation_items} allowed.")
        if len(self._writer.room) >= options.queue_operations:
            raise Busy(f"{options.queue_operations} operations are waiting already.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        deadline = loop.time() + options.execute_timeout_s
        self._writer.accept(Pending(operation, future, caller, comment, size_hint, deadline))
        self._sweep_later()
        return await future

    async def transact(self, *operations: WireOperation | dict[str, Any]) -> list[Any]:
        """Send a transaction as it is, past the ledger: for tests, tools and databases without one.

        Raises:
            OperationError: the server refused it.
            Unreachable: it was not sent.
            InDoubt: it was sent, and no answer came.
        """
        await self.ready(self.options.execute_timeout_s)
        session = self._session()
        if session is None:
            raise Unreachable(self._reason)
        try:
            async with asyncio.timeout(self.options.reply_timeout_s):
                reply = await session.call("transact", [self._database, *operations])
        except (TimeoutError, Disconnected) as error:
            raise InDoubt(f"no answer to a transaction: {error}") from error
        failed = transaction_error(reply)
        if failed is not None:
            raise failed
        result: list[Any] = reply.result
        return result

    def _session(self) -> Session | None:
        return self._connection.session if self._connection is not None else None

    # Patience has an end.

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        now = asyncio.get_running_loop().time()
        left = self._writer.sweep(now, None if self._ready.is_set() else self._reason)
        reason = "the server does not answer" if self._ready.is_set() else self._reason
        if self._barrier.sweep(now, reason) or left:
            self._sweep_later()

    # Connecting.

    async def _stay_connected(self) -> None:
        delay_s = self.options.backoff_min_s
        remotes = list(self._remotes)
        random.shuffle(remotes)
        while True:
            reasons = []
            electing = False
            for remote in tuple(remotes):
                try:
                    connection = await self._follower.connect(remote, self._notice)
                except (OSError, OvsdbError) as error:
                    self._set_mismatch(error)
                    electing = electing or isinstance(error, Unusable)
                    reasons.append(f"{remote}: {error or type(error).__name__}")
                    self._reason = "; ".join(reasons)
                    continue
                self._set_mismatch(None)
                delay_s = self.options.backoff_min_s
                # The next search begins where this one ended.
                remotes.remove(remote)
                remotes.insert(0, remote)
                await self._stay(remote, connection)
                reasons.append(f"{remote}: {self._reason}")
            # Half of the delay by chance, so that a thousand clients of one server do not come back together.
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - not for secrets
            # Where a server answers and only cannot be used now, an election or a start goes on; it will
            # not last long.
            limit_s = self.options.backoff_electing_s if electing else self.options.backoff_max_s
            delay_s = min(delay_s * 2, limit_s)

    async def _stay(self, remote: Remote, connection: Connection) -> None:
        """Use the connection as long as it lasts."""
        self._connection, self._remote = connection, remote
        session = connection.session
        try:
            await self._settle_ledger(connection)
            _log.info("event=connected database=%s remote=%s", self._database, remote)
            if not session.closed:
                self._ready.set()
                self._news.set()
                self._writer.use(session)
                self._barrier.use(session)
            self._reason = await session.when_closed()
        except OvsdbError as error:
            self._reason = str(error) or type(error).__name__
            session.close(self._reason)
        finally:
            self._ready.clear()
            self._writer.use(None)
            self._barrier.use(None)
            self._turns.forget()
            self._connection = None
        _log.warning(
            "event=disconnected database=%s remote=%s reason=%r", self._database, remote, self._reason
        )

    async def _settle_ledger(self, connection: Connection) -> None:
        """See that the leader leads, that there is a ledger, and that it is the one we know."""
        ledger, session = self._ledger, connection.session
        if ledger is None:
            return
        if ledger.lost is not None:
            _log.error("event=ledger_lost database=%s reason=%r", self._database, ledger.lost)
            self._writer.give_up_doubt(f"{ledger.lost}; whether the write is in the database cannot be told")
            ledger.start_again()
        for operations in (ledger.create, ledger.create_in_place_of_another):
            if ledger.seq is None:
                failed = await self._transact_now(session, operations())
        if ledger.seq is None:
            raise Unusable(f"the ledger cannot be made: {failed}")
        if connection.info is not None and connection.info.model == "clustered":
            # A leader of a moment ago may not know yet what the one before it has acknowledged. Once it
            # has committed something itself it does, and it is shown that there is a quorum.
            failed = await self._transact_now(session, ledger.show_leadership())
            if failed is not None:
                raise Unusable(f"the leader does not commit: {failed}")

    async def _transact_now(self, session: Session, operations: list[WireOperation]) -> OperationError | None:
        try:
            async with asyncio.timeout(self.options.reply_timeout_s):
                reply = await session.call("transact", [self._database, *operations])
                await session.call("echo", [])
        except TimeoutError:
            raise Unusable("the server answers, but commits nothing: is there a quorum?") from None
        return transaction_error(reply)

    def _ledger_lost(self, reason: str) -> None:
        # All that is known of the database may be of another time: load it anew.
        self._follower.reload()
        session = self._session()
        if session is not None:
            asyncio.get_running_loop().call_soon(session.close, reason)

    def _notice(self, message: Message) -> None:
        if message.method in ("locked", "stolen"):
            self._turns.notified(message.method, decode(message.params)[0])

    def _set_mismatch(self, error: Exception | None) -> None:
        self._mismatch = error if isinstance(error, SchemaMismatch) else None
        self._news.set()
