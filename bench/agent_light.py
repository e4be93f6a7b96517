"""Claim: the agent starts in under half a second, and takes less than 60 MiB.

`ovnest agent run` in a VM of a real OVN, with a credential: from its start until it says that it is ready (as
it tells systemd), by the wall and in CPU time; its memory then, and with 50 containers attached, and what it
takes the processor while nothing happens. Python alone (`python3 -c pass`) is started beside it.

    scripts/bench agent_light [--rounds N] [--containers N]
"""

import argparse
import asyncio
import socket
import subprocess
import sys
import time

from bench.rig import agents, cores, report
from ovnest.agent.daemon import READY, STOPPING
from tests.dataplane.agent.site import AgentSite, VmAgent
from tests.dataplane.api.networking import VirtualNetwork

ROUNDS = 15
CONTAINERS = 50
IDLE_S = 10.0
START_TO_REACH_S = 0.5
MEMORY_TO_REACH_MIB = 60.0
TIMEOUT_S = 30.0


def main() -> None:
    """Start it several times, then attach containers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--containers", type=int, default=CONTAINERS)
    options = parser.parse_args()
    report.head(__doc__, f"all on {cores.ALL}")
    asyncio.run(_with_site(options.rounds, options.containers))


async def _with_site(rounds: int, containers: int) -> None:
    async with agents.site("light") as here:
        network = await here.networking.network()
        vm = await here.vm("vm1", "hv1", network)
        agent = await here.agent(vm, network)
        await _start_often(agent, rounds)
        await _fill(here, agent, network, containers)


async def _start_often(agent: VmAgent, rounds: int) -> None:
    figures = report.Figures()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(agent.vm.directory / "notify.sock"))
        told.settimeout(TIMEOUT_S)
        for number in range(rounds + 1):
            wall_s, cpu_s = await asyncio.to_thread(_start, agent, told)
            python_s = await asyncio.to_thread(_python)
            agent.stop()
            said = told.recv(100)
            assert said == STOPPING.encode(), said
            if number:
                figures.note("the agent, until it is ready", wall_ms=wall_s * 1000, cpu_ms=cpu_s * 1000)
                figures.note("python3 -c pass", wall_ms=python_s * 1000)
    figures.spread("wall_ms", "cpu_ms")
    for kind in ("wall_ms", "cpu_ms"):
        seconds = figures.at("the agent, until it is ready", kind, 50) / 1000
        report.ratio(f"start, median, {kind.partition('_')[0]}, s", seconds, START_TO_REACH_S, at_least=False)


async def _fill(here: AgentSite, agent: VmAgent, network: VirtualNetwork, containers: int) -> None:
    await agents.start(agent)
    assert agent.process is not None
    pid = agent.process.pid
    empty_mib = cores.rss_mib(pid)
    guests = [await here.guest(agent.vm, f"c{number}") for number in range(containers)]
    await asyncio.gather(*(agent.plug(guest, network) for guest in guests))
    before = agent.used_cpu_s()
    await asyncio.sleep(IDLE_S)
    idle = (agent.used_cpu_s() - before) / IDLE_S * 100
    print(f"  MiB with no container {empty_mib:.1f}, with {containers} {cores.rss_mib(pid):.1f}")
    print(f"  of a core, while {containers} containers are attached and nothing happens: {idle:.1f} %")
    peak_mib = cores.peak_rss_mib(pid)
    report.ratio("memory, the most it ever had, MiB", peak_mib, MEMORY_TO_REACH_MIB, at_least=False)
    await asyncio.gather(*(agent.unplug(guest) for guest in guests))


def _start(agent: VmAgent, told: socket.socket) -> tuple[float, float]:
    """Seconds from its start until it is ready, by the wall and of the processor."""
    began = time.perf_counter()
    agents.begin(agent, NOTIFY_SOCKET=told.getsockname())
    said = told.recv(100)
    wall_s = time.perf_counter() - began
    assert said == READY.encode(), said
    assert agent.process is not None
    return wall_s, cores.cpu_s(agent.process.pid)


def _python() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
