"""Whose turn it is: one at a time for each key, and a few at a time of all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ovnest.agent.attachment.request import Key


class KeyLocks:
    """Work on one key at a time, on many keys at once."""

    def __init__(self) -> None:
        self._locks: dict[Key, tuple[asyncio.Lock, int]] = {}

    def busy(self, key: Key) -> bool:
        """Whether somebody works on that key."""
        return key in self._locks

    @asynccontextmanager
    async def held(self, *keys: Key | None) -> AsyncIterator[None]:
        """Have these keys alone; None is no key. Taken in one order, so that no two wait for each other."""
        async with AsyncExitStack() as stack:
            for key in sorted({key for key in keys if key is not None}):
                await stack.enter_async_context(self._one(key))
            yield

    @asynccontextmanager
    async def _one(self, key: Key) -> AsyncIterator[None]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = (lock, users - 1)


class Turns:
    """Work that goes on for so many at a time, in the order in which they came.

    Begun all at once, all would be done at the end; so half are done in half the time. Nobody waits for ever:
    after `patience_s` one goes ahead beside the others, who may be waiting for something that does not come.
    """

    def __init__(self, places: int, patience_s: float) -> None:
        self._places = asyncio.Semaphore(places)
        self._patience_s = patience_s

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """It is our turn."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            self._places.release()
