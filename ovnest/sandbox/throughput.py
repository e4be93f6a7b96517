"""How fast packets go from one node to another, by iperf3."""

import asyncio
from contextlib import suppress

import msgspec
from msgspec import Struct

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.node import Node
from ovnest.sandbox.process import surroundings
from ovnest.sandbox.until import patience

START_TIMEOUT_S = 10.0


class _Sum(Struct):
    bits_per_second: float


class _End(Struct):
    sum_received: _Sum


class _Report(Struct):
    """The part of iperf3's JSON that we read."""

    end: _End


async def measure(client: Node, server: Node, address: str, seconds: int) -> float:
    """Mbit/s that `server`, at `address`, received of what `client` sent by TCP for so many seconds."""
    process = await asyncio.create_subprocess_exec(
        *server.namespace.inside("iperf3", "--server", "--one-off", "--forceflush"),
        env=surroundings(server.environment()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None  # noqa: S101  it is PIPE
    try:
        await _listening(process.stdout)
        argv = ("iperf3", "--client", address, "--time", str(seconds), "--connect-timeout", "5000", "--json")
        said = await client.run(*argv)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
    return received(said)


def received(said: str) -> float:
    """Mbit/s that the server received, by what `iperf3 --client … --json` said."""
    return msgspec.json.decode(said, type=_Report).end.sum_received.bits_per_second / 1e6


async def _listening(stdout: asyncio.StreamReader) -> None:
    said = b""
    try:
        async with asyncio.timeout(START_TIMEOUT_S * patience()):
            while line := await stdout.readline():
                said += line
                if b"listening" in line:
                    return
    except TimeoutError:
        pass
    raise SandboxError(f"iperf3 does not listen: {said.decode(errors='replace').strip()}")
