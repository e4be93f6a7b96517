"""What `Client.execute` costs beside hand-written transactions on the same ovsdb-server.

    python -m bench.ovsdb_execute [rounds]

The same rows are written three ways in rounds that alternate: raw with one transaction in flight, raw with
16, and through `execute` (ledger, existence waits, replica, durable commit) with 1, 16 and 64 clients.
Client and server are two processes on whatever cores the system gives them; the raw client shares its
process with a connected `Client`, which follows its writes. Medians are printed, and ratios of medians.
"""

import argparse
import asyncio
import statistics
import time
from functools import partial

from ovnest.ovsdb import Client, RowUuid, Transaction, parse_remotes, remotes
from ovnest.ovsdb.messages import Commit, Insert, Message, Mutate, by_uuid, transaction_error
from ovnest.ovsdb.session import Session, Work
from tests.ovsdb.servers import DATABASE, Server, standalone
from tests.ovsdb.tables import INDEXES, LEDGER, PORT_BY_NAME, TABLES, Port, Switch, add_switch, new_uuid

KEYS = {f"neutron:key{number}": f"value{number}" for number in range(12)}
ADDRESS = "0a:00:00:00:00:01 10.0.0.3"
ROUND_S = 0.3


class Nobody:
    """A `Receiver` that does nothing with what it hears."""

    def piece(self, table: str, rows: bytes) -> None: ...

    def notified(self, message: Message) -> Work:
        return None

    def lost(self, reason: str) -> None: ...


async def raw(session: Session, switch: RowUuid, until: float) -> int:
    done = 0
    while time.perf_counter() < until:
        uuid = new_uuid()
        row = {"name": uuid, "addresses": ADDRESS, "external_ids": ("map", list(KEYS.items()))}
        members = [("ports", "insert", ("uuid", uuid))]
        operations = (
            Insert(table="Logical_Switch_Port", uuid=uuid, row=row),
            Mutate(table="Logical_Switch", where=by_uuid(switch), mutations=members),
            Commit(durable=True),
        )
        reply = await session.call("transact", [DATABASE, *operations])
        assert transaction_error(reply) is None
        done += 1
    return done


def add_port(tx: Transaction, switch: RowUuid) -> None:
    uuid = new_uuid()
    assert not tx.all(PORT_BY_NAME, uuid)
    tx.insert(Port(uuid=uuid, name=uuid, addresses=(ADDRESS,), external_ids=KEYS))
    tx.change_references(Switch, switch, "ports", add=[uuid])


async def execute(client: Client, switch: RowUuid, until: float) -> int:
    done = 0
    while time.perf_counter() < until:
        await client.execute(partial(add_port, switch=switch))
        done += 1
    return done


async def measure(server: Server, rounds: int) -> dict[str, float]:
    rates: dict[str, list[float]] = {}
    (remote,) = parse_remotes(server.remote)
    session = await remotes.connect(remote, None, lambda: Session(Nobody(), 60))
    async with Client(server.remote, DATABASE, tables=TABLES, indexes=INDEXES, ledger=LEDGER) as client:
        await client.ready(10)
        for number in range(rounds):
            name = f"round{number}"
            switch = (await client.execute(partial(add_switch, name=name))).uuid
            ways = {f"raw, {count} in flight": (partial(raw, session), count) for count in (1, 16)}
            ways |= {f"execute, {count} clients": (partial(execute, client), count) for count in (1, 16, 64)}
            for what, (way, count) in ways.items():
                begun = time.perf_counter()
                done = await asyncio.gather(*(way(switch, begun + ROUND_S) for _ in range(count)))
                rates.setdefault(what, []).append(sum(done) / (time.perf_counter() - begun))
    session.close("done")
    return {what: statistics.median(each) for what, each in rates.items()}


async def main(rounds: int) -> None:
    async with standalone() as server:
        rates = await measure(server, rounds)
    for what, rate in rates.items():
        print(f"{what:22} {rate:8.0f} /s")
    print(f"one client to raw one at a time   {rates['execute, 1 clients'] / rates['raw, 1 in flight']:.2f}")
    print(
        f"64 clients to raw 16 in flight    {rates['execute, 64 clients'] / rates['raw, 16 in flight']:.2f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rounds", type=int, nargs="?", default=15)
    asyncio.run(main(parser.parse_args().rounds))
