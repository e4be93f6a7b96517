"""`ovnest serve` as a process of its own, as a user starts it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from ovnest.sandbox.until import patience, until

START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 40.0
SERVES = re.compile(r"^ovnest serves the Networking API on (\S+)$", re.MULTILINE)


class Server:
    """A server that answers at `url`; what it says and logs goes to `log`."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self.log = log
        self.url = ""

    @classmethod
    async def start(
        cls, *options: str, log: Path, listen: str = "127.0.0.1:0", inside: tuple[str, ...] = ()
    ) -> Self:
        """Start `ovnest serve` with these options; it has read the Northbound when this returns.

        `inside` is a command line that runs another, in a namespace for example.

        Whoever starts it must `stop()` it.

        Raises:
            AssertionError: it ended, saying why.
            NeverHappened: it does not get ready.
        """
        server = cls(_started(*options, "--listen", listen, log=log, inside=inside), log)
        try:
            server.url = await until("the server is ready", server._served_url, timeout_s=START_TIMEOUT_S)
        except BaseException:
            server.kill()
            raise
        return server

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """End it in order, and see that it ends well.

        Raises:
            AssertionError: its status was not 0.
            subprocess.TimeoutExpired: it does not end; it has been killed.
        """
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(END_TIMEOUT_S * patience())
        finally:
            self.kill()
        assert status == 0, f"the server ended with status {status}: {self._said()[-2000:]}"

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    async def _served_url(self) -> str:
        if (status := self.process.poll()) is not None:
            raise AssertionError(f"the server ended with status {status}: {self._said()[-2000:]}")
        served = SERVES.search(self._said())
        return served[1] if served else ""

    def _said(self) -> str:
        return self.log.read_text(errors="replace")


def _started(*options: str, log: Path, inside: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    argv = (*inside, sys.executable, "-m", "ovnest", "serve", *options)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    with log.open("wb") as output:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=inherited
        )
