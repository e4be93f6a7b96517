"""Running a load: clients that ask all the time, until told to stop, and how far they have come."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.cleanliness import assert_clean
from tests.faults.judge import rows_clash
from tests.faults.workload import Client, Shared
from tests.http import Http
from tests.ovsdb.servers import until


class Load:
    """The clients of a test."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self.clients = clients

    @classmethod
    def make(cls, https: Sequence[Http], shared: Shared, each: int, chance: random.Random) -> "Load":
        """So many clients for each server."""
        return cls(
            [
                Client(f"c{server}.{number}", http, shared, chance, https)
                for server, http in enumerate(https)
                for number in range(each)
            ]
        )

    def clients_of(self, server: int) -> list[Client]:
        """Those that ask that server."""
        return [client for client in self.clients if client.name.startswith(f"c{server}.")]

    @property
    def acknowledged(self) -> int:
        return sum(client.memory.acknowledged for client in self.clients)

    @property
    def slowest_s(self) -> float:
        return max(client.memory.slowest_s for client in self.clients)

    @asynccontextmanager
    async def until_lost(self) -> AsyncIterator[None]:
        """Each client asks until it gets no answer, which the body brings about."""
        async with asyncio.TaskGroup() as tasks:
            for client in self.clients:
                tasks.create_task(_until_lost(client))
            yield

    @asynccontextmanager
    async def steady(self) -> AsyncIterator[None]:
        """Each client asks, whatever happens, until the body ends."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for client in self.clients:
                tasks.create_task(_until_stopped(client, stop))
            try:
                yield
            finally:
                stop.set()

    async def progress(self, count: int, timeout_s: float = 20) -> None:
        """Wait until so many more writes have been acknowledged."""
        await progress(self.clients, count, timeout_s)


async def progress(clients: Sequence[Client], count: int, timeout_s: float = 20) -> None:
    """Wait until so many more writes of these clients have been acknowledged."""

    def acknowledged() -> int:
        return sum(client.memory.acknowledged for client in clients)

    goal = acknowledged() + count
    await until(f"{goal} writes are acknowledged", lambda: acknowledged() >= goal, timeout_s)


async def assert_sound(remote: str) -> None:
    """Fail if a row is not as the check wants it, or something is there twice."""
    assert not rows_clash(remote)
    await assert_clean(remote)


async def _until_lost(client: Client) -> None:
    while await client.ask_something():
        pass


async def _until_stopped(client: Client, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if not await client.ask_something():
            await asyncio.sleep(0.01)  # nobody listens: asking at once would only burn the processor
