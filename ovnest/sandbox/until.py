"""Waiting for a condition: never a sleep, always a bound, and an error that says what was seen last."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from ovnest.sandbox.errors import NeverHappened

Seen = TypeVar("Seen")

POLL_S = 0.02


def patience() -> float:
    """By how much every bound is stretched: OVNEST_TEST_PATIENCE, for a machine slower than usual."""
    return float(os.environ.get("OVNEST_TEST_PATIENCE", "1"))


async def until(
    what: str,
    probe: Callable[[], Awaitable[Seen]],
    *,
    accept: Callable[[Seen], object] = bool,
    timeout_s: float = 10.0,
) -> Seen:
    """What `probe` saw when `accept` first took it; asks again and again until then.

    `what` completes the sentence "waited 10 s until …". What the probe raises is passed on at once.

    Raises:
        NeverHappened: the time, stretched by `patience()`, is over.
    """
    started = monotonic()
    bound_s = timeout_s * patience()
    while True:
        seen = await probe()
        if accept(seen):
            return seen
        waited_s = monotonic() - started
        if waited_s >= bound_s:
            raise NeverHappened(what, waited_s, seen)
        await asyncio.sleep(POLL_S)
