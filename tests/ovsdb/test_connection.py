"""Connections: several servers, TLS, silence, resuming and reloading, schemas of other versions."""

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from ovnest.ovsdb import (
    Client,
    Options,
    Row,
    SchemaMismatch,
    Tls,
    Transaction,
    Unreachable,
    parse_remotes,
)
from tests.ovsdb.conftest import NewClient
from tests.ovsdb.load import dump
from tests.ovsdb.servers import DATABASE, SCHEMA, Cluster, Server, free_ports, run, standalone, until
from tests.ovsdb.tables import (
    INDEXES,
    LEDGER,
    PORT_BY_NAME,
    SWITCH_BY_NAME,
    TABLES,
    Port,
    Switch,
    add_port,
    add_switch,
    new_uuid,
)

pytestmark = pytest.mark.ovsdb


def contents(client: Client) -> dict[str, Any]:
    """All that the replica holds, in an order that can be compared."""
    return {
        **{table.TABLE: {row.uuid: row for row in client.replica.rows(table)} for table in TABLES},
        "ports": {
            row.uuid: sorted(client.replica.children(Switch, "ports", row.uuid))
            for row in client.replica.rows(Switch)
        },
        "owners": {
            row.uuid: sorted(client.replica.owners(Switch, "ports", row.uuid))
            for row in client.replica.rows(Port)
        },
    }


def test_remotes_are_written_as_ovn_nbctl_takes_them() -> None:
    assert [
        str(remote) for remote in parse_remotes("unix:/a/b, tcp:192.0.2.1:6641,ssl:[2001:db8::1]:6641")
    ] == [
        "unix:/a/b",
        "tcp:192.0.2.1:6641",
        "ssl:[2001:db8::1]:6641",
    ]
    for wrong in ("", "unix:", "tcp:", "http:x:1", "tcp:x:99999", f"unix:/{'x' * 110}"):
        with pytest.raises(ValueError, match="unix:"):
            parse_remotes(wrong)


async def test_a_server_that_is_not_there_is_named(server: Server) -> None:
    async with Client("unix:/nowhere/nb.sock", DATABASE, tables=TABLES) as client:
        with pytest.raises(Unreachable, match=r"/nowhere/nb\.sock: .*No such file"):
            await client.ready(0.3)
        with pytest.raises(Unreachable):
            await client.ready(0)


async def test_of_several_servers_one_that_answers_will_do(server: Server, connect: NewClient) -> None:
    (port,) = free_ports(1)
    client = await connect(f"unix:/nowhere/nb.sock,tcp:127.0.0.1:{port},{server.remote}")
    assert client.status.remote == server.remote


async def test_tcp(connect: NewClient) -> None:
    (port,) = free_ports(1)
    async with standalone(extra=[f"--remote=ptcp:{port}:127.0.0.1"]):
        client = await connect(f"tcp:127.0.0.1:{port}")
        await client.execute(lambda tx: add_switch(tx, "blue"))


async def certificates(directory: Path, *names: str) -> None:
    """A CA, and keys with certificates of it."""
    await run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", "/CN=ca", "-days", "2", "-keyout", f"{directory}/ca.key", "-out", f"{directory}/ca.pem"),
    )
    for name in names:
        await run(
            *("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *(
                "-subj",
                f"/CN={name}",
                "-keyout",
                f"{directory}/{name}.key",
                "-out",
                f"{directory}/{name}.csr",
            ),
        )
        await run(
            *("openssl", "x509", "-req", "-in", f"{directory}/{name}.csr", "-days", "2", "-CAcreateserial"),
            *(
                "-CA",
                f"{directory}/ca.pem",
                "-CAkey",
                f"{directory}/ca.key",
                "-out",
                f"{directory}/{name}.pem",
            ),
        )


async def test_tls_with_keys_of_one_authority_and_no_others(tmp_path: Path, connect: NewClient) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    await certificates(ours, "server", "client")
    await certificates(theirs, "client")
    (port,) = free_ports(1)
    extra = [
        f"--remote=pssl:{port}:127.0.0.1",
        f"--private-key={ours}/server.key",
        f"--certificate={ours}/server.pem",
        f"--ca-cert={ours}/ca.pem",
    ]
    async with standalone(extra=extra) as server:
        remote = f"ssl:127.0.0.1:{port}"
        good = Tls(ours / "client.key", ours / "client.pem", ours / "ca.pem")
        client = await connect(remote, tls=good)
        await client.execute(lambda tx: add_switch(tx, "blue"))
        assert "blue" in await server.nbctl("ls-list")

        with pytest.raises(ValueError, match="private key"):
            Client(remote, DATABASE, tables=TABLES)
        wrong_server = Tls(theirs / "client.key", theirs / "client.pem", theirs / "ca.pem")
        wrong_client = Tls(theirs / "client.key", theirs / "client.pem", ours / "ca.pem")
        for tls, reason in ((wrong_server, "CERTIFICATE_VERIFY_FAILED"), (wrong_client, ".")):
            async with Client(remote, DATABASE, tables=TABLES, tls=tls) as other:
                with pytest.raises(Unreachable, match=reason):
                    await other.ready(1)


async def test_a_frozen_server_is_noticed_and_what_was_written_meanwhile_is_loaded(
    server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote, options=Options(probe_interval_s=0.3, connect_timeout_s=0.3))
    await client.execute(lambda tx: add_switch(tx, "blue"))
    server.freeze()
    reason = await until("the silence is noticed", lambda: client.status.reason)
    assert "silent" in reason or "TimeoutError" in reason
    server.thaw()
    await until("the client is back", lambda: client.status.ready)
    await client.execute(lambda tx: add_switch(tx, "green"))


async def test_an_idle_client_answers_the_servers_probe(server: Server, connect: NewClient) -> None:
    (port,) = free_ports(1)
    async with standalone(extra=[f"--remote=db:{DATABASE},NB_Global,connections"]) as other:
        await other.nbctl("init")
        await other.nbctl("set-connection", f"ptcp:{port}:127.0.0.1")
        await other.nbctl("set", "connection", ".", "inactivity_probe=200")
        client = await connect(f"tcp:127.0.0.1:{port}", options=Options(probe_interval_s=60))
        loop = asyncio.get_running_loop()
        end = loop.time() + 1.5
        await until("five probes have passed", lambda: loop.time() > end)
        assert client.status.ready
        assert client.status.reloaded == 0


async def test_a_standalone_server_is_loaded_anew_and_compared(server: Server, connect: NewClient) -> None:
    client = await connect(server.remote)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))
    ports = [
        await client.execute(lambda tx, n=n: add_port(tx, switch.uuid, f"p{n}", external_ids={"a": str(n)}))
        for n in range(20)
    ]
    changes: list[Any] = []
    client.on_change(changes.extend)
    await server.kill()
    await server.start()
    await until("the client is ready", lambda: client.status.ready and client.status.reloaded == 1)
    assert changes == [], "nothing changed, and so nothing is told"
    assert client.replica.find(Port, ports[3].uuid) is not None

    # Somebody writes while nobody is connected: the client's address leads nowhere then.
    hidden = server.socket.with_suffix(".hidden")
    server.socket.rename(hidden)
    await server.control_command("ovsdb-server/reconnect")
    await until("the client is cut off", lambda: not client.status.ready)
    nbctl = ("ovn-nbctl", f"--db=unix:{hidden}")
    await run(*nbctl, "lsp-del", "p3", "--", "set", "logical_switch_port", "p4", "external_ids:a=new")
    await run(*nbctl, "lsp-add", "blue", "q1", "--", "ls-add", "green")
    hidden.rename(server.socket)
    await until("the client is ready", lambda: client.status.ready and client.status.reloaded == 2)

    fresh = await connect(server.remote)
    assert contents(client) == contents(fresh)
    kinds = {(old is None, new is None) for old, new in changes}
    assert kinds == {(True, False), (False, True), (False, False)}
    assert len(changes) <= 5, "the 18 rows that stayed are not told"
    assert client.replica.all(PORT_BY_NAME, "p3") == []
    assert len(client.replica.all(PORT_BY_NAME, "q1")) == 1


async def test_a_cluster_is_resumed(three: Cluster, connect: NewClient) -> None:
    client = await connect(three.remotes)
    switch = await client.execute(lambda tx: add_switch(tx, "blue"))
    # A server remembers no more history than the database has contents.
    await asyncio.gather(
        *(client.execute(lambda tx, n=n: add_port(tx, switch.uuid, f"x{n}")) for n in range(250))
    )
    for number in range(10):
        await client.execute(lambda tx, number=number: add_port(tx, switch.uuid, f"p{number}"))
    leader = await three.leader()
    assert client.status.remote == leader.remote
    await leader.kill()
    other = await three.leader()
    await other.nbctl("lsp-del", "p3", "--", "lsp-add", "blue", "q1", "--", "ls-add", "green")
    await until(
        "the client has followed", lambda: client.status.ready and client.status.remote == other.remote
    )
    await client.barrier()
    assert (client.status.resumed, client.status.reloaded) == (1, 0)
    fresh = await connect(three.remotes)  # which writes to the ledger's row
    await client.barrier()
    assert contents(client) == contents(fresh)
    assert client.replica.all(SWITCH_BY_NAME, "green")


async def test_every_read_after_an_acknowledged_write_sees_it_through_any_client(
    three: Cluster, connect: NewClient
) -> None:
    writer, reader = await connect(three.remotes), await connect(three.remotes)
    for number in range(300):
        row = await writer.execute(lambda tx, number=number: add_switch(tx, f"s{number}"))
        await reader.barrier()
        assert reader.replica.find(Switch, row.uuid) == row


class NewerPort(Row, frozen=True, kw_only=True, gc=False):
    """A port with a column that no schema has yet."""

    TABLE: ClassVar[str] = "Logical_Switch_Port"
    OPTIONAL: ClassVar[frozenset[str]] = frozenset({"colour"})

    name: str = ""
    colour: str = ""


class StrictPort(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Logical_Switch_Port"

    name: str = ""
    colour: str = ""


class WrongType(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Logical_Switch_Port"

    tag: str | None = None


class WrongDefault(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Logical_Switch"

    name: str = "x"


class NoTable(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Logical_Colour"


@pytest.mark.parametrize(
    ("row_type", "column", "words"),
    [
        (StrictPort, "colour", "column colour of table Logical_Switch_Port is not in schema version"),
        (
            WrongType,
            "tag",
            "column tag of table Logical_Switch_Port holds 0 to 1 integer, where zero or one string",
        ),
        (NoTable, None, "table Logical_Colour is not in the server's schema"),
    ],
)
async def test_a_schema_that_will_not_do_is_said_at_once(
    server: Server, row_type: type[Row], column: str | None, words: str
) -> None:
    async with Client(server.remote, DATABASE, tables=[row_type]) as client:
        with pytest.raises(SchemaMismatch, match=words) as caught:
            await client.ready(5)
        assert (caught.value.table, caught.value.column) == (row_type.TABLE, column)


async def test_a_database_that_is_not_there_is_said(server: Server) -> None:
    async with Client(server.remote, "OVN_Southbound", tables=TABLES) as client:
        with pytest.raises(Unreachable, match="no database OVN_Southbound"):
            await client.ready(0.5)


async def test_a_column_we_can_live_without_is_used_once_the_schema_has_it(
    tmp_path: Path, server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote, tables=[Switch, NewerPort], indexes=[])

    def add(tx: Transaction, name: str) -> NewerPort:
        (switch,) = tx.rows(Switch)
        row = NewerPort(uuid=new_uuid(), name=name, colour="red")
        tx.insert(row)
        tx.change_references(Switch, switch.uuid, "ports", add=[row.uuid])
        return row

    await client.execute(lambda tx: add_switch(tx, "blue"))
    old = await client.execute(lambda tx: add(tx, "old"))
    assert client.replica.find(NewerPort, old.uuid) == msgspec.structs.replace(old, colour="")

    schema = json.loads(SCHEMA.read_text())
    schema["tables"]["Logical_Switch_Port"]["columns"]["colour"] = {"type": "string"}
    schema["version"] = "99.0.0"
    del schema["cksum"]
    (tmp_path / "new.ovsschema").write_text(json.dumps(schema))
    await run("ovsdb-client", "convert", server.remote, str(tmp_path / "new.ovsschema"))
    await until(
        "the new schema is known", lambda: client.status.ready and client.status.schema_version == "99.0.0"
    )

    new = await client.execute(lambda tx: add(tx, "new"))
    assert client.replica.find(NewerPort, new.uuid) == new
    rows = await dump(server, "Logical_Switch_Port", "name", "colour")
    assert {row["name"]: row["colour"] for row in rows} == {"old": "", "new": "red"}


async def test_a_cluster_whose_schema_is_converted_is_followed(
    tmp_path: Path, three: Cluster, connect: NewClient
) -> None:
    client = await connect(three.remotes)
    row = await client.execute(lambda tx: add_switch(tx, "blue"))
    schema = json.loads(SCHEMA.read_text())
    schema["tables"]["Logical_Switch_Port"]["columns"]["colour"] = {"type": "string"}
    schema["version"] = "99.0.0"
    del schema["cksum"]
    (tmp_path / "new.ovsschema").write_text(json.dumps(schema))
    await run("ovsdb-client", "convert", three.remotes, str(tmp_path / "new.ovsschema"))
    await until(
        "the new schema is known", lambda: client.status.ready and client.status.schema_version == "99.0.0"
    )
    assert client.replica.find(Switch, row.uuid) == row
    await client.execute(lambda tx: add_switch(tx, "green"))


async def test_a_column_that_goes_away_stops_the_client_with_its_name(
    tmp_path: Path, server: Server, connect: NewClient
) -> None:
    client = await connect(server.remote)
    schema = json.loads(SCHEMA.read_text())
    del schema["tables"]["Logical_Switch_Port"]["columns"]["parent_name"]
    schema["version"] = "1.0.0"
    del schema["cksum"]
    (tmp_path / "old.ovsschema").write_text(json.dumps(schema))
    await run("ovsdb-client", "convert", server.remote, str(tmp_path / "old.ovsschema"))
    await until("the client says why", lambda: "parent_name" in client.status.reason)
    with pytest.raises(SchemaMismatch, match="parent_name"):
        await client.ready(5)

    await run("ovsdb-client", "convert", server.remote, str(SCHEMA))
    await until("the client is back", lambda: client.status.ready)
    await client.execute(lambda tx: add_switch(tx, "blue"))


def test_settings_of_the_client_are_checked() -> None:
    with pytest.raises(TypeError, match="not among the tables"):
        Client("unix:/x", DATABASE, tables=[Switch], indexes=INDEXES, ledger=LEDGER)
    with pytest.raises(TypeError, match="default"):
        Client("unix:/x", DATABASE, tables=[WrongDefault])
