"""OVN, a server, and an agent in a VM of either mode, as the tests put them up, for benches.

    async with site(name) as here:
        agent = await nested(here, vm, network)

The agent runs as a user starts it: without asyncio's debug mode, which the tests have on.
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ovnest.agent.setup.plan import write_shim
from ovnest.sandbox.chassis import Chassis
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import Vm
from tests.asking import Api
from tests.dataplane.agent.site import AgentSite, StandingSite, VmAgent
from tests.dataplane.api.networking import Networking, VirtualNetwork


@asynccontextmanager
async def site(name: str, *, chassis: int = 2) -> AsyncIterator[AgentSite]:
    """A sandbox of its own with servers; all of it is gone afterwards."""
    sandbox = await Sandbox.up(f"{name}-{os.getpid()}", chassis=chassis, owned=True)
    try:
        standing = await StandingSite.start(sandbox)
        try:
            here = AgentSite(sandbox, standing, Networking(Api(standing.url), sandbox))
            try:
                yield here
            finally:
                await here.close()
        finally:
            standing.stop()
    finally:
        await sandbox.down()


async def nested(here: AgentSite, vm: Vm, *networks: VirtualNetwork) -> VmAgent:
    """An agent that answers, in a VM whose containers are under its port."""
    agent = await here.agent(vm, *networks)
    await start(agent)
    return agent


async def overlay(here: AgentSite, chassis: Chassis, *networks: VirtualNetwork) -> VmAgent:
    """An agent that answers, in a VM that is a chassis."""
    agent = await here.chassis_agent(chassis, *networks)
    agent.kill()
    await start(agent)
    return agent


async def start(agent: VmAgent) -> None:
    """Start an agent that has a credential, and write its CNI executable; it answers when this returns."""
    begin(agent)

    async def answers() -> bool:
        assert agent.process is not None
        assert agent.process.poll() is None, f"the agent has ended: {agent.said()}"
        try:
            return "answer" in await agent.ask({"verb": "status"})
        except OSError:
            return False

    await until("the agent answers", answers)
    write_shim(agent.shim, agent.socket)


def begin(agent: VmAgent, **environment: str) -> None:
    """Start an agent, and do not wait."""
    argv = (
        *(sys.executable, "-m", "ovnest", "agent", "run", "--ovs", agent.vm.ovs.remote),
        *("--bridge", agent.bridge, "--socket", str(agent.socket), "--state", str(agent.state)),
    )
    with agent.log.open("ab") as output:
        agent.process = subprocess.Popen(
            agent.inside(*argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **agent.vm.environment(), **environment},
        )
