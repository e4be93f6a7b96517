"""What is kept of a take-over: `taking-over.json` while it can be taken back, `taken-over.json` afterwards.

The rename from one to the other is the confirmation: whoever finds the first gives the NIC back.
"""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import msgspec
from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.takeover.facts import Facts
from ovnest.agent.setup.takeover.managers import Managed

WAITING = "taking-over.json"
TAKEN = "taken-over.json"
LOCK = "take-over.lock"
LOCK_PATIENCE_S = 30.0
LOCK_POLL_S = 0.1


class Record(Struct, frozen=True, kw_only=True):
    """All that taking it back needs.

    `before` is what the NIC had, and is to have. `whole`: all was done, and a confirmation is waited for.
    `leaving`: `ovnest agent teardown` is at work.
    """

    id: str
    nic: str
    bridge: str
    ovs: str
    userspace: bool
    before: Facts
    managed: Managed
    boot: str
    within_s: float
    whole: bool = False
    leaving: bool = False


class Records:
    """The records in the directory of the agent's state."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def waiting_path(self) -> Path:
        return self.directory / WAITING

    @property
    def taken_path(self) -> Path:
        return self.directory / TAKEN

    def find_waiting(self) -> Record | None:
        return _read(self.waiting_path)

    def find_taken(self) -> Record | None:
        return _read(self.taken_path)

    def waits(self, of: str) -> bool:
        """Whether it is the record of that id that waits."""
        record = self.find_waiting()
        return record is not None and record.id == of

    def keep(self, record: Record) -> None:
        """Let this one wait to be confirmed, or to be given back."""
        self.directory.mkdir(mode=durable.DIRECTORY_OF_OWNER, parents=True, exist_ok=True)
        durable.rewrite(
            self.waiting_path, msgspec.json.format(msgspec.json.encode(record), indent=1).decode()
        )

    def confirm(self) -> None:
        """Make what waits final."""
        self.waiting_path.rename(self.taken_path)
        durable.sync_directory(self.directory)

    def forget(self) -> None:
        """Know nothing any more."""
        for path in (self.taken_path, self.waiting_path):
            path.unlink(missing_ok=True)

    @contextmanager
    def alone(self, *, insist: bool = False) -> Iterator[None]:
        """Nobody else works on it while the context lasts.

        With `insist`, who holds it for too long is ended: it hangs, and the NIC must be given back.

        Raises:
            NotSetUp: somebody else does.
        """
        self.directory.mkdir(mode=durable.DIRECTORY_OF_OWNER, parents=True, exist_ok=True)
        with (self.directory / LOCK).open("a+") as file:
            give_up = monotonic() + (LOCK_PATIENCE_S if insist else 0)
            while not _locked(file.fileno()):
                if monotonic() > give_up:
                    if not insist:
                        raise NotSetUp("another `ovnest agent setup` or `teardown` is at work")
                    _end(file.name)
                    give_up = monotonic() + LOCK_PATIENCE_S
                sleep(LOCK_POLL_S)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end(lock: str) -> None:
    """End the process that holds the lock: it wrote its number into it, and still has it."""
    with suppress(ValueError, ProcessLookupError):
        os.kill(int(Path(lock).read_text()), signal.SIGKILL)


def _read(path: Path) -> Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise NotSetUp(f"{path} cannot be read: {error}") from error
