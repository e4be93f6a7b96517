"""Programs: running one to its end, starting a daemon, and ending what a sandbox started.

Whatever a sandbox starts carries the sandbox's directory in its environment from its first instruction on,
and hands it down to what it starts itself. To clean up is therefore to look for that mark in /proc: it needs
no pid file, so nothing escapes that was started just before a `kill -9`, and a foreign process can never be
hit, since a process is held by a pidfd while its mark is read.
"""

import asyncio
import os
import select
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from msgspec import Struct

from ovnest.sandbox.errors import CommandFailed, SandboxError
from ovnest.sandbox.until import patience

MARK = "OVNEST_SANDBOX"
MARK_NODE = "OVNEST_SANDBOX_NODE"
RUN_DIRECTORY = "OVS_RUNDIR"

COMMAND_TIMEOUT_S = 30.0
END_TIMEOUT_S = 10.0

# A login without root's PATH still finds ovsdb-server, ip, nft.
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Mark(Struct, frozen=True):
    """Which sandbox, and which node of it, a process belongs to."""

    directory: Path
    node: str

    def environment(self) -> dict[str, str]:
        return {MARK: str(self.directory), MARK_NODE: self.node}


class Daemon(Struct, frozen=True, kw_only=True):
    """A program of Open vSwitch or OVN that stays: its files are `<directory>/<name>.{pid,log,ctl}`.

    `own_control` is False for ovn-controller, which has no --unixctl before OVN 23.06 and puts its socket
    into OVN_RUNDIR.
    """

    name: str
    directory: Path
    command: tuple[str, ...]
    own_control: bool = True

    @property
    def pid_file(self) -> Path:
        return self.directory / f"{self.name}.pid"

    @property
    def log_file(self) -> Path:
        return self.directory / f"{self.name}.log"

    @property
    def control(self) -> Path:
        """The socket that ovs-appctl talks to."""
        if self.own_control:
            return self.directory / f"{self.name}.ctl"
        return self.directory / f"{self.name}.{self.pid()}.ctl"

    def arguments(self) -> tuple[str, ...]:
        """The program and all its arguments, to run in the foreground."""
        # -vconsole:off first: what comes before it still writes "opened log file" to stderr.
        common = ("-vconsole:off", f"--log-file={self.log_file}", f"--pidfile={self.pid_file}", "--no-chdir")
        control = (f"--unixctl={self.control}",) if self.own_control else ()
        return (*self.command, *common, *control)

    def pid(self) -> int | None:
        """Its process, by its pid file; None if it is not running."""
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if environment_of(pid).get(RUN_DIRECTORY) == str(self.directory) else None


def environment(directory: Path, mark: Mark | None = None) -> dict[str, str]:
    """What a program of Open vSwitch or OVN needs to keep all its files in `directory`."""
    names = (
        "OVS_RUNDIR",
        "OVN_RUNDIR",
        "OVS_LOGDIR",
        "OVN_LOGDIR",
        "OVS_DBDIR",
        "OVN_DBDIR",
        "OVS_SYSCONFDIR",
    )
    variables = {name: str(directory) for name in names}
    return variables if mark is None else variables | mark.environment()


async def run(
    *argv: str,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout_s: float = COMMAND_TIMEOUT_S,
) -> str:
    """What the program wrote to its standard output.

    Raises:
        CommandFailed: its status was not 0, or its time was over; then it has been killed.
    """
    status, output, complaint = await attempt(*argv, env=env, stdin=stdin, timeout_s=timeout_s)
    if status != 0:
        raise CommandFailed(argv, status, complaint or output)
    return output


async def attempt(
    *argv: str,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout_s: float = COMMAND_TIMEOUT_S,
) -> tuple[int, str, str]:
    """The program's status, standard output and standard error.

    Raises:
        CommandFailed: its time was over, and it has been killed; or there is no such program.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=surroundings(env),
            # A pipe only for what is to be written: uvloop raises if the program has ended before.
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError:
        raise SandboxError(
            f"there is no program `{argv[0]}` here: ./scripts/demo installs what is needed"
        ) from None
    try:
        async with asyncio.timeout(timeout_s * patience()):
            output, complaint = await process.communicate(stdin.encode() if stdin else None)
    except TimeoutError:
        raise CommandFailed(argv, None, "") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    assert process.returncode is not None  # noqa: S101  communicate() has seen its end
    return process.returncode, output.decode(errors="replace"), complaint.decode(errors="replace")


def surroundings(env: Mapping[str, str] | None) -> dict[str, str]:
    """Our own environment, in the language of no country, with `env` on top."""
    inherited = {name: value for name, value in os.environ.items() if name not in (MARK, MARK_NODE)}
    path = f"{inherited.get('PATH', '')}:{SEARCH}"
    return {**inherited, "PATH": path, "LC_ALL": "C", **(env or {})}


def environment_of(pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty if it has ended or is another user's."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def end(directory: Path, node: str | None = None, *, force: signal.Signals = signal.SIGKILL) -> int:
    """End every process of the sandbox in `directory` (of one node of it, if said); how many there were.

    Waits until they are gone. We and those who called us are spared: `down` may be typed in a shell inside
    the sandbox.

    Raises:
        SandboxError: some did not end.
    """
    ended = 0
    spared = set(_ancestors())
    # More than one pass: what was just being started by one of them shows up in the next.
    while held := [
        fd for pid in _processes() if pid not in spared and (fd := _hold(pid, directory, node)) is not None
    ]:
        try:
            for fd in held:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(fd, force)
            _await_end(held)
        finally:
            for fd in held:
                os.close(fd)
        ended += len(held)
    return ended


def _hold(pid: int, directory: Path, node: str | None) -> int | None:
    """A pidfd of the process if it belongs to the sandbox; its number cannot become another's now."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if _belongs(pid, directory, node):
        return fd
    os.close(fd)
    return None


def _belongs(pid: int, directory: Path, node: str | None) -> bool:
    marks = environment_of(pid)
    return marks.get(MARK) == str(directory) and node in (None, marks.get(MARK_NODE))


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())


def _ancestors() -> Iterator[int]:
    pid = os.getpid()
    while pid > 0:
        yield pid
        pid = int(fields[1]) if (fields := _status(pid)) else 0


def start_time(pid: int) -> int | None:
    """When a process started, in ticks since the machine did; None if it has ended."""
    fields = _status(pid)
    return None if not fields or fields[0] == "Z" else int(fields[19])


def _status(pid: int) -> list[str]:
    """The fields of proc_pid_stat(5) from the third, its state, on; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _await_end(pidfds: Sequence[int]) -> None:
    """A pidfd becomes readable when its process has ended, zombie or not."""
    poller = select.poll()
    for fd in pidfds:
        poller.register(fd, select.POLLIN)
    left = len(pidfds)
    give_up = monotonic() + END_TIMEOUT_S * patience()
    while left:
        ready = poller.poll(max(0.0, give_up - monotonic()) * 1000)
        if not ready:
            raise SandboxError(f"{left} processes of the sandbox did not end within {END_TIMEOUT_S:.0f} s")
        for fd, _ in ready:
            poller.unregister(fd)
            left -= 1
