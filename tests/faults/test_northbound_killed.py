"""The database behind a server dies, hangs and comes back under load: each request is answered, and truly."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.judge import judge
from tests.faults.load import Load, assert_sound
from tests.faults.workload import Shared
from tests.http import Http
from tests.ovsdb.servers import PATIENCE, Cluster, cluster, until
from tests.ovsdb.servers import Server as Northbound
from tests.serving import Server

pytestmark = [pytest.mark.faults]

CLIENTS = 6
LONGEST_ANSWER_S = 17.0  # 15 s is how long a write may wait for its database


@pytest.fixture
async def server(northbound: Northbound, tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server.start("--northbound", northbound.remote, log=tmp_path / "log")
    try:
        yield running
        running.stop()
    finally:
        running.kill()


async def _kill_again_and_again(
    northbound: Northbound, server: Server, chance: random.Random, times: int
) -> None:
    http = Http(server.url)
    load = Load.make([http], await Shared.make(http), CLIENTS, chance)
    for _ in range(times):
        async with load.steady():
            await load.progress(chance.randrange(10, 40))
            await asyncio.sleep(chance.uniform(0, 0.05))  # the moment of death is by chance
            await northbound.kill()
            await asyncio.sleep(chance.uniform(0, 0.3))  # so long it is away
            await northbound.start()
            await load.progress(10, timeout_s=30)
        doubted = [doubt for client in load.clients for doubt in client.memory.doubts]
        assert not doubted, "it came back soon, so what became of each write can be found out"
        await judge(http, load.clients)
    assert load.slowest_s < LONGEST_ANSWER_S * PATIENCE
    await assert_sound(northbound.remote)
    print(
        f"ovsdb-server killed {times} times: {load.acknowledged} acknowledged, slowest {load.slowest_s:.1f} s"
    )


@pytest.mark.timeout(90 * PATIENCE)
async def test_the_database_is_killed_and_started_again_under_load(
    northbound: Northbound, server: Server, chance: random.Random
) -> None:
    await _kill_again_and_again(northbound, server, chance, 6)


@pytest.mark.long
@pytest.mark.timeout(900 * PATIENCE)
async def test_the_database_is_killed_and_started_again_under_load_many_times(
    northbound: Northbound, server: Server, chance: random.Random
) -> None:
    await _kill_again_and_again(northbound, server, chance, 100)


@pytest.mark.timeout(90 * PATIENCE)
async def test_while_the_database_hangs_every_request_is_answered_503_and_says_what_became_of_it(
    northbound: Northbound, server: Server, chance: random.Random
) -> None:
    http = Http(server.url)
    load = Load.make([http], await Shared.make(http), CLIENTS, chance)
    async with load.steady():
        await load.progress(20)
        northbound.freeze()
        try:
            await until(
                "each client has been told that its write is in doubt, or not done",
                lambda: all(client.memory.doubted or client.memory.not_done for client in load.clients),
                LONGEST_ANSWER_S + 5,
            )
            read = await http("GET", "/v2.0/ports")
            assert (read.status, read.error) == (503, "ServiceUnavailable"), read
            assert int(read.headers["retry-after"]) >= 1
            assert (await http("GET", "/healthz")).status == 200
        finally:
            northbound.thaw()
        await load.progress(20, timeout_s=30)
    assert any(client.memory.doubted for client in load.clients), "some were under way when it began to hang"
    assert load.slowest_s < LONGEST_ANSWER_S * PATIENCE
    verdict = await judge(http, load.clients)
    await assert_sound(northbound.remote)
    doubted = verdict.done + verdict.not_done
    print(f"in doubt {doubted}, of them done {verdict.done}; slowest {load.slowest_s:.1f} s")


@pytest.mark.long
@pytest.mark.timeout(300 * PATIENCE)
async def test_the_leader_of_a_cluster_is_killed_and_comes_back_under_load(
    tmp_path: Path, chance: random.Random
) -> None:
    async with cluster() as three:
        server = await Server.start("--northbound", three.remotes, log=tmp_path / "log")
        try:
            await _kill_leaders(three, Http(server.url), chance, 10)
            server.stop()
        finally:
            server.kill()
        await assert_sound((await three.leader()).remote)


async def _kill_leaders(three: Cluster, http: Http, chance: random.Random, times: int) -> None:
    load = Load.make([http], await Shared.make(http), CLIENTS, chance)
    for _ in range(times):
        async with load.steady():
            await load.progress(20)
            leader = await three.leader()
            await asyncio.sleep(chance.uniform(0, 0.05))  # the moment of death is by chance
            await leader.kill()
            await load.progress(20, timeout_s=30)
            await leader.start()
        await judge(http, load.clients)
    print(f"leader killed {times} times: {load.acknowledged} acknowledged, slowest {load.slowest_s:.1f} s")
