"""One lock for each key, there while somebody has it or waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ovnest.agent.wanted import Key


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
