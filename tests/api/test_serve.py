"""`ovnest serve` as a process: how it starts, says that it is ready, logs, drains, and refuses to start."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from msgspec import Struct

from ovnest.northbound.ledger import LEDGER
from ovnest.sandbox.until import patience, until
from tests.cleanliness import assert_clean
from tests.http import Answer, Http, NotSent
from tests.ovsdb.servers import DATABASE, SCHEMA, free_ports, run, run_directory, standalone
from tests.ovsdb.servers import Server as Northbound
from tests.serving import Server

pytestmark = [pytest.mark.api]

END_TIMEOUT_S = 20.0
SECRET = "s3cret"  # noqa: S105  (of this test alone)
each_number_of_workers = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
async def northbound() -> AsyncIterator[Northbound]:
    """One that a test may kill, freeze and replace."""
    async with standalone() as northbound:
        yield northbound


class Starter:
    """Starts servers that end with the test, if they have not ended before."""

    def __init__(self, stack: AsyncExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        self._count = 0

    async def __call__(self, *options: str, listen: str = "127.0.0.1:0") -> Server:
        self._count += 1
        server = await Server.start(*options, log=self._directory / f"{self._count}.log", listen=listen)
        self._stack.callback(server.kill)
        return server


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Starter]:
    async with AsyncExitStack() as stack:
        yield Starter(stack, tmp_path)


class Supervisor(Struct, frozen=True):
    """What systemd is to a service: a socket to be told on (sd_notify(3))."""

    sock: socket.socket

    def heard(self) -> list[str]:
        """What has been said since the last time."""
        said = []
        while True:
            try:
                said.append(self.sock.recv(1024).decode())
            except BlockingIOError:
                return said


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield Supervisor(sock)


async def ended(server: Server) -> int:
    """The status of a server that has been told to end, or ends by itself."""

    async def status() -> int | None:
        return server.process.poll()

    code = await until(
        "the server ends", status, accept=lambda seen: seen is not None, timeout_s=END_TIMEOUT_S
    )
    assert code is not None
    return code


def children_of(pid: int) -> set[int]:
    """The processes whose parent that is (proc_pid_stat(5))."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == pid:
                found.add(int(entry.name))
    return found


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def answering(http: Http, path: str, status: int) -> Answer:
    """The answer, once it has that status."""

    async def ask() -> Answer | None:
        try:
            return await http("GET", path)
        except NotSent:
            return None

    answer = await until(
        f"{path} is answered {status}", ask, accept=lambda seen: seen is not None and seen.status == status
    )
    assert answer is not None
    return answer


# Ready, and not


@each_number_of_workers
async def test_the_supervisor_is_told_when_the_northbound_has_been_read_and_when_the_end_begins(
    northbound: Northbound, start: Starter, supervisor: Supervisor, workers: int
) -> None:
    await northbound.kill()
    (port,) = free_ports(1)
    options = ("--northbound", northbound.remote, "--workers", str(workers))
    starting = asyncio.create_task(start(*options, listen=f"127.0.0.1:{port}"))
    http = Http(f"http://127.0.0.1:{port}")
    not_ready = await answering(http, "/readyz", 503)
    assert not_ready.body["ready"] is False
    await until("it says what is missing", lambda: _is_reason(http, str(northbound.socket)))
    assert (await http("GET", "/healthz")).status == 200
    assert supervisor.heard() == []

    await northbound.start()
    server = await starting
    assert supervisor.heard() == ["READY=1"]
    assert (await http("GET", "/readyz")).body == {"ready": True, "reason": ""}
    server.process.send_signal(signal.SIGTERM)
    assert await ended(server) == 0
    assert supervisor.heard() == ["STOPPING=1"]


async def test_while_the_northbound_is_away_it_is_not_ready_and_comes_back_by_itself(
    northbound: Northbound, start: Starter
) -> None:
    http = Http((await start("--northbound", northbound.remote)).url)
    network = await http.create("network", name="before")
    await northbound.kill()
    await answering(http, "/readyz", 503)
    assert (await http("GET", "/healthz")).status == 200
    read = await http("GET", "/v2.0/networks")
    assert (read.status, read.error) == (503, "ServiceUnavailable")
    assert "Nothing was changed" in read.message
    assert int(read.headers["retry-after"]) >= 1
    await northbound.start()
    await answering(http, "/readyz", 200)
    assert await http.list("network") == [network]
    await assert_clean(northbound.remote)


async def test_a_write_waits_for_a_northbound_that_is_away_for_a_moment(
    northbound: Northbound, start: Starter
) -> None:
    http = Http((await start("--northbound", northbound.remote)).url)
    await northbound.kill()
    writing = asyncio.create_task(http.create("network", name="patient"))
    await answering(http, "/readyz", 503)
    await northbound.start()
    made = await writing
    assert await http.list("network") == [made]


async def _is_reason(http: Http, words: str) -> bool:
    return words in (await http("GET", "/readyz")).body["reason"]


# The end


@each_number_of_workers
async def test_sigterm_lets_requests_in_flight_end_and_takes_no_new_ones(
    northbound: Northbound, start: Starter, workers: int
) -> None:
    server = await start("--northbound", northbound.remote, "--workers", str(workers))
    http = Http(server.url)
    half_sent, idle = await http.connect(), await http.connect()
    body = json.dumps({"network": {"name": "half sent"}}).encode()
    head = f"POST /v2.0/networks HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    half_sent[1].write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body[:10])
    northbound.freeze()
    try:
        waiting = asyncio.create_task(http.create("network", name="waits for the database"))
        await until("both requests are with the server", lambda: _accepted(http, 3))
        server.process.send_signal(signal.SIGTERM)
        await until("nobody listens", lambda: _refused(http))
        assert await idle[0].read() == b"", "an idle connection is closed at once"
    finally:
        northbound.thaw()
    half_sent[1].write(body[10:])
    answer = await half_sent[0].read()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"\r\nConnection: close\r\n" in answer
    made = await waiting
    assert await ended(server) == 0
    names = await northbound.nbctl("--bare", "--columns=external_ids", "list", "Logical_Switch")
    assert made["name"] in names
    assert "half sent" in names
    half_sent[1].close()
    idle[1].close()


async def _refused(http: Http) -> bool:
    try:
        _, writer = await http.connect()
    except NotSent:
        return True
    writer.close()
    return False


async def _accepted(http: Http, count: int) -> bool:
    """Whether so many connections to the server have been accepted."""
    return _count_accepted(f":{int(http.url.rpartition(':')[2]):04X}") >= count


def _count_accepted(port: str) -> int:
    """Connections to a port that some process has open (proc(5), net/tcp: state 01, with an inode)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(port) and line[3] == "01" and line[9] != "0" for line in lines)


@each_number_of_workers
async def test_sigterm_ends_a_server_whose_northbound_is_away(
    northbound: Northbound, start: Starter, workers: int
) -> None:
    server = await start("--northbound", northbound.remote, "--workers", str(workers))
    children = children_of(server.process.pid)
    assert len(children) == (workers if workers > 1 else 0)
    await northbound.kill()
    server.process.send_signal(signal.SIGTERM)
    assert await ended(server) == 0
    assert not any(map(_runs, children))


@each_number_of_workers
async def test_sigterm_ends_a_server_that_is_not_ready_yet(
    tmp_path: Path, start: Starter, workers: int, supervisor: Supervisor
) -> None:
    (port,) = free_ports(1)
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *_command("--northbound", f"unix:{tmp_path}/absent", "--workers", str(workers)),
            *("--listen", f"127.0.0.1:{port}"),
            stdout=output,
            stderr=output,
        )
    try:
        await answering(Http(f"http://127.0.0.1:{port}"), "/healthz", 200)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), END_TIMEOUT_S * patience()) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert supervisor.heard() == ["STOPPING=1"]
    assert "Traceback" not in log.read_text()


def _command(*options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "ovnest", "serve", *options)


# Logs


@pytest.mark.parametrize("form", ["text", "json"])
async def test_each_request_has_one_line_in_the_access_log_as_soon_as_it_is_answered(
    northbound: Northbound, start: Starter, form: str
) -> None:
    server = await start("--northbound", northbound.remote, "--log-format", form)
    http = Http(server.url)
    made = await http("POST", "/v2.0/networks", {"network": {"name": SECRET}}, X_Auth_Token=SECRET)
    refused = await http("GET", f"/v2.0/networks?token={SECRET}")
    forged = await http("GET", "/v2.0/a%0Ab%22%20200%20%C2%9B%E2%80%A8")
    answers = (made, refused, forged)
    ids = [answer.headers["x-openstack-request-id"] for answer in answers]

    async def lines() -> list[str]:
        return [line for line in server.log.read_text().split("\n") if any(each in line for each in ids)]

    said = await until("the lines are there", lines, accept=lambda seen: len(seen) == 3, timeout_s=2)
    assert not any(SECRET in line for line in said)
    path = "/v2.0/a%0Ab%22%20200%20%C2%9B%E2%80%A8"
    if form == "text":
        shape = re.compile(
            r"\S+T\S+\+00:00 127\.0\.0\.1:\d+ \"(\w+) (\S+)\" (\d+) (\d+) B [\d.]+ ms project=(\S+) (req-\S+)"
        )
        found = [shape.fullmatch(line) for line in said]
        assert all(found), said
        fields = [match.groups() for match in found if match]
        assert [(f[0], f[1], f[2], f[3], f[5]) for f in fields] == [
            ("POST", "/v2.0/networks", "201", str(len(made.content)), ids[0]),
            ("GET", "/v2.0/networks", "400", str(len(refused.content)), ids[1]),
            ("GET", path, "404", str(len(forged.content)), ids[2]),
        ]
    else:
        records = [json.loads(line) for line in said]
        assert [(r["method"], r["path"], r["status"], r["request_id"]) for r in records] == [
            ("POST", "/v2.0/networks", 201, ids[0]),
            ("GET", "/v2.0/networks", 400, ids[1]),
            ("GET", path, 404, ids[2]),
        ]
        assert {record["project_id"] for record in records} == {"default"}
    comments = await run("ovsdb-tool", "-mm", "show-log", str(northbound.database))
    assert f"{ids[0]} create_network" in comments, "the database's own log names the request too"


# Where it listens


async def test_it_listens_on_a_unix_socket_for_its_group_alone_and_takes_it_away(
    northbound: Northbound, start: Starter
) -> None:
    async with run_directory() as directory:
        path = directory / "api.sock"
        options = ("--northbound", northbound.remote)
        server = await start(*options, listen=f"unix:{path}")
        assert server.url == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        http = Http(server.url)
        network = await http.create("network")
        listed = await http("GET", "/v2.0/networks", None, Host="whatever.example.org")
        assert listed.body == {"networks": [network]}, "no browser reaches a Unix socket, so any name will do"
        with pytest.raises(
            AssertionError, match=r"status 1: .*cannot listen on unix:\S+: Address already in use"
        ):
            await start(*options, listen=f"unix:{path}")
        assert await http.list("network") == [network], "the first one is served still"

        server.kill()
        assert path.exists()
        again = await start(*options, listen=f"unix:{path}")
        assert await http.list("network") == [network], "a socket that a killed server left is replaced"
        again.stop()
        assert not path.exists()


async def test_it_listens_on_ipv6_loopback(northbound: Northbound, start: Starter) -> None:
    server = await start("--northbound", northbound.remote, listen="[::1]:0")
    assert server.url.startswith("http://[::1]:")
    http = Http(server.url)
    listed = await http.json(200, "GET", "/v2.0/")
    assert f"{server.url}/v2.0/networks" in str(listed)


async def test_an_address_that_another_has_is_status_1(northbound: Northbound, start: Starter) -> None:
    server = await start("--northbound", northbound.remote)
    taken = f"127.0.0.1:{server.port}"
    with pytest.raises(AssertionError, match=f"status 1: .*cannot listen on {taken}: Address already in use"):
        await start("--northbound", northbound.remote, listen=taken)


async def test_it_is_called_by_loopbacks_names_or_one_that_it_was_given(
    northbound: Northbound, start: Starter
) -> None:
    server = await start("--northbound", northbound.remote, "--allowed-host", "api.example.org")
    http = Http(server.url)
    for host in (
        "127.0.0.1",
        "localhost",
        f"localhost:{server.port}",
        "[::1]:80",
        "api.example.org",
        "API.example.org:1",
    ):
        assert (await http("GET", "/v2.0/networks", None, Host=host)).status == 200, host
    for host in ("example.org", "api.example.org.evil.example", "127.0.0.1.evil.example"):
        refused = await http("GET", "/v2.0/networks", None, Host=host)
        assert (refused.status, refused.error) == (403, "HTTPForbidden"), host
        assert "--allowed-host" in refused.message
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        refused = await http("POST", "/v2.0/networks", {"network": {}}, Content_Type=kind)
        assert (refused.status, refused.error) == (415, "HTTPUnsupportedMediaType"), kind
    page = await http("POST", "/v2.0/networks", {"network": {}}, Origin="http://evil.example")
    assert page.status == 403
    assert await http.list("network") == []


# What it refuses to start with


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--listen", "0.0.0.0:9696"), ("0.0.0.0:9696", "loopback", "127.0.0.1:9696")),
        (("--listen", "192.0.2.1:0"), ("192.0.2.1:0", "loopback")),
        (("--listen", "spam"), ("spam", "127.0.0.1:9696")),
        (("--workers", "0"), ("--workers", "0")),
        (("--workers", "x"), ("--workers", "x")),
        (("--base-mac", "01:00:00:00:00:00"), ("--base-mac",)),
        (("--physical-mtu", "1"), ("--physical-mtu",)),
        (("--northbound", "spam:x"), ("spam:x",)),
        (("--northbound", "ssl:192.0.2.1:6641"), ("private",)),
        (("--northbound", ""), ("--northbound",)),
        (("--northbound", "unix:/x", "--private-key", "key.pem"), ("--certificate", "together")),
        (("--northbound", "unix:/x", "--embedded", "/proc/x"), ("--embedded", "leave --northbound out")),
    ],
)  # fmt: skip
async def test_a_setting_that_cannot_be_is_status_2_and_said(
    start: Starter, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    listen = options[1] if options[0] == "--listen" else "127.0.0.1:0"
    rest = () if options[0] == "--listen" else options
    with pytest.raises(AssertionError, match="ended with status 2") as told:
        await start(*rest, listen=listen)
    for word in words:
        assert word in str(told.value)
    assert "Traceback" not in str(told.value)


async def test_a_misspelt_variable_is_status_2_and_the_nearest_is_said(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVNEST_NORTBOUND", "unix:/nowhere")
    with pytest.raises(AssertionError, match=r"status 2: .*OVNEST_NORTBOUND.*Did you mean OVNEST_NORTHBOUND"):
        await start()


@each_number_of_workers
async def test_a_northbound_that_a_newer_release_has_written_is_status_1(
    northbound: Northbound, start: Starter, workers: int
) -> None:
    first = await start("--northbound", northbound.remote)
    await Http(first.url).create("network")
    first.stop()
    await northbound.nbctl("set", "Copp", LEDGER.uuid, "external_ids:ovnest\\:layout=99")
    with pytest.raises(AssertionError, match="ended with status 1") as told:
        await start("--northbound", northbound.remote, "--workers", str(workers))
    assert "layout 99" in str(told.value)
    assert "Traceback" not in str(told.value)


async def test_a_running_server_stops_writing_when_a_newer_release_takes_over(
    northbound: Northbound, start: Starter
) -> None:
    http = Http((await start("--northbound", northbound.remote)).url)
    await http.create("network", name="before")
    await northbound.nbctl("set", "Copp", LEDGER.uuid, "external_ids:ovnest\\:layout=99")
    for method, body in (("GET", None), ("POST", {"network": {"name": "after"}})):
        refused = await http(method, "/v2.0/networks", body)
        assert (refused.status, refused.error) == (503, "ServiceUnavailable")
        assert "layout 99" in refused.message
    assert "after" not in await northbound.nbctl("--bare", "--columns=external_ids", "list", "Logical_Switch")


async def test_a_northbound_without_a_table_that_is_needed_is_status_1_that_names_it(
    start: Starter, tmp_path: Path
) -> None:
    schema = json.loads(SCHEMA.read_text())
    del schema["tables"]["Copp"]
    for table in schema["tables"].values():
        table["columns"].pop("copp", None)
    del schema["cksum"]
    older = tmp_path / "older.ovsschema"
    older.write_text(json.dumps(schema))
    async with standalone(schema=older) as northbound:
        with pytest.raises(AssertionError, match="ended with status 1") as told:
            await start("--northbound", northbound.remote)
        assert "Copp" in str(told.value)
        assert "Traceback" not in str(told.value)


# What befalls the database


async def test_a_restored_backup_is_what_the_api_shows_and_goes_on_with(
    northbound: Northbound, start: Starter
) -> None:
    http = Http((await start("--northbound", northbound.remote)).url)
    kept = await http.create("network", name="in the backup")
    backup = northbound.directory / "nb.backup"
    await run("/bin/sh", "-c", f"ovsdb-client backup {northbound.remote} {DATABASE} > {backup}")
    for number in range(5):
        await http.create("network", name=f"after the backup {number}")
    await northbound.kill(signal.SIGTERM)
    shutil.copy(backup, northbound.database)
    await northbound.start()

    async def listed() -> Answer:
        return await http("GET", "/v2.0/networks")

    answer = await until("it answers", listed, accept=lambda seen: seen.status == 200)
    assert answer.body == {"networks": [kept]}

    async def written() -> Answer:
        return await http("POST", "/v2.0/networks", {"network": {"name": "on we go"}})

    answer = await until("it writes", written, accept=lambda seen: seen.status == 201)
    assert await http.list("network", f"?id={answer.body['network']['id']}") == [answer.body["network"]]
    await assert_clean(northbound.remote)


async def test_a_deleted_ledger_does_no_harm(northbound: Northbound, start: Starter) -> None:
    http = Http((await start("--northbound", northbound.remote)).url)
    network = await http.create("network")
    await northbound.nbctl("destroy", "Copp", LEDGER.uuid)

    async def written() -> Answer:
        return await http("POST", "/v2.0/ports", {"port": {"network_id": network["id"]}})

    answer = await until("it writes", written, accept=lambda seen: seen.status == 201)
    assert await http.list("port") == [answer.body["port"]]
    await assert_clean(northbound.remote)


# With an OVN central of its own


async def test_with_an_embedded_central_everything_is_there_after_a_restart_even_from_a_kill(
    start: Starter,
) -> None:
    directory = Path(tempfile.mkdtemp(prefix="ovx", dir="/tmp"))
    try:
        server = await start("--embedded", str(directory / "ovn"))
        http = Http(server.url)
        network = await http.create("network", name="kept")
        vm = await http.create("port", network_id=network["id"])
        await until("northd carries it to the Southbound", lambda: _bound_for(directory, vm["id"]))
        server.stop()
        assert not _daemons(directory), "its children end with it"

        server = await start("--embedded", str(directory / "ovn"), listen=f"127.0.0.1:{server.port}")
        assert await http.list("network") == [network]
        child = await http.create(
            "port", network_id=network["id"], binding__profile={"parent_name": vm["id"]}
        )
        server.kill()
        await until("its children end though it was killed", lambda: _ended(directory))

        server = await start("--embedded", str(directory / "ovn"), listen=f"127.0.0.1:{server.port}")
        ports = await http.list("port", "?sort_key=created_at&sort_dir=asc")
        assert {port["id"] for port in ports} == {vm["id"], child["id"]}
        with pytest.raises(AssertionError, match=r"status 1: .*another process runs OVN's central part in"):
            await start("--embedded", str(directory / "ovn"))
        await assert_clean(f"unix:{directory}/ovn/nb.sock")
        server.stop()
    finally:
        shutil.rmtree(directory)


async def _bound_for(directory: Path, port: str) -> bool:
    database = f"--db=unix:{directory}/ovn/sb.sock"
    return bool(
        (await run("ovn-sbctl", database, "--bare", "find", "Port_Binding", f"logical_port={port}")).strip()
    )


async def _ended(directory: Path) -> bool:
    return not _daemons(directory)


def _daemons(directory: Path) -> list[int]:
    """The processes that have the directory in their command line (proc(5))."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(directory).encode() in words:
                found.append(int(entry.name))
    return found
