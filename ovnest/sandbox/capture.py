"""Seeing what goes over a link, by tcpdump."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.frames import Frame, PcapReader
from ovnest.sandbox.node import Node
from ovnest.sandbox.process import surroundings
from ovnest.sandbox.until import patience

START_TIMEOUT_S = 10.0
END_TIMEOUT_S = 10.0

# Seen from the side where it is captured.
Direction = Literal["in", "out", "inout"]
READ_BYTES = 1 << 16


class Capture:
    """The frames seen so far; more come until the context of `capture` ends."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def tags_from(self, mac: str) -> set[int | None]:
        """The VLAN IDs on frames that this MAC address sent; None stands for frames without any."""
        return {frame.tag for frame in self.frames if frame.source_mac == mac.lower()}

    def tags_to(self, mac: str) -> set[int | None]:
        """The VLAN IDs on frames that were sent to this MAC address."""
        return {frame.tag for frame in self.frames if frame.target_mac == mac.lower()}


@asynccontextmanager
async def capture(node: Node, device: str, *, direction: Direction = "inout") -> AsyncIterator[Capture]:
    """The frames on `device` of `node` while the context lasts.

    When the context has ended, every frame that passed before is there.
    """
    # -Z root: tcpdump would otherwise give up the right to read our pipe.
    options = ("-Q", direction, "-n", "-U", "--immediate-mode", "-Z", "root", "-w", "-")
    argv = ("tcpdump", "-i", device, *options)
    process = await asyncio.create_subprocess_exec(
        *node.namespace.inside(*argv),
        env=surroundings(node.environment()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101  it is PIPE
    assert process.stderr is not None  # noqa: S101  it is PIPE, too
    seen = Capture()
    ended = asyncio.create_task(process.wait())
    try:
        await _listening(process.stderr)
        reading = asyncio.create_task(_read(process.stdout, seen))
        try:
            yield seen
        finally:
            process.send_signal(signal.SIGINT)  # it writes what it has, and ends; so does the reading
            async with asyncio.timeout(END_TIMEOUT_S * patience()):
                await reading
                await asyncio.shield(ended)
    finally:
        if not ended.done():
            with suppress(ProcessLookupError):
                process.kill()
        await ended


async def _listening(stderr: asyncio.StreamReader) -> None:
    said = b""
    try:
        async with asyncio.timeout(START_TIMEOUT_S * patience()):
            while line := await stderr.readline():
                said += line
                if b"listening on" in line:
                    return
    except TimeoutError:
        pass
    raise SandboxError(f"tcpdump does not listen: {said.decode(errors='replace').strip()}")


async def _read(stdout: asyncio.StreamReader, seen: Capture) -> None:
    reader = PcapReader()
    while data := await stdout.read(READ_BYTES):
        seen.frames.extend(reader.feed(data))
