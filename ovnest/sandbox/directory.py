"""Where sandboxes live on this machine, and how one is cleaned, whatever state it was left in.

A sandbox is its directory `/run/ovnest/<name>`, the namespaces `<name>.<node>`, and the processes that carry
the directory as their mark. The namespaces go before the directory, so one without the other is never ours.
"""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from ovnest.sandbox import namespace
from ovnest.sandbox.errors import NeverHappened, SandboxError
from ovnest.sandbox.lock import held
from ovnest.sandbox.node import write_whole
from ovnest.sandbox.place import LOCK, LOCK_TIMEOUT_S
from ovnest.sandbox.process import end, start_time

DEFAULT_RUN = "/run/ovnest"
FACTS = "sandbox.json"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


class Owner(Struct, frozen=True):
    """A process, known by its number and its start, in ticks since the machine's: numbers come back."""

    pid: int
    started: int

    @classmethod
    def ourselves(cls) -> Self:
        started = start_time(os.getpid())
        assert started is not None  # noqa: S101  we are running
        return cls(os.getpid(), started)

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started


class SandboxFacts(Struct, frozen=True, kw_only=True):
    """What is kept of a sandbox; `whole` once everything that was asked for runs."""

    release: str
    chassis: int
    owner: Owner | None = None
    whole: bool = False


class RunDirectory:
    """The directory of the sandbox called `name`, which may or may not be there."""

    def __init__(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise SandboxError(
                f"a sandbox cannot be called {name!r}: at most 31 small letters, digits, _ and -"
            )
        self.name = name
        self.path = _home() / name

    def facts(self) -> SandboxFacts | None:
        """What is known of the sandbox; None if nothing is."""
        try:
            return msgspec.json.decode((self.path / FACTS).read_bytes(), type=SandboxFacts)
        except FileNotFoundError:
            return None

    def write(self, facts: SandboxFacts) -> None:
        write_whole(self.path / FACTS, msgspec.json.encode(facts))

    @asynccontextmanager
    async def claimed(self) -> AsyncIterator[None]:
        """The directory, made if it is not there, for us alone.

        Raises:
            SandboxError: namespaces with the sandbox's prefix are there, and are not the sandbox's.
        """
        if not self.path.is_dir() and (foreign := namespace.named(f"{self.name}.")):
            raise SandboxError(
                f"namespaces that are no sandbox's have its names: {', '.join(foreign)}; choose another"
            )
        async with held(self.path / LOCK, self._waiting, make_parents=True, timeout_s=LOCK_TIMEOUT_S):
            yield

    @property
    def _waiting(self) -> str:
        return f"nobody else puts up or takes down sandbox {self.name}"

    async def clean(self) -> None:
        """End the processes, take the namespaces away, and empty the directory; for who has claimed it."""
        end(self.path)
        await namespace.delete(namespace.named(f"{self.name}."))
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()

    async def remove(self) -> None:
        """Clean, and take the directory away."""
        await self.clean()
        # Those who wait for the lock see that its file has gone, and start again.
        (self.path / LOCK).unlink()
        self.path.rmdir()


async def take_away(name: str) -> bool:
    """Take a sandbox away, whatever state it is in; False if there is none."""
    directory = RunDirectory(name)
    if not directory.path.is_dir():
        return False
    try:
        async with held(directory.path / LOCK, directory._waiting, timeout_s=LOCK_TIMEOUT_S):
            await directory.remove()
    except FileNotFoundError:
        return False  # somebody else was faster
    return True


async def sweep() -> None:
    """Take away the sandboxes that nobody can want: the owner has died, or `up` was killed as it began."""
    for name in names():
        directory = RunDirectory(name)
        try:
            async with held(directory.path / LOCK, "", timeout_s=0.0):
                facts = directory.facts()
                if facts is None or (facts.owner is not None and not facts.owner.alive):
                    await directory.remove()
        except (NeverHappened, FileNotFoundError):
            continue  # somebody is at it, or has been


def names() -> list[str]:
    """The sandboxes that have a directory, whole or not."""
    try:
        return sorted(
            entry.name for entry in _home().iterdir() if NAME.fullmatch(entry.name) and entry.is_dir()
        )
    except FileNotFoundError:
        return []


def _home() -> Path:
    """OVNEST_RUN. Short, since a socket's path has at most 107 bytes."""
    return Path(os.environ.get("OVNEST_RUN", DEFAULT_RUN))
