"""Real virtual machines. A module's tests share one event loop, its site, and what machines it boots.

    pytestmark = [pytest.mark.vm, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

    async def test_…(site: VmSite) -> None:
        network = await site.network()
        first, parent = await site.port(site.management), await site.port(network)
        code = await site.code(parent, network)
        vm1 = site.machine("vm1", "hv1", first, parent, credentials={"ovnest.code": code})
        await vm1.start()

At most two machines at a time: the machine that the tests run on may have two processors.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ovnest.sandbox.sandbox import Sandbox
from tests.vm.site import VmSite


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[VmSite]:
    """A sandbox with two hypervisors, the API and a server for agents."""
    sandbox = await Sandbox.up(f"vm-{os.getpid()}", chassis=2, owned=True)
    try:
        directory = Path(tmp_path_factory.mktemp("site"))
        site = await VmSite.start(sandbox, directory)
        try:
            yield site
        finally:
            await site.close()
    finally:
        await sandbox.down()
