"""Servers and clients for this room's tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ovnest.ovsdb import Client, Options
from tests.ovsdb.servers import DATABASE, PATIENCE, Cluster, Server, cluster, standalone
from tests.ovsdb.tables import INDEXES, LEDGER, TABLES

NewClient = Callable[..., Any]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with standalone() as running:
        yield running


@pytest.fixture
async def three() -> AsyncIterator[Cluster]:
    async with cluster() as running:
        yield running


@pytest.fixture
async def connect() -> AsyncIterator[NewClient]:
    """Makes clients that are ready, and ends them with the test."""
    async with AsyncExitStack() as stack:

        async def new_client(remotes: str, **settings: Any) -> Client:
            keywords = {"tables": TABLES, "indexes": INDEXES, "ledger": LEDGER, "options": Options()}
            client = Client(remotes, DATABASE, **{**keywords, **settings})
            await stack.enter_async_context(client)
            await client.ready(10 * PATIENCE)
            return client

        yield new_client
