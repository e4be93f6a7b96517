"""A real standalone ovsdb-server, its database on disk."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bench.rig import cores

SCHEMA = Path("/usr/share/ovn/ovn-nb.ovsschema")
START_TIMEOUT_S = 120.0
"""A database of 100,000 ports takes some seconds to be read from the disk."""


@contextmanager
def directory() -> Iterator[Path]:
    """A short directory on disk, gone at the end, also when the run is told to end.

    A path of a socket has at most 107 bytes.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as name:
        yield Path(name)


class Served(Protocol):
    """A Northbound that somebody serves: its socket, its remote, and where files about it may be put."""

    @property
    def socket(self) -> Path: ...

    @property
    def remote(self) -> str: ...

    @property
    def file(self) -> Path: ...


class Database:
    """One ovsdb-server with an OVN_Northbound: `with Database(directory, "nb") as database:`."""

    def __init__(self, where: Path, name: str, *, on: Iterable[int] = cores.SECOND) -> None:
        self.file = where / f"{name}.db"
        self.socket = where / f"{name}.sock"
        self._log = where / f"{name}.log"
        self._control = where / f"{name}.ctl"
        self._cores = tuple(on)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def remote(self) -> str:
        return f"unix:{self.socket}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it on its file, a new one if there is none; it answers when this returns."""
        if not self.file.exists():
            create = ["ovsdb-tool", "create", str(self.file), str(SCHEMA)]
            subprocess.run(create, check=True)
        options = ["-vconsole:off", "-vfile:warn", f"--log-file={self._log}", f"--unixctl={self._control}"]
        argv = ["ovsdb-server", *options, f"--remote=punix:{self.socket}", str(self.file)]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cores.pin(self.process.pid, self._cores)
        end = time.monotonic() + START_TIMEOUT_S
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"ovsdb-server does not listen: {self._log.read_text()[-2000:]}")
            time.sleep(0.005)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self) -> None:
        """End it; its file stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None
            self.socket.unlink(missing_ok=True)

    def compact(self) -> None:
        """Write the file anew, without its history."""
        command = ["ovs-appctl", "-t", str(self._control), "ovsdb-server/compact"]
        subprocess.run(command, check=True, timeout=START_TIMEOUT_S)

    def copy(self, name: str) -> "Database":
        """Another one on a copy of this one's file; this one must have been stopped."""
        other = Database(self.file.parent, name, on=self._cores)
        shutil.copyfile(self.file, other.file)
        return other

    def __enter__(self) -> "Database":
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()
