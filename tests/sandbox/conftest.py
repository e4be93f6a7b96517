"""Sandboxes that a test puts up itself, and what is on the machine beside them."""

import os
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest
from msgspec import Struct

from ovnest.sandbox import namespace
from ovnest.sandbox.directory import RunDirectory, take_away
from ovnest.sandbox.process import MARK, environment_of, run

NUMBERS = count(1)

NewName = Callable[[], str]


class Traces(Struct, frozen=True):
    """What a sandbox could leave behind on the machine."""

    namespaces: tuple[str, ...]
    processes: tuple[int, ...]
    directory: bool
    mounts: tuple[str, ...]
    links: tuple[str, ...]
    rules: str


@pytest.fixture
async def new_name() -> AsyncIterator[NewName]:
    """Names for sandboxes of this test alone; what is left of them in the end is taken away."""
    given: list[str] = []

    def new() -> str:
        given.append(f"t{os.getpid()}-{next(NUMBERS)}")
        return given[-1]

    yield new
    for name in given:
        await take_away(name)


async def traces(name: str) -> Traces:
    """What there is of the sandbox called `name`, and what there is outside all sandboxes."""
    directory = RunDirectory(name).path
    return Traces(
        namespaces=tuple(namespace.named(f"{name}.")),
        processes=tuple(marked(directory)),
        directory=directory.exists(),
        mounts=tuple(mount for mount in mounts() if name in mount or "ovn-25.03" in mount),
        links=tuple(sorted((await run("ip", "-br", "link")).splitlines())),
        rules=await run("nft", "list", "ruleset"),
    )


def mounts() -> list[str]:
    """Where something is mounted."""
    return [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def marked(directory: Path) -> list[int]:
    """The processes of the sandbox in `directory`."""
    pids = (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())
    return [pid for pid in pids if environment_of(pid).get(MARK) == str(directory)]
