"""A server for all tests of a file, each of which leaves it clean and then empty; and agents with theirs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.agent_side import AgentSide
from tests.agent_site import Site, running_site
from tests.api.starting import Starter
from tests.cleanliness import assert_clean
from tests.http import Http
from tests.northbound_server import Northbound, running
from tests.ovsdb.servers import Server as OwnNorthbound
from tests.ovsdb.servers import standalone
from tests.serving import Server


@pytest.fixture(scope="module")
def northbound() -> Iterator[Northbound]:
    with running() as northbound:
        yield northbound


@pytest.fixture(scope="module")
def options() -> tuple[str, ...]:
    """What the server of a file is started with beside its Northbound; a file may say otherwise."""
    return ()


@pytest.fixture(scope="module")
def server(
    northbound: Northbound, options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("serve") / "log"
    own = ("--northbound", northbound.remote, "--no-durable", *options)
    server = asyncio.run(Server.start(*own, log=log))
    try:
        yield server
        server.stop()
    finally:
        server.kill()
    assert "Traceback" not in log.read_text()


@pytest.fixture
def http(server: Server, northbound: Northbound) -> Iterator[Http]:
    """The server as it answers whoever asks without headers of his own."""
    yield Http(server.url)
    try:
        asyncio.run(assert_clean(northbound.remote))
    finally:
        asyncio.run(Http(server.url).clear())


@pytest.fixture
async def own_northbound() -> AsyncIterator[OwnNorthbound]:
    """One that a test may kill, freeze and replace."""
    async with standalone() as northbound:
        yield northbound


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Starter]:
    """Starts servers of the test's own; they end with it."""
    async with AsyncExitStack() as stack:
        yield Starter(stack, tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Two servers on an empty Northbound of their own, for all tests of one file."""
    async with running_site(tmp_path_factory.mktemp("agents")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def lan(site: Site) -> str:
    """The id of a new network with a subnet, 10.0.0.0/24."""
    key: str = (await site.api.create("network", name="private"))["id"]
    await site.api.create("subnet", network_id=key, cidr="10.0.0.0/24", ip_version=4)
    return key


@pytest_asyncio.fixture(loop_scope="module")
async def vm(site: Site, lan: str) -> str:
    """The id of a VM's port on it."""
    return await site.vm(lan, name="vm")


@pytest_asyncio.fixture(loop_scope="module")
async def agent(site: Site, vm: str) -> AgentSide:
    """The enrolled agent of that VM."""
    return await site.agent(vm)
