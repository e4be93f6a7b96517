"""The read barrier: wait until the replica has every write that was acknowledged before.

Source: docs/ledger.md, "Reading".
"""

import asyncio

from ovnest.ovsdb.errors import Unreachable
from ovnest.ovsdb.messages import Message
from ovnest.ovsdb.session import Session

_Reader = tuple[float, asyncio.Future[None]]


class ReadBarrier:
    """One `echo` for all who wait, over whichever session there is.

    Who comes while an echo is under way joins the next, since that one may have been answered before the
    write that he must see.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._session: Session | None = None
        self._waiting: list[_Reader] = []
        self._asked: list[_Reader] = []  # the echo that is under way is theirs

    def use(self, session: Session | None) -> None:
        """From now on ask over this session, or wait for one."""
        self._session = session
        self._waiting, self._asked = self._asked + self._waiting, []
        self._ask()

    async def wait(self) -> None:
        """Wait for an echo that is sent from now on.

        Raises:
            Unreachable: no answer in time.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append((loop.time() + self._timeout_s, future))
        self._ask()
        await future
        while self._session is not None and not self._session.settled:
            await self._session.when_settled()

    def _ask(self) -> None:
        if self._session is not None and self._waiting and not self._asked:
            self._asked, self._waiting = self._waiting, []
            self._session.call("echo", [], self._answered)

    def _answered(self, reply: Message) -> None:
        for _, future in self._asked:
            if not future.done():
                future.set_result(None)
        self._asked = []
        self._ask()

    def sweep(self, now: float, reason: str) -> bool:
        """Answer those whose time is over; whether anybody still waits."""
        for deadline, future in (*self._waiting, *self._asked):
            if now >= deadline and not future.done():
                future.set_exception(Unreachable(f"no read barrier: {reason}"))
        self._waiting = [reader for reader in self._waiting if not reader[1].done()]
        return bool(self._waiting or self._asked)

    def stop(self, reason: str) -> None:
        """Answer all who still wait."""
        for _, future in (*self._waiting, *self._asked):
            if not future.done():
                future.set_exception(Unreachable(reason))
