"""A sandbox for all dataplane tests, one of each OVN; networks, VMs and containers are each test's own."""

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from ovnest.sandbox.sandbox import Sandbox
from tests.dataplane.rows import Rows

RELEASES = ("host", "25.03")
FAILED = pytest.StashKey[bool]()


def chosen_releases() -> list[str]:
    """OVNEST_OVN: one of RELEASES; all of them if it is not set."""
    chosen = os.environ.get("OVNEST_OVN")
    return [chosen] if chosen else list(RELEASES)


@pytest.fixture(scope="session", params=chosen_releases())
def standing_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Two chassis and no VM; taken down when the last test has used it."""
    name = f"packets-{str(request.param).replace('.', '')}-{os.getpid()}"
    sandbox = asyncio.run(Sandbox.up(name, chassis=2, release=request.param, owned=True))
    yield sandbox
    if sandbox.facts.owner is not None:
        asyncio.run(sandbox.down())


@pytest.fixture
async def sandbox(standing_sandbox: Sandbox, request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """The standing sandbox, in which nothing is left of the test when it has ended.

    With OVNEST_KEEP=1 a failed test is the last one, and leaves everything as it is.
    """
    yield standing_sandbox
    if request.node.stash.get(FAILED, False) and os.environ.get("OVNEST_KEEP"):
        standing_sandbox.keep(request.node.nodeid)
        request.session.shouldfail = f"kept: scripts/shell {standing_sandbox.name}"
        return
    await standing_sandbox.unplug_all()
    await Rows(standing_sandbox.central).clear()


@pytest.fixture
def rows(sandbox: Sandbox) -> Rows:
    """Northbound rows by ovn-nbctl."""
    return Rows(sandbox.central)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know that their test has failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
