"""Batches that the server refuses: who is to blame is told or run again, the others do not suffer."""

import asyncio
from collections import Counter

import pytest

from ovnest.ovsdb import (
    Busy,
    ConstraintViolation,
    Options,
    ReferentialIntegrityViolation,
    RowUuid,
    TooLarge,
    Transaction,
)
from tests.ovsdb.conftest import NewClient
from tests.ovsdb.servers import Server, until
from tests.ovsdb.tables import (
    PORT_BY_NAME,
    SWITCH_BY_NAME,
    Document,
    Port,
    Switch,
    add_port,
    add_switch,
    new_uuid,
)

pytestmark = pytest.mark.ovsdb


class Refused(Exception):
    """What an operation of these tests raises."""


async def test_a_row_that_ovn_nbctl_deletes_in_the_middle_of_an_operation_that_refers_to_it(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))
    other = await client.execute(lambda tx: add_switch(tx, "green"))
    attempts = []

    def operation(tx: Transaction) -> Port:
        attempts.append(tx)
        if tx.find(Switch, switch.uuid) is None:
            raise Refused
        if len(attempts) == 1:
            server.nbctl_and_stand_still("ls-del", "blue")
        return add_port(tx, switch.uuid, "p1")

    results = await asyncio.gather(
        client.execute(lambda tx: add_port(tx, other.uuid, "before")),
        client.execute(operation),
        client.execute(lambda tx: add_port(tx, other.uuid, "after")),
        return_exceptions=True,
    )
    assert isinstance(results[1], Refused)
    assert len(attempts) == 2
    assert sorted(row.name for row in client.replica.rows(Port)) == ["after", "before"]
    assert (await server.nbctl("find", "logical_switch_port", "name=p1")) == ""


async def test_a_change_of_a_row_that_vanished_is_not_lost_in_silence(
    server: Server, connect: NewClient
) -> None:
    """A `mutate` of no row is no error in OVSDB; the existence `wait` makes it one."""
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))

    attempts = []

    def operation(tx: Transaction) -> bool:
        row = tx.find(Switch, switch.uuid)
        if row is None:
            return False
        attempts.append(tx)
        if len(attempts) == 1:
            server.nbctl_and_stand_still("ls-del", "blue")
        tx.change_map(row, "external_ids", {"a": "1"})
        return True

    assert not await client.execute(operation)


async def test_a_refusal_that_rests_on_what_was_not_committed_is_not_delivered(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)

    def wrong(tx: Transaction) -> None:
        tx.insert(Switch(uuid=new_uuid(), name="blue"))
        tx.insert(Port(uuid=new_uuid(), name="p", tag=5_000))  # the schema allows 1 to 4095

    def unique(tx: Transaction) -> RowUuid:
        if tx.all(SWITCH_BY_NAME, "blue"):
            raise Refused
        return add_switch(tx, "blue").uuid

    tasks = [asyncio.create_task(client.execute(wrong)), asyncio.create_task(client.execute(unique))]
    with pytest.raises(ConstraintViolation):
        await tasks[0]
    uuid = await tasks[1]
    assert [row.uuid for row in client.replica.rows(Switch)] == [uuid]


async def test_a_fault_that_names_no_operation_is_found_by_halving(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))

    def dangling(tx: Transaction) -> None:
        tx.change_references(Switch, switch.uuid, "ports", add=[new_uuid()])

    def same_name(tx: Transaction) -> None:
        tx.insert(Document(uuid=new_uuid(), name="ovnest:ledger"))  # the schema has one row of a name

    before = client.status.seq
    results = await asyncio.gather(
        *(client.execute(lambda tx, n=n: add_port(tx, switch.uuid, f"a{n}")) for n in range(20)),
        client.execute(dangling),
        *(client.execute(lambda tx, n=n: add_port(tx, switch.uuid, f"b{n}")) for n in range(20)),
        client.execute(same_name),
        return_exceptions=True,
    )
    assert isinstance(results[20], ReferentialIntegrityViolation)
    assert isinstance(results[41], ConstraintViolation)
    assert [type(result) for result in results if not isinstance(result, Exception)] == [Port] * 40
    assert len(list(client.replica.rows(Port))) == 40
    assert client.status.seq - before < 12


async def test_an_operation_whose_rows_always_vanish_ends(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote, options=Options(attempts=5))
    ran = 0

    def operation(tx: Transaction) -> None:
        nonlocal ran
        ran += 1
        name = f"blue{ran}"
        switch = tx.rows(Switch)
        for row in switch:
            server.nbctl_and_stand_still("ls-del", row.name, "--", "ls-add", name)
            tx.change_map(row, "external_ids", {"a": "1"})
            return

    await client.execute(lambda tx: add_switch(tx, "blue"))
    with pytest.raises(Busy):
        await client.execute(operation)
    assert ran == 5


async def test_what_is_too_large_is_refused_and_what_is_large_goes_alone(
    server: Server, connect: NewClient
) -> None:
    client = await connect(
        server.remote, options=Options(operation_items=100, operation_bytes=400_000, batch_bytes=100_000)
    )
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))

    with pytest.raises(TooLarge):
        await client.execute(lambda tx: add_switch(tx, "x"), size_hint=101)
    with pytest.raises(TooLarge):
        await client.execute(lambda tx: add_port(tx, switch.uuid, "p", external_ids={"a": "x" * 400_000}))

    def large(tx: Transaction, name: str) -> Port:
        return add_port(tx, switch.uuid, name, external_ids={"a": "x" * 200_000})

    before = client.status.seq
    await asyncio.gather(
        client.execute(lambda tx: add_port(tx, switch.uuid, "small1")),
        client.execute(lambda tx: large(tx, "large1")),
        client.execute(lambda tx: large(tx, "large2")),
        client.execute(lambda tx: add_port(tx, switch.uuid, "small2")),
    )
    assert client.status.seq - before >= 3
    names = sorted(row.name for row in client.replica.rows(Port))
    assert names == ["large1", "large2", "small1", "small2"]


async def test_a_full_queue_is_said_at_once(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote, options=Options(queue_operations=10))
    results = await asyncio.gather(
        *(client.execute(lambda tx, n=n: add_switch(tx, f"s{n}")) for n in range(30)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, Busy)]
    assert len(refused) == 20
    assert len(list(client.replica.rows(Switch))) == 10


async def test_callers_get_turns(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote, options=Options(batch_operations=10))
    order: list[str] = []

    async def ask(caller: str, number: int) -> None:
        await client.execute(lambda tx: add_switch(tx, f"{caller}{number}"), caller=caller)
        order.append(caller)

    await asyncio.gather(
        *(ask("greedy", n) for n in range(200)),
        *(ask("modest", n) for n in range(5)),
        *(ask("greedier", n) for n in range(200)),
    )
    assert min(Counter(order[:30])[caller] for caller in ("greedy", "modest", "greedier")) >= 5


async def test_an_operation_outlives_its_caller(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote)
    task = asyncio.create_task(client.execute(lambda tx: add_switch(tx, "blue")))
    await asyncio.sleep(0)  # the operation is accepted
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until("the switch is there", lambda: client.replica.all(SWITCH_BY_NAME, "blue"))


async def test_what_was_accepted_is_finished_when_the_client_is_left(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    tasks = [asyncio.create_task(client.execute(lambda tx, n=n: add_switch(tx, f"s{n}"))) for n in range(50)]
    await asyncio.sleep(0)  # the operations are accepted
    await client.__aexit__(None, None, None)
    rows = await asyncio.gather(*tasks)
    assert len(rows) == 50
    assert len((await server.nbctl("ls-list")).splitlines()) == 50


async def test_results_of_reading_rest_on_the_newest_state(server: Server, connect: NewClient) -> None:
    one, two = await connect(server.remote), await connect(server.remote)
    for number in range(50):
        await one.execute(lambda tx, number=number: add_switch(tx, f"s{number}"))
        names = await two.execute(lambda tx: {row.name for row in tx.rows(Switch)})
        assert f"s{number}" in names


async def test_a_port_that_moves_within_a_batch_ends_where_the_last_operation_put_it(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    blue = await client.execute(lambda tx: add_switch(tx, "blue"))
    green = await client.execute(lambda tx: add_switch(tx, "green"))
    port = await client.execute(lambda tx: add_port(tx, blue.uuid, "p"))

    def move(tx: Transaction, to: RowUuid) -> list[RowUuid]:
        for owner in tx.owners(Switch, "ports", port.uuid):
            tx.change_references(Switch, owner, "ports", remove=[port.uuid])
        tx.change_references(Switch, to, "ports", add=[port.uuid])
        return list(tx.owners(Switch, "ports", port.uuid))

    owners = await asyncio.gather(
        *(client.execute(lambda tx, to=to: move(tx, to)) for to in (green.uuid, blue.uuid, green.uuid))
    )
    assert owners == [[green.uuid], [blue.uuid], [green.uuid]]
    assert list(client.replica.owners(Switch, "ports", port.uuid)) == [green.uuid]
    assert client.replica.all(PORT_BY_NAME, "p") == [port]
    assert "(p)" in await server.nbctl("lsp-list", "green")
