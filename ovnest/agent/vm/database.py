"""The VM's Open vSwitch database, come to for a moment: one operation, or until something is there.

An attachment's journal stays connected instead (`attachment.journal`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from ovnest.agent.errors import NotPlugged
from ovnest.agent.vm.tables import (
    BRIDGE_BY_NAME,
    DATABASE,
    PORT_BY_NAME,
    TABLES,
    Interface,
    Ssl,
    why_not_forwarding,
)
from ovnest.ovsdb import Client, Operation, Options, View

READY_TIMEOUT_S = 10.0

T = TypeVar("T")


@asynccontextmanager
async def connected(remote: str, timeout_s: float) -> AsyncIterator[Client]:
    """A client of the database at `remote` that is ready.

    Raises:
        OvsdbError: the database does not answer within that time.
    """
    client = Client(
        remote,
        DATABASE,
        tables=(*TABLES, Ssl),
        indexes=(BRIDGE_BY_NAME, PORT_BY_NAME),
        options=Options(freeze_collector=False),
    )
    async with client:
        await client.ready(timeout_s)
        yield client


async def carry_out(remote: str, operation: Operation[T], timeout_s: float = READY_TIMEOUT_S) -> T:
    """What `operation` gives, carried out in the database at `remote`.

    Raises:
        OvsdbError: the database does not answer, or does not take it.
    """
    async with connected(remote, timeout_s) as client:
        return await client.execute(operation)


def in_database(remote: str, operation: Operation[T], timeout_s: float = READY_TIMEOUT_S) -> T:
    """Like `carry_out`, for programs that have no event loop."""
    return asyncio.run(carry_out(remote, operation, timeout_s))


def await_device(remote: str, name: str, timeout_s: float) -> None:
    """Return when Open vSwitch forwards for that device.

    Raises:
        NotPlugged: it does not, within that time; the message says what it says instead.
        OvsdbError: the database does not answer.
    """

    async def wait() -> None:
        changed = asyncio.Event()
        async with connected(remote, timeout_s) as client:
            client.on_change(lambda _changes: changed.set())
            missing = ""
            try:
                async with asyncio.timeout(timeout_s):
                    while missing := _missing(client.replica, name):
                        changed.clear()
                        await changed.wait()
            except TimeoutError:
                raise NotPlugged(f"{name} is not on the bridge: {missing}") from None

    asyncio.run(wait())


def _missing(view: View, name: str) -> str:
    """Why Open vSwitch does not forward for that device; empty if it does."""
    for port in view.all(PORT_BY_NAME, name):
        return why_not_forwarding(view.find(Interface, port.interfaces[0]))
    return "it has no port there"
