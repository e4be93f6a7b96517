"""Servers are killed without warning under load: what was acknowledged is there, and nothing is half-made."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.faults.judge import Verdict, judge
from tests.faults.load import Load, assert_sound, progress
from tests.faults.workload import Shared
from tests.http import Http
from tests.ovsdb.servers import PATIENCE
from tests.ovsdb.servers import Server as Northbound
from tests.serving import Server

pytestmark = [pytest.mark.faults]

CLIENTS = 6
LONGEST_LIFE_S = 0.15  # after the writes that each life must see


class Killed:
    """What a test has to say at its end."""

    def __init__(self) -> None:
        self.done = 0
        self.not_done = 0
        self.began = time.monotonic()

    def add(self, verdict: Verdict) -> None:
        self.done += verdict.done
        self.not_done += verdict.not_done

    def report(self, what: str, load: Load) -> None:
        print(
            f"{what}: {load.acknowledged} acknowledged, {self.done + self.not_done} in doubt "
            f"({self.done} of them done), {time.monotonic() - self.began:.0f} s"
        )
        assert self.done + self.not_done > 0, "nothing was in doubt, so this shows nothing"


async def _kill_again_and_again(
    northbound: Northbound, directory: Path, chance: random.Random, times: int
) -> None:
    server = await Server.start("--northbound", northbound.remote, log=directory / "0.log")
    try:
        http = Http(server.url)
        load = Load.make([http], await Shared.make(http), CLIENTS, chance)
        killed = Killed()
        for number in range(1, times + 1):
            async with load.until_lost():
                await load.progress(chance.randrange(10, 40))
                await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_S))  # the moment of death is by chance
                server.kill()
            log = directory / f"{number}.log"
            server = await Server.start(
                "--northbound", northbound.remote, log=log, listen=f"127.0.0.1:{server.port}"
            )
            killed.add(await judge(http, load.clients))
        server.stop()
    finally:
        server.kill()
    await assert_sound(northbound.remote)
    killed.report(f"killed {times} times", load)


@pytest.mark.timeout(120 * PATIENCE)
async def test_a_server_killed_20_times_has_lost_nothing_and_left_nothing_half_made(
    northbound: Northbound, tmp_path: Path, chance: random.Random
) -> None:
    await _kill_again_and_again(northbound, tmp_path, chance, 20)


@pytest.mark.long
@pytest.mark.timeout(1200 * PATIENCE)
async def test_a_server_killed_200_times_has_lost_nothing_and_left_nothing_half_made(
    northbound: Northbound, tmp_path: Path, chance: random.Random
) -> None:
    await _kill_again_and_again(northbound, tmp_path, chance, 200)


@pytest.mark.timeout(120 * PATIENCE)
async def test_of_two_servers_on_one_northbound_the_other_goes_on_when_one_is_killed(
    northbound: Northbound, tmp_path: Path, chance: random.Random
) -> None:
    option = ("--northbound", northbound.remote)
    servers = [await Server.start(*option, log=tmp_path / f"{number}.log") for number in range(2)]
    try:
        https = [Http(server.url) for server in servers]
        load = Load.make(https, await Shared.make(https[0]), CLIENTS // 2, chance)
        killed = Killed()
        for number in range(4):
            victim = number % 2
            others = load.clients_of(1 - victim)
            async with load.steady():
                await load.progress(chance.randrange(10, 40))
                servers[victim].kill()
                await progress(others, 20)
                log = tmp_path / f"{victim}.{number}.log"
                listen = f"127.0.0.1:{servers[victim].port}"
                servers[victim] = await Server.start(*option, log=log, listen=listen)
                await progress(load.clients_of(victim), 10)
            assert not any(client.memory.doubted or client.memory.not_done for client in others)
            killed.add(await judge(https[1 - victim], load.clients))
            for client in load.clients:
                client.memory.doubted = client.memory.not_done = 0
        for server in servers:
            server.stop()
    finally:
        for server in servers:
            server.kill()
    await assert_sound(northbound.remote)
    killed.report("two servers, each killed twice", load)
