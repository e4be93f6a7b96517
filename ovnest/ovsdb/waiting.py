"""Operations that wait to be run: each caller in turn, what is run again first.

Source: docs/ledger.md, "A batch".
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ovnest.ovsdb.staging import Transaction


@dataclass(slots=True, eq=False)
class Pending:
    """An operation that was accepted, and who awaits its result."""

    operation: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    caller: str
    comment: str
    items: int
    deadline: float
    attempts: int = 0
    refusals: int = 0
    """How often its own `wait` failed."""
    errors: int = 0
    """How often it failed alone, with nobody else to blame."""
    expired: bool = False

    def succeed(self, result: Any) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class WaitingRoom:
    """What is accepted and not yet in a batch.

    Callers get turns, one operation each, so that one with a thousand operations does not keep another
    waiting. Groups that are to be run again go before all others, and by themselves.
    """

    def __init__(self) -> None:
        self._callers: OrderedDict[str, deque[Pending]] = OrderedDict()
        self._again: deque[list[Pending]] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Pending]:
        for group in self._again:
            yield from group
        for waiting in self._callers.values():
            yield from waiting

    def add(self, pending: Pending) -> None:
        waiting = self._callers.get(pending.caller)
        if waiting is None:
            waiting = self._callers[pending.caller] = deque()
        waiting.append(pending)
        self._count += 1

    def put_back(self, *groups: list[Pending]) -> None:
        """Let these groups be the next batches."""
        for group in reversed(groups):
            if group:
                self._again.appendleft(group)
                self._count += len(group)

    def put_back_one(self, pending: Pending) -> None:
        """It did not fit: let it be the next of its caller, and its caller the next."""
        self._callers.setdefault(pending.caller, deque()).appendleft(pending)
        self._callers.move_to_end(pending.caller, last=False)
        self._count += 1

    def take_group(self) -> list[Pending]:
        """The operations that are to be run again as one batch; empty if there are none."""
        group = self._again.popleft() if self._again else []
        self._count -= len(group)
        return [pending for pending in group if not pending.expired]

    def take_fairly(self) -> Iterator[Pending]:
        """One operation after another, callers in turn; stop taking when the batch is full."""
        while self._callers:
            caller, waiting = self._callers.popitem(last=False)
            pending = waiting.popleft()
            self._count -= 1
            if waiting:
                self._callers[caller] = waiting
            if not pending.expired:
                yield pending
