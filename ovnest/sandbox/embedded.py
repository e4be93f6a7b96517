"""OVN's central part as children of a server: for trying, and for small sites."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from ovnest.sandbox.central import Central
from ovnest.sandbox.errors import NeverHappened, SandboxError
from ovnest.sandbox.lock import held
from ovnest.sandbox.process import Daemon, Mark, end, environment, surroundings
from ovnest.sandbox.release import HOST, Release
from ovnest.sandbox.until import until

log = logging.getLogger(__name__)

NODE = "embedded"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

# sockaddr_un(7): 108 bytes with the zero at the end. Our clients have no way around it.
SOCKET_PATH_BYTES = 107


class EmbeddedCentral:
    """The databases in `directory` served, and ovn-northd run, while the context lasts; ready when it begins.

    The databases are made if they are not there, and stay on the disk. A child that ends is started again;
    all of them end with this process, even when it is killed.

    Entering raises SandboxError: another process has the directory, a database is of a newer OVN, a daemon
    cannot start.
    """

    def __init__(self, directory: Path, release: Release = HOST) -> None:
        self._directory = directory.absolute()
        self._release = release
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Central:
        if len(bytes(self._directory / "northd.ctl")) > SOCKET_PATH_BYTES:
            limit = SOCKET_PATH_BYTES - len("/northd.ctl")
            raise SandboxError(f"{self._directory} is too long for the sockets in it: at most {limit} bytes")
        async with AsyncExitStack() as stack:
            central = await self._start(stack)
            self._running = stack.pop_all()
        return central

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def _start(self, stack: AsyncExitStack) -> Central:
        """Each step is undone by the stack, in the reverse order."""
        central = Central(self._directory, self._release)
        await stack.enter_async_context(_claimed(self._directory))
        await central.prepare()
        for daemon in central.databases:
            server = await stack.enter_async_context(_kept(daemon, self._release))
            await server.started()
        await central.initialise()
        northd = await stack.enter_async_context(_kept(central.northd, self._release))
        await northd.started()
        await central.ready()
        return central


@asynccontextmanager
async def _claimed(directory: Path) -> AsyncIterator[None]:
    """The directory, made if it is not there, for us alone, with nothing running in it."""
    try:
        async with held(directory / "lock", "", make_parents=True, timeout_s=0.0):
            end(directory, force=signal.SIGTERM)
            yield
    except NeverHappened:
        raise SandboxError(f"another process runs OVN's central part in {directory}") from None


@asynccontextmanager
async def _kept(daemon: Daemon, release: Release) -> AsyncIterator["_Keeper"]:
    keeper = _Keeper(daemon, release)
    task = asyncio.create_task(keeper.run(), name=f"keep {daemon.name}")
    try:
        yield keeper
    finally:
        keeper.stop()
        await task


class _Keeper:
    """Runs one daemon as a child, again and again, until it is stopped."""

    def __init__(self, daemon: Daemon, release: Release) -> None:
        self._daemon = daemon
        # The kernel sends SIGTERM to the child when we die, however we do.
        self._argv = ("setpriv", "--pdeathsig", "TERM", "--", *release.argv(*daemon.arguments()))
        self._environment = environment(daemon.directory, Mark(daemon.directory, NODE))
        self._stopping = asyncio.Event()
        self._ended = 0

    async def run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            status = await self._run_once()
            if self._stopping.is_set():
                return
            self._ended += 1
            lived_s = asyncio.get_running_loop().time() - began
            pause_s = FIRST_PAUSE_S if lived_s > LONGEST_PAUSE_S else min(pause_s * 2, LONGEST_PAUSE_S)
            log.error("daemon=%s ended status=%s restart_in_s=%.1f", self._daemon.name, status, pause_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)

    async def started(self) -> None:
        """Returns when the daemon answers at its control socket.

        Raises:
            SandboxError: it ended, or did not answer.
        """

        async def answers() -> bool:
            if self._ended:
                raise SandboxError(f"{self._daemon.name} does not start: {self._last_words()}")
            try:
                _, writer = await asyncio.open_unix_connection(self._daemon.control)
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            writer.close()
            await writer.wait_closed()
            return True

        await until(f"{self._daemon.name} answers", answers, timeout_s=START_TIMEOUT_S)

    def stop(self) -> None:
        self._stopping.set()

    async def _run_once(self) -> int:
        """The status of the child when it has ended, by itself or because it was stopped."""
        with self._output.open("wb") as output:
            # A session of its own: Control-C in a terminal is for the server, which then stops us in order.
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                env=surroundings(self._environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        ended = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                process.terminate()
                await asyncio.wait((ended,), timeout=STOP_TIMEOUT_S)
        finally:
            stopped.cancel()
            if not ended.done():
                log.error("daemon=%s killed, it did not stop", self._daemon.name)
                process.kill()
        return await ended

    @property
    def _output(self) -> Path:
        return self._daemon.directory / f"{self._daemon.name}.out"

    def _last_words(self) -> str:
        said = self._output.read_text(errors="replace").strip()
        logged = self._daemon.log_file
        lines = logged.read_text(errors="replace").splitlines()[-3:] if logged.exists() else []
        return said or " / ".join(lines) or "it said nothing"
