"""The ledger's life: made once, lost, restored; keys that age; who hangs is passed over."""

import asyncio
import shutil
import signal
import time
from typing import Any

import msgspec
import pytest

from ovnest.ovsdb import Client, InDoubt, Operation, Transaction, parse_remotes, remotes
from ovnest.ovsdb.ledger import LedgerState
from ovnest.ovsdb.messages import Message, encode
from ovnest.ovsdb.session import Session, Work
from tests.ovsdb.conftest import NewClient
from tests.ovsdb.load import dump, judge
from tests.ovsdb.servers import DATABASE, Server, run, until
from tests.ovsdb.tables import LEDGER, SWITCH_BY_NAME, Switch, add_port, add_switch
from tests.ovsdb.test_faults import load, progress

pytestmark = pytest.mark.ovsdb


async def ledger_keys(server: Server) -> dict[str, str]:
    rows = [row for row in await dump(server, "Copp", "external_ids") if row["_uuid"][1] == LEDGER.uuid]
    return dict(rows[0]["external_ids"][1]) if rows else {}


async def server_keys(server: Server) -> dict[str, str]:
    return {
        key: value for key, value in (await ledger_keys(server)).items() if key.startswith("ovnest:server:")
    }


def test_a_place_that_is_ready_is_the_one_that_would_be_made_now() -> None:
    now = [1_000_000.0]
    state = LedgerState(LEDGER, lambda: now[0], 86_400.0, lambda reason: None)

    def place() -> tuple[bytes, bytes]:
        assert state.seq is not None
        number = state.own_batch + 1
        made = state.place(state.seq, number)
        assert made == (encode(state.begin(state.seq)), encode(state.advance(state.seq, number)))
        return made

    values = {"ovnest:seq": "7", "ovnest:last": "other", "ovnest:server:other": "3 999000"}
    state.heard("insert", {"external_ids": ["map", list(values.items())]})
    state.get_ready()
    ready = place()
    assert state.place(7, 1) is ready
    state.heard("modify", {"external_ids": ["map", [["ovnest:server:old", "1 5"]]]})  # it has to go
    assert b"ovnest:server:old" in place()[1]
    state.heard("modify", {"external_ids": ["map", [["ovnest:last", "third"]]]})
    assert b"third" in place()[0]
    now[0] += 5
    place()
    now[0] -= 500  # somebody has set the clock
    place()
    state.get_ready()
    state.start_again()
    assert state.own_id.encode() in place()[1]
    state.committed(1)
    place()


async def test_many_who_find_no_ledger_make_one(server: Server, connect: NewClient) -> None:
    clients = await asyncio.gather(*(connect(server.remote) for _ in range(8)))
    assert [client.status.seq for client in clients] == [0] * 8
    assert (await ledger_keys(server))["ovnest:layout"] == "1"
    assert len(await dump(server, "Copp")) == 1


async def test_a_new_server_goes_on_where_the_ledger_is(server: Server, connect: NewClient) -> None:
    for number in range(3):
        client = await connect(server.remote)
        assert client.status.seq == number
        await client.execute(lambda tx, number=number: add_switch(tx, f"s{number}"))
    assert len(await server_keys(server)) == 3


async def test_foreign_keys_of_the_ledger_row_stay_and_old_servers_go(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    yesterday = int(time.time()) - 90_000
    row = ["set", "Copp", LEDGER.uuid]
    await server.nbctl(
        *row, "external_ids:somebody=here", f'external_ids:ovnest\\:server\\:old="7 {yesterday}"'
    )
    await server.nbctl(*row, f'external_ids:ovnest\\:server\\:young="7 {yesterday + 86_000}"')
    await client.execute(lambda tx: add_switch(tx, "blue"))
    keys = await ledger_keys(server)
    assert keys["somebody"] == "here"
    assert "ovnest:server:old" not in keys
    assert "ovnest:server:young" in keys


async def test_a_deleted_ledger_is_made_anew_and_the_server_takes_a_new_id(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    await client.execute(lambda tx: add_switch(tx, "blue"))
    before = await server_keys(server)
    await server.nbctl("destroy", "Copp", LEDGER.uuid)
    await until("the client has a ledger again", lambda: client.status.ready and client.status.seq == 0)
    await client.execute(lambda tx: add_switch(tx, "green"))
    after = await server_keys(server)
    assert len(after) == 1
    assert not before.keys() & after.keys()
    assert client.status.reloaded == 1


async def test_who_finds_its_key_gone_takes_a_new_id(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote)
    await client.execute(lambda tx: add_switch(tx, "blue"))
    (key,) = await server_keys(server)
    await server.nbctl("remove", "Copp", LEDGER.uuid, "external_ids", key.replace(":", "\\:"))
    await until("the client has loaded anew", lambda: client.status.ready and client.status.reloaded == 1)
    await client.execute(lambda tx: add_switch(tx, "green"))
    assert key not in await server_keys(server)
    assert (await ledger_keys(server))["ovnest:seq"] == "2"


async def test_the_ledger_row_is_deleted_again_and_again_under_load(
    server: Server, connect: NewClient
) -> None:
    async with load(connect, server.remote, clients=2, writers=4) as (outcome, clients):
        for _ in range(5):
            await progress(outcome)
            await server.nbctl("--if-exists", "destroy", "Copp", LEDGER.uuid)
        await progress(outcome)
    rows = await judge(server, outcome)
    print(f"{rows} rows, {len(outcome.in_doubt)} in doubt, reloads {[c.status.reloaded for c in clients]}")
    assert not outcome.refused


async def test_a_restored_backup_is_noticed(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote)
    await client.execute(lambda tx: add_switch(tx, "before"))
    shutil.copy(server.database, server.directory / "backup.db")
    for number in range(3):
        await client.execute(lambda tx, number=number: add_switch(tx, f"after{number}"))
    keys = await server_keys(server)

    await server.kill()
    shutil.copy(server.directory / "backup.db", server.database)
    await server.start()

    await until("the client is ready again", lambda: client.status.ready and client.status.reloaded == 1)
    await client.barrier()
    assert [row.name for row in client.replica.rows(Switch)] == ["before"]
    assert client.replica.all(SWITCH_BY_NAME, "after1") == []
    await client.execute(lambda tx: add_switch(tx, "new"))
    assert (await ledger_keys(server))["ovnest:seq"] == "2"
    assert len((await server_keys(server)).keys() - keys.keys()) == 1


async def test_a_backup_restored_into_the_running_server_is_noticed(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    await client.execute(lambda tx: add_switch(tx, "before"))
    backup = server.directory / "backup.db"
    shell = f"ovsdb-client backup {server.remote} {DATABASE} > {backup}"
    await run("sh", "-c", shell)
    await client.execute(lambda tx: add_switch(tx, "after"))
    await run("sh", "-c", f"ovsdb-client restore {server.remote} {DATABASE} < {backup}")
    await until(
        "the client has loaded anew",
        lambda: client.status.ready and [row.name for row in client.replica.rows(Switch)] == ["before"],
    )
    await client.execute(lambda tx: add_switch(tx, "new"))
    assert sorted(row["name"] for row in await dump(server, "Logical_Switch", "name")) == ["before", "new"]


async def test_what_is_in_doubt_when_a_backup_is_restored_is_said_to_be_in_doubt(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    await client.execute(lambda tx: add_switch(tx, "before"))
    shutil.copy(server.database, server.directory / "backup.db")
    await client.execute(lambda tx: add_switch(tx, "after"))
    server.freeze()
    doubtful = asyncio.create_task(client.execute(lambda tx: add_switch(tx, "doubtful")))
    await until("the write is sent", lambda: client.status.sent)
    await server.kill()
    shutil.copy(server.directory / "backup.db", server.database)
    await server.start()
    with pytest.raises(InDoubt):
        await doubtful
    await client.execute(lambda tx: add_switch(tx, "new"))
    assert sorted(row["name"] for row in await dump(server, "Logical_Switch", "name")) == ["before", "new"]


async def lose_a_request(server: Server, client: Client, operation: Operation[Any]) -> asyncio.Task[Any]:
    """Send what the operation stages to a server that dies before it reads it."""
    server.freeze()
    lost = asyncio.create_task(client.execute(operation))
    await until("the write is sent", lambda: client.status.sent)
    await server.kill()
    return lost


async def test_a_lost_batch_that_can_no_longer_be_applied_as_it_is_is_run_again(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    blue = await client.execute(lambda tx: add_switch(tx, "blue"))
    green = await client.execute(lambda tx: add_switch(tx, "green"))

    def operation(tx: Transaction) -> str:
        switch = tx.find(Switch, blue.uuid) or tx.find(Switch, green.uuid)
        assert switch is not None
        add_port(tx, switch.uuid, "p")
        return switch.name

    lost = await lose_a_request(server, client, operation)
    # While the client is away somebody deletes the row that the lost batch refers to.
    other = Server(server.directory, "nb")
    other.socket = server.directory / "other.sock"
    await other.start()
    await other.nbctl("ls-del", "blue")
    await other.kill(signal.SIGTERM)
    await server.start()

    assert await lost == "green"
    assert client.status.lost_and_dropped == 1
    assert "(p)" in await server.nbctl("lsp-list", "green")
    # Its place in the ledger was taken by a batch that did nothing, so that it never can be applied.
    assert (await ledger_keys(server))["ovnest:seq"] == "4"


async def test_without_a_ledger_a_lost_reply_is_in_doubt_at_once(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote, ledger=None)
    await client.execute(lambda tx: add_switch(tx, "blue"))
    lost = await lose_a_request(server, client, lambda tx: add_switch(tx, "green"))
    with pytest.raises(InDoubt):
        await lost
    await server.start()
    await client.execute(lambda tx: add_switch(tx, "red"))
    assert sorted(row["name"] for row in await dump(server, "Logical_Switch", "name")) == ["blue", "red"]
    assert not await dump(server, "Copp")


class Silent:
    """A `Receiver` that nobody hears of."""

    def piece(self, table: str, rows: bytes) -> None: ...

    def notified(self, message: Message) -> Work:
        return None

    def lost(self, reason: str) -> None: ...


async def test_who_holds_the_lock_and_hangs_is_passed_over(server: Server, connect: NewClient) -> None:
    one, two = await connect(server.remote), await connect(server.remote)
    (remote,) = parse_remotes(server.remote)
    hanging = await remotes.connect(remote, None, lambda: Session(Silent(), 60))
    assert (await hanging.call("lock", [LEDGER.lock_name(DATABASE)])).result == {"locked": True}
    begun = time.monotonic()
    for number in range(20):
        await one.execute(lambda tx, number=number: add_switch(tx, f"one{number}"))
        await two.execute(lambda tx, number=number: add_switch(tx, f"two{number}"))
    assert time.monotonic() - begun < 5
    hanging.close("the test is over")
    assert len(await dump(server, "Logical_Switch")) == 40


async def test_the_same_number_of_another_history_is_not_taken_for_ours(
    server: Server, connect: NewClient
) -> None:
    """A ledger that was deleted, made anew, and has come to the same number is not the ledger we knew."""
    one = await connect(server.remote)
    begin = one._ledger.begin(0)
    await server.nbctl("destroy", "Copp", LEDGER.uuid)
    await until("there is another ledger", lambda: one.status.ready and one.status.reloaded == 1)
    assert one.status.seq == 0
    (result, *_) = await server.transact(msgspec.to_builtins(begin))
    assert result["error"] == "timed out"
