"""Several processes write at once: fair shares, one order, nothing twice."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ovsdb.conftest import NewClient
from tests.ovsdb.load import Outcome, dump, judge
from tests.ovsdb.servers import PATIENCE, Server
from tests.ovsdb.tables import LEDGER, add_switch

pytestmark = [pytest.mark.ovsdb, pytest.mark.faults]

ROOT = Path(__file__).parents[2]


async def _start(
    remotes: str, switch: str, name: str, seconds: float, clients: int
) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.ovsdb.writer_process",
        *(remotes, switch, name, str(seconds), str(clients)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 26,
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()) == b"ready\n"
    return process


async def _finish(process: asyncio.subprocess.Process) -> dict[str, Any]:
    out, _ = await asyncio.wait_for(process.communicate(), 60 * PATIENCE)
    assert process.returncode == 0
    told: dict[str, Any] = json.loads(out)
    return told


async def test_eight_processes_get_fair_shares_and_write_nothing_twice(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))
    processes = await asyncio.gather(
        *(_start(server.remote, switch.uuid, f"w{number}", 4, 4) for number in range(8))
    )
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
    told = await asyncio.gather(*(_finish(process) for process in processes))

    outcome = Outcome()
    for each in told:
        outcome.add(Outcome(each["acknowledged"], set(each["in_doubt"]), set(each["refused"])))
    shares = sorted(len(each["acknowledged"]) for each in told)
    print(f"shares {shares}, turns {[each['turns'] for each in told]}")
    assert await judge(server, outcome) == len(outcome.acknowledged) > 0
    assert not outcome.refused
    assert not outcome.in_doubt
    assert shares[0] * 2 > shares[-1], f"shares are unfair: {shares}"

    rows = [row for row in await dump(server, "Copp", "external_ids") if row["_uuid"][1] == LEDGER.uuid]
    keys = dict(rows[0]["external_ids"][1])
    batches = sum(int(value.split()[0]) for key, value in keys.items() if key.startswith("ovnest:server:"))
    assert int(keys["ovnest:seq"]) == batches, "each number of the ledger is one server's batch"
