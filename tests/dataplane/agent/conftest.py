"""VMs with an agent in them, which reaches the server over a link of its own, by TLS, with a credential.

             central (ovnest serve --agent-listen 172.30.0.1)
             │ mgmt link
guest ── vm1 ── hv1 ══ geneve ══ hv2 ── vm2
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.vm import Vm
from tests.asking import Api
from tests.cleanliness import assert_clean
from tests.dataplane.agent.dockerd import Dockerd, Running
from tests.dataplane.agent.site import AgentSite, StandingSite, VmAgent
from tests.dataplane.api.networking import Networking, VirtualNetwork


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


@pytest.fixture
def dockers(site: AgentSite) -> Iterator[list[Dockerd]]:
    """Those that are to be ended when the test has."""
    begun: list[Dockerd] = []
    yield begun
    for dockerd in begun:
        dockerd.close()


@pytest.fixture
def running(site: AgentSite, dockers: list[Dockerd]) -> Running:
    """Gives a VM an agent for these networks, with these rights, and a Docker with an image."""

    async def run(
        vm: Vm, *networks: VirtualNetwork, options: tuple[str, ...] = (), **rights: Any
    ) -> tuple[VmAgent, Dockerd]:
        dockerd = Dockerd(vm)
        dockers.append(dockerd)
        dockerd.prepare()
        agent = await site.agent(vm, *networks, **rights)
        agent.inside = dockerd.inside
        await agent.start("--docker", str(dockerd.plugin), *options)
        await dockerd.start()
        await dockerd.load()
        return agent, dockerd

    return run
