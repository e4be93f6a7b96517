"""Real ovsdb-servers for tests: a standalone one and a cluster, each in a short directory of its own.

Other rooms' tests may import this: `async with standalone() as server: … server.remote`.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

SCHEMA = Path(os.environ.get("OVNEST_TEST_SCHEMA", "/usr/share/ovn/ovn-nb.ovsschema"))
DATABASE = "OVN_Northbound"
PATIENCE = float(os.environ.get("OVNEST_TEST_PATIENCE", "1"))
"""Stretches every bound on a slow machine."""

T = TypeVar("T")


async def until(
    what: str,
    probe: Callable[[], T | bool | None] | Callable[[], Awaitable[T | bool | None]],
    timeout_s: float = 10,
) -> T:
    """Wait until `probe` gives something true, and give that.

    Raises:
        AssertionError: it does not within `timeout_s`, stretched; it says what was seen last.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s * PATIENCE
    while True:
        seen: Any = probe()
        if asyncio.iscoroutine(seen):
            seen = await seen
        if seen:
            found: T = seen
            return found
        if loop.time() > end:
            raise AssertionError(f"Not within {timeout_s * PATIENCE:g} s: {what}; seen last: {seen!r}")
        await asyncio.sleep(0.01)


class Server:
    """One ovsdb-server: a process, its database file and its socket."""

    def __init__(self, directory: Path, name: str, *, extra: Sequence[str] = ()) -> None:
        self.directory = directory
        self.name = name
        self.database = directory / f"{name}.db"
        self.socket = directory / f"{name}.sock"
        self.control = directory / f"{name}.ctl"
        self.log = directory / f"{name}.log"
        self.extra = tuple(extra)
        self.process: asyncio.subprocess.Process | None = None

    @property
    def remote(self) -> str:
        return f"unix:{self.socket}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = await asyncio.create_subprocess_exec(
            "ovsdb-server",
            "-vconsole:off",
            "-vfile:info",
            f"--remote=punix:{self.socket}",
            f"--unixctl={self.control}",
            f"--log-file={self.log}",
            *self.extra,
            str(self.database),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await until(f"ovsdb-server {self.name} listens", self._listens)

    def _listens(self) -> bool:
        assert self.process is not None
        if self.process.returncode is not None:
            raise AssertionError(f"ovsdb-server {self.name} ended: {self.log.read_text()[-2000:]}")
        return _answers(self.socket) and _answers(self.control)

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """End it, by default without warning."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            if number == signal.SIGTERM:
                self.process.send_signal(signal.SIGCONT)
            await asyncio.wait_for(self.process.wait(), 10 * PATIENCE)
        self.process = None

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def control_command(self, *words: str) -> str:
        """What `ovs-appctl` says."""
        return await run("ovs-appctl", "-t", str(self.control), *words)

    async def nbctl(self, *words: str) -> str:
        """What `ovn-nbctl` says; it does not insist on the leader."""
        return await run("ovn-nbctl", "--no-leader-only", "--timeout=10", f"--db={self.remote}", *words)

    def transact_and_stand_still(self, *operations: dict[str, Any]) -> None:
        """A transaction during which our event loop does nothing, and so hears nothing."""
        command = ("ovsdb-client", "transact", self.remote, json.dumps([DATABASE, *operations]))
        subprocess.run(command, check=True, capture_output=True)

    def nbctl_and_stand_still(self, *words: str) -> None:
        """`ovn-nbctl`, during which our event loop does nothing, and so hears nothing."""
        command = ("ovn-nbctl", "--timeout=5", f"--db={self.remote}", *words)
        subprocess.run(command, check=True, capture_output=True)

    async def transact(self, *operations: dict[str, Any]) -> list[Any]:
        """A transaction by `ovsdb-client`, so by other code than ours."""
        text = await run(
            "ovsdb-client", "transact", self.remote, json.dumps([DATABASE, *operations]), "--no-leader-only"
        )
        result: list[Any] = json.loads(text)
        return result


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


async def run(*command: str) -> str:
    """The output of a command; fails with all it said if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 30 * PATIENCE)
    if process.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {out.decode()}{err.decode()}")
    return out.decode()


@asynccontextmanager
async def run_directory() -> AsyncIterator[Path]:
    """A short directory (a socket's path has 107 bytes at most); kept with OVNEST_KEEP=1."""
    directory = Path(tempfile.mkdtemp(prefix="ovx", dir="/tmp"))
    try:
        yield directory
    finally:
        if not os.environ.get("OVNEST_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def standalone(*, schema: Path = SCHEMA, extra: Sequence[str] = ()) -> AsyncIterator[Server]:
    """A standalone server with an empty database."""
    async with run_directory() as directory:
        server = Server(directory, "nb", extra=extra)
        await run("ovsdb-tool", "create", str(server.database), str(schema))
        await server.start()
        try:
            yield server
        finally:
            await server.kill()


class Cluster:
    """Three members of a RAFT cluster on this machine."""

    def __init__(self, members: Sequence[Server]) -> None:
        self.members = tuple(members)

    @property
    def remotes(self) -> str:
        return ",".join(member.remote for member in self.members)

    async def find_leader(self) -> Server | None:
        """The member that leads now, or None."""
        for member in self.members:
            if member.process is not None:
                try:
                    status = await member.control_command("cluster/status", DATABASE)
                except (AssertionError, TimeoutError):
                    continue
                if "Role: leader" in status:
                    return member
        return None

    async def leader(self) -> Server:
        """The member that leads; waits for one."""
        return await until("a member leads", self.find_leader, 20)


@asynccontextmanager
async def cluster(*, election_ms: int = 1000, schema: Path = SCHEMA) -> AsyncIterator[Cluster]:
    """A cluster of three, with an empty database."""
    ports = free_ports(3)
    async with run_directory() as directory:
        members = [Server(directory, f"m{number}") for number in range(3)]
        addresses = [f"tcp:127.0.0.1:{port}" for port in ports]
        try:
            await run(
                "ovsdb-tool",
                f"--election-timer={election_ms}",
                "create-cluster",
                str(members[0].database),
                str(schema),
                addresses[0],
            )
            await members[0].start()
            for member, address in zip(members[1:], addresses[1:], strict=True):
                await run("ovsdb-tool", "join-cluster", str(member.database), DATABASE, address, addresses[0])
                await member.start()
                await until("the member has joined", lambda member=member: _joined(member))
            yield Cluster(members)
        finally:
            for member in members:
                await member.kill()


async def _joined(member: Server) -> bool:
    status = await member.control_command("cluster/status", DATABASE)
    return "Status: cluster member" in status


def free_ports(count: int) -> list[int]:
    """Ports that nobody on loopback listens to."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
