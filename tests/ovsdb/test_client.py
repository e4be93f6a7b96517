"""The client against one real server: operations, reads, rows."""

import asyncio

import msgspec
import pytest

from ovnest.ovsdb import RowGone, Transaction
from tests.ovsdb.conftest import NewClient
from tests.ovsdb.servers import Server, until
from tests.ovsdb.tables import (
    PORT_BY_NAME,
    PORT_BY_TAG,
    SWITCH_BY_NAME,
    Port,
    Switch,
    add_port,
    add_switch,
    new_uuid,
)

pytestmark = pytest.mark.ovsdb


async def test_what_is_inserted_is_in_the_database_and_in_the_replica(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))
    port = await client.execute(lambda tx: add_port(tx, switch.uuid, "p1", parent_name="vm", tag=42))

    assert (await server.nbctl("lsp-get-tag", "p1")).strip() == "42"
    assert (await server.nbctl("lsp-get-parent", "p1")).strip() == "vm"
    assert client.replica.find(Port, port.uuid) == port
    assert client.replica.all(PORT_BY_TAG, ("vm", 42)) == [port]
    assert list(client.replica.owners(Switch, "ports", port.uuid)) == [switch.uuid]
    assert list(client.replica.children(Switch, "ports", switch.uuid)) == [port.uuid]
    assert client.status.seq == 2


async def test_an_own_row_that_comes_back_as_it_was_sent_is_the_one_that_was_staged(
    server: Server, connect: NewClient
) -> None:
    """Its bytes are foretold, so it is not decoded; the first of its kind shows the order of columns."""
    client, other = await connect(server.remote), await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))

    def add(tx: Transaction, number: int, **columns: object) -> Port:
        return add_port(
            tx,
            switch.uuid,
            f'p"\u00e9\u4e2d\\\n{number}',
            addresses=("fa:16:3e:00:00:01 192.0.2.1", "unknown"),
            parent_name="vm",
            tag=42,
            up=False,
            options={"requested-chassis": "hv1"},
            external_ids={"b": "2", "a": "1", "\u00e9": "", "tag": "42"},
            **columns,
        )

    await client.execute(lambda tx: add(tx, 0))
    ports = await client.execute(lambda tx: [add(tx, number) for number in range(1, 101)])
    assert all(client.replica.find(Port, port.uuid) is port for port in ports)
    await other.barrier()
    assert all(other.replica.find(Port, port.uuid) == port for port in ports)
    assert len(client.replica.all(PORT_BY_TAG, ("vm", 42))) == 101

    # A weak reference to nothing is dropped by the server: what it tells counts.
    dangling = await client.execute(lambda tx: add(tx, 101, dhcpv4_options=new_uuid()))
    assert client.replica.find(Port, dangling.uuid) == msgspec.structs.replace(dangling, dhcpv4_options=None)


async def test_a_second_client_sees_it_after_its_barrier(server: Server, connect: NewClient) -> None:
    one, two = await connect(server.remote), await connect(server.remote)
    switch = await one.execute(lambda tx: add_switch(tx, "blue"))
    for number in range(100):
        port = await one.execute(lambda tx, number=number: add_port(tx, switch.uuid, f"p{number}"))
        await two.barrier()
        assert two.replica.find(Port, port.uuid) == port


async def test_a_reader_that_comes_while_an_echo_is_under_way_waits_for_the_next(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    switch, uuids = new_uuid(), [new_uuid() for _ in range(50)]
    keys = ["map", [[f"key{number}", "x" * 50] for number in range(20)]]
    write = [
        *(
            {
                "op": "insert",
                "table": "Logical_Switch_Port",
                "uuid": uuid,
                "row": {"name": uuid, "external_ids": keys},
            }
            for uuid in uuids
        ),
        {
            "op": "insert",
            "table": "Logical_Switch",
            "uuid": switch,
            "row": {"name": "blue", "ports": ["set", [["uuid", uuid] for uuid in uuids]]},
        },
    ]
    early = asyncio.create_task(client.barrier())
    await asyncio.sleep(0)  # its echo is sent
    # The loop stands still: the server answers the echo, and then acknowledges somebody's long write.
    server.transact_and_stand_still(*write)
    await client.barrier()
    assert len(client.replica.children(Switch, "ports", switch)) == 50
    await early


async def test_operations_that_arrive_together_are_one_transaction(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))
    before = client.status.seq
    made = await asyncio.gather(
        *(client.execute(lambda tx, n=n: add_port(tx, switch.uuid, f"p{n}")) for n in range(100))
    )
    assert client.status.seq - before <= 3
    assert {row.uuid for row in made} == set(client.replica.children(Switch, "ports", switch.uuid))


async def test_an_operation_sees_what_the_ones_before_it_staged(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))

    def next_tag(tx: Transaction) -> int:
        tag = 1
        while tx.all(PORT_BY_TAG, ("vm", tag)):
            tag += 1
        add_port(tx, switch.uuid, f"c{tag}", parent_name="vm", tag=tag)
        return tag

    tags = await asyncio.gather(*(client.execute(next_tag) for _ in range(50)))
    assert sorted(tags) == list(range(1, 51))


async def test_an_operation_that_raises_leaves_nothing_and_the_others_stand(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))

    class Refused(Exception):
        pass

    def refuse(tx: Transaction) -> None:
        add_port(tx, switch.uuid, "bad")
        raise Refused

    results = await asyncio.gather(
        client.execute(lambda tx: add_port(tx, switch.uuid, "good")),
        client.execute(refuse),
        client.execute(lambda tx: add_port(tx, switch.uuid, "better")),
        return_exceptions=True,
    )
    assert isinstance(results[1], Refused)
    assert sorted(row.name for row in client.replica.rows(Port)) == ["better", "good"]
    assert sorted((await server.nbctl("lsp-list", "blue")).split()[1::2]) == ["(better)", "(good)"]


async def test_rows_change_by_parts_and_others_parts_stay(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))
    port = await client.execute(
        lambda tx: add_port(tx, switch.uuid, "p1", external_ids={"a": "1", "b": "2"}, addresses=("x", "y"))
    )
    await server.nbctl("set", "logical_switch_port", "p1", "external_ids:foreign=here")

    def change(tx: Transaction) -> Port:
        row = tx.change_map(port, "external_ids", {"a": "9", "c": "3"}, remove=["b"])
        row = tx.change_set(row, "addresses", add=["z"], remove=["x"])
        changed: Port = tx.update(row, tag=7, up=True)
        return changed

    changed = await client.execute(change)
    await client.barrier()
    now = client.replica.find(Port, port.uuid)
    assert now is not None
    assert now.external_ids == {"a": "9", "c": "3", "foreign": "here"}
    assert (now.addresses, now.tag, now.up) == (("y", "z"), 7, True)
    assert changed.tag == 7

    await client.execute(lambda tx: tx.update(now, tag=None))
    assert client.replica.find(Port, port.uuid) == msgspec.structs.replace(now, tag=None)

    def remove(tx: Transaction) -> None:
        tx.delete(now)
        tx.change_references(Switch, switch.uuid, "ports", remove=[now.uuid])

    await client.execute(remove)
    assert client.replica.find(Port, port.uuid) is None
    assert client.replica.all(PORT_BY_NAME, "p1") == []
    assert not client.replica.owners(Switch, "ports", port.uuid)


async def test_a_change_of_a_row_that_is_gone_is_refused(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote)
    with pytest.raises(RowGone):
        await client.execute(lambda tx: tx.require(Switch, new_uuid()))


async def test_foreign_writes_arrive(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote)
    await server.nbctl("ls-add", "green", "--", "lsp-add", "green", "g1")
    switch = await until("switch green is here", lambda: client.replica.all(SWITCH_BY_NAME, "green"))
    port = client.replica.all(PORT_BY_NAME, "g1")
    assert list(client.replica.children(Switch, "ports", switch[0].uuid)) == [port[0].uuid]
