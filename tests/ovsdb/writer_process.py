"""A process that writes for some seconds and prints what it was told.

`python -m tests.ovsdb.writer_process REMOTES SWITCH NAME SECONDS CLIENTS`
"""

import asyncio
import json
import sys

from ovnest.ovsdb import Client, Options, RowUuid
from tests.ovsdb.load import Outcome, write
from tests.ovsdb.servers import DATABASE
from tests.ovsdb.tables import INDEXES, LEDGER, TABLES, TagTracker


async def main(remotes: str, switch: str, name: str, seconds: float, clients: int) -> None:
    tags = TagTracker()
    outcome = Outcome()
    stop = asyncio.Event()
    options = Options(execute_timeout_s=20)
    async with Client(
        remotes, DATABASE, tables=TABLES, indexes=INDEXES, trackers=[tags], ledger=LEDGER, options=options
    ) as client:
        await client.ready(20)
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        asyncio.get_running_loop().call_later(seconds, stop.set)
        async with asyncio.TaskGroup() as tasks:
            for number in range(clients):
                tasks.create_task(write(client, RowUuid(switch), tags, f"{name}.{number}", stop, outcome))
        status = client.status
    print(
        json.dumps(
            {
                "acknowledged": outcome.acknowledged,
                "in_doubt": sorted(outcome.in_doubt),
                "refused": sorted(outcome.refused),
                "turns": status.turns,
                "seq": status.seq,
            }
        )
    )


if __name__ == "__main__":
    remotes, switch, name, seconds, clients = sys.argv[1:]
    asyncio.run(main(remotes, switch, name, float(seconds), int(clients)))
