"""Servers die, hang and come back under load: nothing acknowledged is lost, nothing is applied twice."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from ovnest.ovsdb import Client, Options
from tests.ovsdb.conftest import NewClient
from tests.ovsdb.load import Outcome, judge, write
from tests.ovsdb.servers import PATIENCE, Cluster, Server, until
from tests.ovsdb.tables import TagTracker, add_switch

pytestmark = [pytest.mark.ovsdb, pytest.mark.faults]

OPTIONS = Options(
    probe_interval_s=1.0,
    reply_timeout_s=2.0,
    execute_timeout_s=20.0,
    connect_timeout_s=1.0,
    backoff_max_s=0.5,
)


@pytest.fixture
def chance() -> random.Random:
    """Chance that can be had again: OVNEST_TEST_SEED."""
    seed = os.environ.get("OVNEST_TEST_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"OVNEST_TEST_SEED={seed}")
    return random.Random(seed)  # noqa: S311 - not for secrets


@asynccontextmanager
async def load(
    connect: NewClient, remotes: str, clients: int, writers: int, pause_s: float = 0
) -> AsyncIterator[tuple[Outcome, list[Client]]]:
    """Writers at work, each with its own memory of what it was told."""
    outcome = Outcome()
    stop = asyncio.Event()
    connected = []
    switch = None
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            tags = TagTracker()
            client = await connect(remotes, trackers=[tags], options=OPTIONS)
            connected.append(client)
            switch = switch or await client.execute(lambda tx: add_switch(tx, "blue"))
            await client.barrier()
            for writer in range(writers):
                tasks.create_task(
                    write(client, switch.uuid, tags, f"w{number}.{writer}", stop, outcome, pause_s)
                )
        yield outcome, connected
        stop.set()


async def progress(outcome: Outcome, count: int = 20, timeout_s: float = 20) -> None:
    """Wait until so many more writes have been acknowledged."""
    goal = len(outcome.acknowledged) + count
    await until(f"{goal} writes are acknowledged", lambda: len(outcome.acknowledged) >= goal, timeout_s)


def report(what: str, outcome: Outcome, rows: int, clients: list[Client]) -> None:
    written = sum(client.status.lost_and_written for client in clients)
    dropped = sum(client.status.lost_and_dropped for client in clients)
    print(
        f"{what}: {len(outcome.acknowledged)} acknowledged, {len(outcome.in_doubt)} in doubt, "
        f"{len(outcome.refused)} refused, {rows} rows, longest gap {outcome.longest_gap_s:.2f} s; "
        f"lost replies: {written} written, {dropped} not"
    )
    assert written + dropped > 0, "no reply was lost, so this test shows nothing"


async def _kill_server(
    server: Server, connect: NewClient, chance: random.Random, times: int, pause_s: float
) -> None:
    async with load(connect, server.remote, clients=2, writers=8, pause_s=pause_s) as (outcome, clients):
        for _ in range(times):
            await progress(outcome)
            await asyncio.sleep(chance.uniform(0, 0.05))  # the moment of death is by chance
            await server.kill()
            await server.start()
        await progress(outcome)
    rows = await judge(server, outcome)
    report(f"server killed {times} times", outcome, rows, clients)
    assert not outcome.in_doubt, "every lost reply can be resolved, as the server comes back at once"
    assert not outcome.refused


async def test_ovsdb_server_is_killed_under_load(
    server: Server, connect: NewClient, chance: random.Random
) -> None:
    await _kill_server(server, connect, chance, 10, 0)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_ovsdb_server_is_killed_under_load_many_times(
    server: Server, connect: NewClient, chance: random.Random
) -> None:
    await _kill_server(server, connect, chance, 200, 0.02)


async def _kill(leader: Server) -> Callable[[], Awaitable[None]]:
    await leader.kill()
    return leader.start


async def _terminate(leader: Server) -> Callable[[], Awaitable[None]]:
    await leader.kill(signal.SIGTERM)
    return leader.start


async def _freeze(leader: Server) -> Callable[[], Awaitable[None]]:
    leader.freeze()

    async def thaw() -> None:
        leader.thaw()

    return thaw


async def _lose_leaders(three: Cluster, connect: NewClient, chance: random.Random, rounds: int) -> None:
    ways = [_kill, _freeze, _terminate]
    async with load(connect, three.remotes, clients=3, writers=4) as (outcome, clients):
        for number in range(rounds):
            await progress(outcome)
            leader = await three.leader()
            await asyncio.sleep(chance.uniform(0, 0.05))  # the moment of death is by chance
            bring_back = await ways[number % len(ways)](leader)
            await progress(outcome, timeout_s=30)
            await bring_back()
        await progress(outcome)
    rows = await judge(await three.leader(), outcome)
    report(f"leader lost {rounds} times", outcome, rows, clients)
    assert not outcome.in_doubt
    assert not outcome.refused


async def test_the_leader_is_killed_and_frozen_under_load(
    three: Cluster, connect: NewClient, chance: random.Random
) -> None:
    await _lose_leaders(three, connect, chance, 3)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_the_leader_is_killed_and_frozen_under_load_many_times(
    three: Cluster, connect: NewClient, chance: random.Random
) -> None:
    await _lose_leaders(three, connect, chance, 30)


async def test_without_a_quorum_there_is_an_answer_and_after_it_comes_back_nothing_is_amiss(
    three: Cluster, connect: NewClient
) -> None:
    async with load(connect, three.remotes, clients=2, writers=4) as (outcome, clients):
        await progress(outcome)
        leader = await three.leader()
        dead = [member for member in three.members if member is not leader]
        for member in dead:
            await member.kill()
        await until(
            "both clients know that there is no quorum",
            lambda: [client.status.reason for client in clients if not client.status.ready] * 2,
            15,
        )
        for member in dead:
            await member.start()
        await progress(outcome, timeout_s=30)
    rows = await judge(await three.leader(), outcome)
    report("quorum lost and back", outcome, rows, clients)


async def test_without_a_quorum_writes_and_reads_are_refused_in_time(
    three: Cluster, connect: NewClient
) -> None:
    options = Options(
        probe_interval_s=1.0,
        reply_timeout_s=1.0,
        execute_timeout_s=3.0,
        barrier_timeout_s=2.0,
        connect_timeout_s=1.0,
    )
    client = await connect(three.remotes, options=options)
    await client.execute(lambda tx: add_switch(tx, "blue"))
    leader = await three.leader()
    for member in three.members:
        if member is not leader:
            await member.kill()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    results = await asyncio.gather(
        client.execute(lambda tx: add_switch(tx, "green")),
        client.barrier(),
        return_exceptions=True,
    )
    # A leader that has not noticed yet answers an echo, but never a write.
    assert type(results[0]).__name__ in ("InDoubt", "Unreachable")
    assert loop.time() - begun < 4 * PATIENCE
    # Until the leader itself has noticed, it is connected to again and again.
    await until("the client knows", lambda: "does not lead" in client.status.reason, 10)
    begun = loop.time()
    results = await asyncio.gather(
        client.execute(lambda tx: add_switch(tx, "red")), client.barrier(), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == ["Unreachable", "Unreachable"]
    assert loop.time() - begun < 4 * PATIENCE
