"""Turns: while several servers write, ovsdb-server's own lock says whose time it is.

The lock is for fairness only; the ledger keeps the writes safe. So a holder that hangs is passed over.

Source: docs/ledger.md, "Turns"; RFC 7047, 4.1.8 to 4.1.11.
"""

import asyncio
from collections.abc import Callable

from ovnest.ovsdb.options import Options
from ovnest.ovsdb.session import Session


class Turns:
    """This server's turn at one connection."""

    def __init__(self, lock: str, options: Options, clock: Callable[[], float]) -> None:
        self._lock = lock
        self._options = options
        self._clock = clock
        self._contended_until = 0.0
        self._turn_until: float | None = None  # None: there are no turns, or this is not ours
        self._granted: asyncio.Future[None] | None = None  # somebody waits for `locked`
        self._queued: Session | None = None  # there our request waits behind a holder that hangs
        self.taken = 0

    def contended(self) -> None:
        """Another server writes too."""
        self._contended_until = self._clock() + self._options.contended_s

    def forget(self) -> None:
        """The connection is gone, and the lock with it."""
        self._turn_until = self._queued = None
        self._grant()

    def notified(self, method: str, lock: str) -> None:
        """The server says `locked` or `stolen`."""
        if lock != self._lock:
            return
        if method == "stolen":
            self._turn_until = self._clock()
        elif self._queued is not None:
            # The holder that hung has let go. We wrote without the lock meanwhile, and ask anew when we
            # need it.
            self._queued.call("unlock", [self._lock])
            self._queued = None
        else:
            self._grant()

    def _grant(self) -> None:
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(None)

    async def begin(self, session: Session) -> None:
        """Wait for our turn, if there are turns.

        Raises:
            Disconnected: the connection ended.
        """
        if self._clock() >= self._contended_until or self._queued is not None:
            return
        self._granted = asyncio.get_running_loop().create_future()
        reply = await session.call("lock", [self._lock])
        if reply.error is not None or not reply.result.get("locked"):
            granted, _ = await asyncio.wait({self._granted}, timeout=self._options.turn_timeout_s)
            if not granted:
                # Its holder hangs. Without the lock we are as safe, and only less fair.
                self._queued = session
                return
        # What the holder before us wrote has been sent to us by now; with this answer it has been read.
        await session.call("echo", [])
        self._turn_until = self._clock() + self._options.turn_ms / 1000
        self.taken += 1

    @property
    def taking(self) -> bool:
        """Whether there are turns, and this is ours."""
        return self._turn_until is not None

    def may_go_on(self) -> bool:
        """Whether another batch may be sent in this turn."""
        return self._turn_until is None or self._clock() < self._turn_until

    def end(self, session: Session) -> None:
        """Let the next one write."""
        if self._turn_until is not None:
            self._turn_until = None
            if not session.closed:
                session.call("unlock", [self._lock])
