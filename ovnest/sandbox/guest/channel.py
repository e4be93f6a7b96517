"""Our side of the channel into a guest: scripts go in, what they said comes out, several at a time.

    python -m ovnest.sandbox.guest.channel SOCKET COMMAND…

runs one command, for a person in the sandbox's shell. QEMU lets one client in at a time.
"""

import argparse
import asyncio
import shlex
import sys
from pathlib import Path
from secrets import token_hex

import msgspec
from msgspec import Struct

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.until import patience

SCRIPT_TIMEOUT_S = 60.0
ON_THE_WAY_S = 10.0
LONGEST_LINE = 4 << 20


class Request(Struct, frozen=True, kw_only=True):
    """What goes in; see `inside`."""

    id: str
    script: str
    stdin: str
    timeout_s: float


class Said(Struct, frozen=True, kw_only=True):
    """What a script said; `status` is None if its time was over, and it was killed."""

    id: str
    status: int | None
    output: str
    complaint: str


class Silent(SandboxError):
    """The guest does not answer at all: it has not booted, or hangs, or is being rebooted."""


class Channel:
    """The channel behind the socket that QEMU listens on; opened when it is first used."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[str, asyncio.Future[Said]] = {}

    async def attempt(
        self,
        script: str,
        *,
        stdin: str = "",
        timeout_s: float = SCRIPT_TIMEOUT_S,
        on_the_way_s: float = ON_THE_WAY_S,
    ) -> Said:
        """What a script said, however it ended; to send it and to hear of it may take `on_the_way_s`, too.

        Raises:
            Silent: the guest does not answer.
        """
        bound_s = timeout_s * patience()
        request = Request(id=token_hex(8), script=script, stdin=stdin, timeout_s=bound_s)
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = answer
        try:
            writer = await self._open()
            writer.write(msgspec.json.encode(request) + b"\n")
            async with asyncio.timeout(bound_s + on_the_way_s * patience()):
                return await answer
        except (TimeoutError, OSError) as error:
            raise Silent(f"no answer to `{script}`: {error or 'its time is over'}") from None
        finally:
            del self._waiting[request.id]

    async def close(self) -> None:
        """Let another in."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
            self._reading = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _open(self) -> asyncio.StreamWriter:
        if self._writer is None:
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=LONGEST_LINE)
            self._writer = writer
            self._reading = asyncio.create_task(self._read(reader))
        return self._writer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            said = msgspec.json.decode(line, type=Said)
            # One that nobody waits for any more was given up before.
            if (answer := self._waiting.get(said.id)) is not None and not answer.done():
                answer.set_result(said)
        for answer in self._waiting.values():
            answer.set_exception(ConnectionResetError("QEMU has ended"))


async def _once(socket: Path, command: list[str]) -> int:
    channel = Channel(socket)
    try:
        said = await channel.attempt(shlex.join(command), timeout_s=3600)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        await channel.close()
    sys.stdout.write(said.output)
    sys.stderr.write(said.complaint)
    return 1 if said.status is None else said.status


def main() -> int:
    """The status of the command."""
    parser = argparse.ArgumentParser(prog="channel", description="Run a command in a guest.")
    parser.add_argument("socket", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    return asyncio.run(_once(arguments.socket, arguments.command or ["true"]))


if __name__ == "__main__":
    sys.exit(main())
