"""`ovnest serve` on the sandbox: the API makes the rows that packets go by."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from ovnest.sandbox.sandbox import Sandbox
from tests.asking import Api
from tests.cleanliness import assert_clean
from tests.dataplane.api.networking import Networking
from tests.serving import Server


@pytest.fixture(scope="session")
def standing_server(standing_sandbox: Sandbox) -> Iterator[Server]:
    """One server for all tests on this OVN."""
    sandbox = standing_sandbox
    options = ("--northbound", sandbox.northbound, "--southbound", sandbox.southbound)
    server = asyncio.run(Server.start(*options, log=sandbox.path / "api.log"))
    yield server
    server.stop()


@pytest.fixture
async def networking(sandbox: Sandbox, standing_server: Server) -> AsyncIterator[Networking]:
    """Networks, ports and routers; what is left of them is as the check wants it, and then taken away."""
    networking = Networking(Api(standing_server.url), sandbox)
    yield networking
    try:
        await assert_clean(sandbox.northbound)
    finally:
        await networking.clear()
