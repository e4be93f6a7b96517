"""`ovnest serve` as a process: how it says that it is ready, drains and logs."""

import asyncio
import json
import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from ovnest.sandbox.until import patience, until
from tests.api.starting import END_TIMEOUT_S, Starter, answering, ended
from tests.cleanliness import assert_clean
from tests.http import Http, NotSent
from tests.ovsdb.servers import Server as Northbound
from tests.ovsdb.servers import free_ports, run

pytestmark = [pytest.mark.api]

SECRET = "s3cret"  # noqa: S105  (of this test alone)
each_number_of_workers = pytest.mark.parametrize("workers", [1, 2])


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


# Ready, and not


@each_number_of_workers
async def test_the_supervisor_is_told_when_the_northbound_has_been_read_and_when_the_end_begins(
    own_northbound: Northbound, start: Starter, supervisor: Supervisor, workers: int
) -> None:
    await own_northbound.kill()
    (port,) = free_ports(1)
    options = ("--northbound", own_northbound.remote, "--workers", str(workers))
    starting = asyncio.create_task(start(*options, listen=f"127.0.0.1:{port}"))
    http = Http(f"http://127.0.0.1:{port}")
    not_ready = await answering(http, "/readyz", 503)
    assert not_ready.body["ready"] is False
    await until("it says what is missing", lambda: _is_reason(http, str(own_northbound.socket)))
    assert (await http("GET", "/healthz")).status == 200
    assert supervisor.heard() == []

    await own_northbound.start()
    server = await starting
    assert supervisor.heard() == ["READY=1"]
    assert (await http("GET", "/readyz")).body == {"ready": True, "reason": ""}
    server.process.send_signal(signal.SIGTERM)
    assert await ended(server) == 0
    assert supervisor.heard() == ["STOPPING=1"]


async def test_while_the_northbound_is_away_it_is_not_ready_and_comes_back_by_itself(
    own_northbound: Northbound, start: Starter
) -> None:
    http = Http((await start("--northbound", own_northbound.remote)).url)
    network = await http.create("network", name="before")
    await own_northbound.kill()
    await answering(http, "/readyz", 503)
    assert (await http("GET", "/healthz")).status == 200
    read = await http("GET", "/v2.0/networks")
    assert (read.status, read.error) == (503, "ServiceUnavailable")
    assert "Nothing was changed" in read.message
    assert int(read.headers["retry-after"]) >= 1
    await own_northbound.start()
    await answering(http, "/readyz", 200)
    assert await http.list("network") == [network]
    await assert_clean(own_northbound.remote)


async def test_a_write_waits_for_a_northbound_that_is_away_for_a_moment(
    own_northbound: Northbound, start: Starter
) -> None:
    http = Http((await start("--northbound", own_northbound.remote)).url)
    await own_northbound.kill()
    writing = asyncio.create_task(http.create("network", name="patient"))
    await answering(http, "/readyz", 503)
    await own_northbound.start()
    made = await writing
    assert await http.list("network") == [made]


async def _is_reason(http: Http, words: str) -> bool:
    return words in (await http("GET", "/readyz")).body["reason"]


# The end


@each_number_of_workers
async def test_sigterm_lets_requests_in_flight_end_and_takes_no_new_ones(
    own_northbound: Northbound, start: Starter, workers: int
) -> None:
    server = await start("--northbound", own_northbound.remote, "--workers", str(workers))
    http = Http(server.url)
    half_sent, idle = await http.connect(), await http.connect()
    body = json.dumps({"network": {"name": "half sent"}}).encode()
    head = f"POST /v2.0/networks HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    half_sent[1].write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body[:10])
    own_northbound.freeze()
    try:
        waiting = asyncio.create_task(http.create("network", name="waits for the database"))
        await until("both requests are with the server", lambda: _accepted(http, 3))
        server.process.send_signal(signal.SIGTERM)
        await until("nobody listens", lambda: _refused(http))
        assert await idle[0].read() == b"", "an idle connection is closed at once"
    finally:
        own_northbound.thaw()
    half_sent[1].write(body[10:])
    answer = await half_sent[0].read()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"\r\nConnection: close\r\n" in answer
    made = await waiting
    assert await ended(server) == 0
    names = await own_northbound.nbctl("--bare", "--columns=external_ids", "list", "Logical_Switch")
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
    own_northbound: Northbound, start: Starter, workers: int
) -> None:
    server = await start("--northbound", own_northbound.remote, "--workers", str(workers))
    children = children_of(server.process.pid)
    assert len(children) == (workers if workers > 1 else 0)
    await own_northbound.kill()
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
    own_northbound: Northbound, start: Starter, form: str
) -> None:
    server = await start("--northbound", own_northbound.remote, "--log-format", form)
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
    comments = await run("ovsdb-tool", "-mm", "show-log", str(own_northbound.database))
    assert f"{ids[0]} create_network" in comments, "the database's own log names the request too"
