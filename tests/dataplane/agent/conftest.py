"""VMs with an agent in them, which reaches the server over a link of its own, by TLS, with a credential.

             central (ovnest serve --agent-listen 172.30.0.1)
             │ mgmt link
guest ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from ovnest.sandbox.sandbox import Sandbox
from tests.asking import Api
from tests.cleanliness import assert_clean
from tests.dataplane.agent.site import AgentSite, StandingSite
from tests.dataplane.api.networking import Networking


@pytest.fixture(scope="session")
def standing_site(standing_sandbox: Sandbox) -> Iterator[StandingSite]:
    """The servers for all tests on this OVN."""
    site = asyncio.run(StandingSite.start(standing_sandbox))
    yield site
    site.stop()


@pytest.fixture
async def site(sandbox: Sandbox, standing_site: StandingSite) -> AsyncIterator[AgentSite]:
    """Where a test makes networks, VMs, agents and guests; all of it is taken away in the end."""
    networking = Networking(Api(standing_site.url), sandbox)
    site = AgentSite(sandbox, standing_site, networking)
    yield site
    try:
        await site.close()
        await assert_clean(sandbox.northbound)
    finally:
        await networking.clear()
