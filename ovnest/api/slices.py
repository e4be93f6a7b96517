"""Slices: long work on the loop pauses now and then, so that the loop is never held long.

All who work at a time share the time, so one `Slices` is a process's.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

TOGETHER_S = 0.005  # of all that is being made at a time, each has its share of this


class Slice:
    """One worker's place: `await slice.pause_if_over()` between small pieces of work."""

    def __init__(self, shared: "Slices") -> None:
        self._shared = shared
        self._begin()

    async def pause_if_over(self) -> None:
        """Let the loop do other things if the slice is over."""
        if time.perf_counter() > self._end:
            await asyncio.sleep(0)
            self._begin()

    def _begin(self) -> None:
        self._end = time.perf_counter() + TOGETHER_S / self._shared.working


class Slices:
    """The work that is going on in this process."""

    def __init__(self) -> None:
        self.working = 0

    @contextmanager
    def work(self) -> Iterator[Slice]:
        """`with slices.work() as slice:` as long as it goes on."""
        self.working += 1
        try:
            yield Slice(self)
        finally:
            self.working -= 1
