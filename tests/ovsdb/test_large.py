"""A large database: the loop stays free while it is loaded anew; 50,000 references are no trouble."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from ovnest.ovsdb import Client, Options, Row, RowUuid
from ovnest.ovsdb.messages import Insert
from tests.ovsdb.conftest import NewClient
from tests.ovsdb.servers import PATIENCE, Server, until
from tests.ovsdb.tables import TABLES, Port, Switch, add_port, new_uuid

pytestmark = pytest.mark.ovsdb

STALL_MS = 20.0


class Stalls:
    """How long the loop was busy at a stretch, in this thread's CPU time (other processes take their own)."""

    def __init__(self) -> None:
        self.longest_ms = 0.0

    async def watch(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            self.longest_ms = max(self.longest_ms, (now - last) * 1000)
            last = now


@asynccontextmanager
async def stalls() -> AsyncIterator[Stalls]:
    watching = Stalls()
    task = asyncio.create_task(watching.watch())
    try:
        yield watching
    finally:
        task.cancel()


def long_port(uuid: RowUuid) -> Insert:
    """A port with as much to say as Neutron's have."""
    keys = {f"neutron:key_{number}": f"{uuid}-{number}" for number in range(15)}
    row = {
        "name": uuid,
        "addresses": "0a:00:00:00:00:01 10.0.0.3",
        "external_ids": ("map", list(keys.items())),
    }
    return Insert(table="Logical_Switch_Port", uuid=uuid, row=row)


async def fill(client: Client, ports: int, ports_a_switch: int) -> RowUuid:
    switch = new_uuid()
    for _ in range(ports // ports_a_switch):
        switch = new_uuid()
        uuids = [new_uuid() for _ in range(ports_a_switch)]
        members = ("set", [("uuid", uuid) for uuid in uuids])
        await client.transact(
            *(long_port(uuid) for uuid in uuids),
            Insert(table="Logical_Switch", uuid=switch, row={"name": switch, "ports": members}),
        )
    return switch


@contextmanager
def measured(what: str) -> Iterator[None]:
    begun = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - begun:.2f} s")


async def reload(server: Server, client: Client) -> float:
    """Let the client lose its connection and load anew; gives the longest stall in milliseconds."""
    count = client.status.reloaded
    async with stalls() as watching:
        await server.control_command("ovsdb-server/reconnect")
        with measured("reload"):
            await until("loaded anew", lambda: client.status.ready and client.status.reloaded > count, 60)
    print(f"longest stall {watching.longest_ms:.1f} ms of CPU")
    return watching.longest_ms


async def _reload_of(server: Server, connect: NewClient, ports: int) -> None:
    options = Options(reply_timeout_s=60 * PATIENCE)
    filler = await connect(server.remote, tables=[Switch], indexes=[], options=options)
    with measured(f"{ports} ports written"):
        await fill(filler, ports, 500)
    print(f"{server.database.stat().st_size / 1e6:.0f} MB")
    async with Client(server.remote, "OVN_Northbound", tables=TABLES, options=options) as client:
        with measured("first load"):
            await client.ready(60 * PATIENCE)
        rows = client.replica.count()
        before = {row.uuid: row for row in client.replica.rows(Port)}
        stall_ms = min(
            [await reload(server, client) for _ in range(2)]
        )  # twice, as other processes disturb caches
        assert client.replica.count() == rows
        assert all(client.replica.find(Port, uuid) is row for uuid, row in before.items())
    assert stall_ms < STALL_MS * PATIENCE


async def test_the_loop_is_free_while_20_mb_are_loaded_anew(server: Server, connect: NewClient) -> None:
    await _reload_of(server, connect, 15_000)


@pytest.mark.long
async def test_the_loop_is_free_while_84_mb_are_loaded_anew(server: Server, connect: NewClient) -> None:
    await _reload_of(server, connect, 65_000)


async def test_a_switch_of_50_000_ports(server: Server, connect: NewClient) -> None:
    options = Options(reply_timeout_s=60 * PATIENCE)
    client = await connect(server.remote, options=options)
    uuids = [new_uuid() for _ in range(50_000)]
    switch = new_uuid()
    members = ("set", [("uuid", uuid) for uuid in uuids])
    await client.transact(
        *(Insert(table="Logical_Switch_Port", uuid=uuid, row={"name": uuid}) for uuid in uuids),
        Insert(table="Logical_Switch", uuid=switch, row={"name": "big", "ports": members}),
    )
    assert len(client.replica.children(Switch, "ports", switch)) == 50_000
    assert await reload(server, client) < 2 * STALL_MS * PATIENCE

    async with stalls() as watching:
        for number in range(100):
            await client.execute(lambda tx, number=number: add_port(tx, switch, f"p{number}"))
    assert len(client.replica.children(Switch, "ports", switch)) == 50_100
    assert watching.longest_ms < STALL_MS


def test_rows_are_small() -> None:
    """The collector forgets rows, so that a million of them costs it nothing."""
    assert all(issubclass(table, Row) and not table.__struct_config__.gc for table in TABLES)
