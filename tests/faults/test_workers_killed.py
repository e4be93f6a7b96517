"""One of several workers is killed under load, then the one that keeps them; nothing acknowledged is lost."""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.faults.judge import judge
from tests.faults.load import Load, assert_sound
from tests.faults.workload import Shared
from tests.http import Http
from tests.ovsdb.servers import PATIENCE, until
from tests.ovsdb.servers import Server as Northbound
from tests.serving import Server

pytestmark = [pytest.mark.faults]

CLIENTS = 6


def children_of(pid: int) -> set[int]:
    """The processes that a process has started and that run (proc(5))."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.mark.timeout(90 * PATIENCE)
async def test_a_killed_worker_costs_what_it_was_answering_and_is_started_again(
    northbound: Northbound, tmp_path: Path, chance: random.Random
) -> None:
    server = await Server.start("--northbound", northbound.remote, "--workers", "2", log=tmp_path / "log")
    try:
        http = Http(server.url)
        load = Load.make([http], await Shared.make(http), CLIENTS, chance)
        for _ in range(3):
            workers = children_of(server.process.pid)
            assert len(workers) == 2
            async with load.steady():
                await load.progress(chance.randrange(10, 40))
                victim = chance.choice(sorted(workers))
                os.kill(victim, signal.SIGKILL)
                await load.progress(20)
                await until(
                    "there are two workers again",
                    lambda victim=victim: (
                        len(found := children_of(server.process.pid)) == 2 and victim not in found
                    ),
                )
            lost = [client.memory for client in load.clients if client.memory.not_done]
            assert not lost, "a request found nobody listening, with a worker left"
            await judge(http, load.clients)
        server.stop()
    finally:
        server.kill()
    await assert_sound(northbound.remote)


@pytest.mark.timeout(60 * PATIENCE)
async def test_workers_end_when_the_one_that_keeps_them_is_killed_and_the_next_can_start_at_once(
    northbound: Northbound, tmp_path: Path, chance: random.Random
) -> None:
    option = ("--northbound", northbound.remote, "--workers", "2")
    server = await Server.start(*option, log=tmp_path / "first.log")
    try:
        http = Http(server.url)
        load = Load.make([http], await Shared.make(http), CLIENTS, chance)
        workers = children_of(server.process.pid)
        async with load.until_lost():
            await load.progress(20)
            server.kill()
        listen = f"127.0.0.1:{server.port}"
        server = await Server.start(*option, log=tmp_path / "second.log", listen=listen)
        await until("the first workers have ended", lambda: not any(map(_runs, workers)))
        await judge(http, load.clients)
        server.stop()
    finally:
        server.kill()
    await assert_sound(northbound.remote)


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
