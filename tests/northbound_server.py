"""One ovsdb-server with a Northbound for all the tests that need no more; each leaves it empty."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from ovnest.sandbox.until import patience

SCHEMA = Path("/usr/share/ovn/ovn-nb.ovsschema")
START_TIMEOUT_S = 10.0
# Rows that nothing else takes along; the ledger goes as well, so each test begins at 0.
ROOTS = ("Logical_Switch", "DHCP_Options", "Copp", "Logical_Router", "Port_Group")


class Northbound:
    """A running server at `remote`."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "nb.sock"
        self.remote = f"unix:{self.socket}"

    def nbctl(self, *words: str) -> str:
        """What `ovn-nbctl` says."""
        return self._said("ovn-nbctl", "--no-leader-only", f"--db={self.remote}", *words)

    def clear(self) -> None:
        """Delete all rows."""
        operations = ",".join(f'{{"op":"delete","table":"{table}","where":[]}}' for table in ROOTS)
        self._said("ovsdb-client", "transact", self.remote, f'["OVN_Northbound",{operations}]')

    def listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def _said(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20 * patience(), check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


@contextmanager
def running(saved: Path | None = None) -> Iterator[Northbound]:
    """A server with an empty database in a short directory of its own; OVNEST_KEEP=1 keeps that.

    `saved` is the file of a database, of which it gets a copy.
    """
    directory = Path(tempfile.mkdtemp(prefix="ovn", dir="/tmp"))
    server = Northbound(directory)
    database = directory / "nb.db"
    create: list[str | Path] = ["ovsdb-tool", "create", database, SCHEMA]
    serve: list[str | Path] = [
        "ovsdb-server",
        "-vconsole:off",
        f"--remote=punix:{server.socket}",
        f"--unixctl={directory / 'nb.ctl'}",
        f"--log-file={directory / 'nb.log'}",
        database,
    ]
    if saved is None:
        subprocess.run(create, check=True)
    else:
        shutil.copy(saved, database)
    process = subprocess.Popen(serve)
    try:
        end = monotonic() + START_TIMEOUT_S * patience()
        while not server.listens():
            assert process.poll() is None, (directory / "nb.log").read_text()
            assert monotonic() < end, "ovsdb-server does not listen"
            sleep(0.005)  # between two looks, not instead of one
        yield server
    finally:
        process.terminate()
        process.wait(10 * patience())
        if not os.environ.get("OVNEST_KEEP"):
            shutil.rmtree(directory)
