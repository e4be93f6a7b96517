"""`ovnest serve` as a process of its own, on cores that are said."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable

from bench.rig import cores
from bench.rig.database import Served

START_TIMEOUT_S = 120.0
END_TIMEOUT_S = 60.0
SERVES = b"ovnest serves the Networking API"


class Server:
    """A server on a database: `with Server(database) as server:` it has read the Northbound.

    It is as a user starts it: access log on (to a file), writes durable. With `wait` false it may still be
    reading when this returns.
    """

    def __init__(
        self,
        database: Served,
        *,
        workers: int = 1,
        on: Iterable[int] = cores.FIRST,
        wait: bool = True,
        program: tuple[str, ...] = ("ovnest",),
        options: tuple[str, ...] = (),
    ) -> None:
        self._program = program
        self._options = ["--northbound", database.remote, "--workers", str(workers), *options]
        self._log = database.file.with_suffix(f".{workers}.log")
        self._cores = tuple(on)
        self._wait = wait
        self.port = 0
        self.started = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pids(self) -> list[int]:
        """Its processes: one, or with workers also those."""
        assert self.process is not None
        return [self.process.pid, *cores.children(self.process.pid)]

    def cpu_s(self) -> float:
        """CPU time of all its processes so far, in seconds."""
        return sum(cores.cpu_s(pid) for pid in self.pids)

    def start(self) -> None:
        """Start it."""
        self.port = _free_port()
        listen = f"127.0.0.1:{self.port}"
        pinned = ["taskset", "--cpu-list", ",".join(map(str, self._cores))]
        argv = [*pinned, sys.executable, "-m", *self._program, "serve", *self._options, "--listen", listen]
        with self._log.open("wb") as log:
            self.started = time.perf_counter()
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + START_TIMEOUT_S
        while self._wait and SERVES not in self._log.read_bytes()[:4096]:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the server is not ready: {self._log.read_bytes()[-2000:].decode()}")
            time.sleep(0.01)

    def tell_heart(self) -> None:
        """Have a server with a heart (`bench.rig.stalls`) say how it beat."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        """End it in order."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_TIMEOUT_S)
        finally:
            self.process.kill()
            self.process = None

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
