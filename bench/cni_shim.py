"""Claim: the executable that container runtimes call costs less than 40 ms of its own.

A call that asks the agent (STATUS, answered by a real agent in a VM) beside what nobody can do without, in
one run: an empty C program, and `python3 -IS -c pass`. The wall time, and the CPU time of the process alone:
that is what it costs whatever else the machine does. The agent's own time is in the wall's.

    scripts/bench cni_shim [--rounds N]
"""

import argparse
import asyncio
import json
import os
import subprocess
import time
from pathlib import Path

from bench.rig import agents, cores, report
from ovnest.sandbox.process import surroundings
from tests.dataplane.agent.site import VmAgent
from tests.dataplane.api.networking import VirtualNetwork

ROUNDS = 200
TO_REACH_MS = 40.0
EMPTY = "int main(void) { return 0; }\n"


def main() -> None:
    """Put up an agent, and call the executable."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    report.head(__doc__, f"all on {cores.ALL}")
    asyncio.run(_with_agent(parser.parse_args().rounds))


async def _with_agent(rounds: int) -> None:
    async with agents.site("shim") as here:
        network = await here.networking.network()
        vm = await here.vm("vm1", "hv1", network)
        agent = await agents.nested(here, vm, network)
        await asyncio.to_thread(_measure, here.standing.directory, agent, network, rounds)


def _measure(where: Path, agent: VmAgent, network: VirtualNetwork, rounds: int) -> None:
    interpreter = agent.shim.read_text().partition("\n")[0].removeprefix("#!").split()
    config = json.dumps({"cniVersion": "1.1.0", "name": "net", "type": "ovnest", "network": network.id})
    calls: dict[str, tuple[list[str], str]] = {
        "empty C program": ([_compiled(where)], ""),
        "python3 -IS -c pass": ([*interpreter, "-c", "pass"], ""),
        "the executable, STATUS": ([str(agent.shim)], config),
    }
    environment = surroundings({"CNI_COMMAND": "STATUS"})
    figures = report.Figures()
    for number in range(rounds + 1):
        for name, (argv, stdin) in calls.items():
            wall_ms, cpu_ms = _cost(argv, stdin, environment)
            if number:
                figures.note(name, wall_ms=wall_ms, cpu_ms=cpu_ms)
    figures.spread("wall_ms", "cpu_ms")
    report.ratio("CPU ms of its own, median", figures.at(name, "cpu_ms", 50), TO_REACH_MS, at_least=False)
    ours, theirs = (
        figures.at(each, "cpu_ms", 50) for each in ("the executable, STATUS", "python3 -IS -c pass")
    )
    print(f"  beside python3 that does nothing: {ours / theirs:.2f}")


def _cost(argv: list[str], stdin: str, environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds that a program took, by the wall and of the processor."""
    began = time.perf_counter()
    process = subprocess.Popen(
        argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(stdin.encode())
    process.stdin.close()
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall_ms = (time.perf_counter() - began) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    assert process.returncode == 0, said
    return wall_ms, (used.ru_utime + used.ru_stime) * 1000


def _compiled(where: Path) -> str:
    source, program = where / "empty.c", where / "empty"
    source.write_text(EMPTY)
    subprocess.run(["/usr/bin/cc", "-O2", "-o", str(program), str(source)], check=True)
    return str(program)


if __name__ == "__main__":
    main()
