"""One flow in the VM's switch: priority-tagged frames (VID 0) are dropped, whoever sends them.

An access port takes such a frame for an untagged one, and leaves alone what is inside. With another
container's tag there, a container could so send a frame that has two tags when it leaves the VM; what becomes
of that on hypervisors is told in docs/security.md. Nobody needs priority tags.

OVSDB has no word for this, so it is said by OpenFlow. The connection is kept: when it ends the switch has
been restarted, and has forgotten its flows.

Source: OpenFlow Switch Specification 1.0.0, 5 ("The OpenFlow Protocol"); ovs-vswitchd(8).
"""

import asyncio
import logging
import struct
from pathlib import Path

from ovnest.agent.errors import NotSetUp

VERSION = 1
HELLO = 0
ERROR = 1
ECHO_REQUEST = 2
ECHO_REPLY = 3
FLOW_MOD = 14
BARRIER_REQUEST = 18
BARRIER_REPLY = 19
HEADER = struct.Struct("!BBHI")
MATCH = struct.Struct("!IH6s6sHBxHBBxxIIHH")
FLOW = struct.Struct("!QHHHHIHH")
WILDCARDS = (1 << 22) - 1
WILDCARD_VLAN = 1 << 1
NO_BUFFER = 0xFFFFFFFF
NO_PORT = 0xFFFF
COOKIE = 0x6F766E657374  # "ovnest", by which a person knows it in `ovs-ofctl dump-flows`
PRIORITY = 0x8000
ANSWER_TIMEOUT_S = 5.0
AGAIN_S = 1.0
TELL_AFTER = 10
REMOTE = "unix:"

_log = logging.getLogger(__name__)


class PriorityTagDrop:
    """Keeps the flow on `bridge` of the Open vSwitch whose database is at `remote`, while `run` runs."""

    def __init__(self, remote: str, bridge: str) -> None:
        self._path = Path(remote.removeprefix(REMOTE)).parent / f"{bridge}.mgmt"
        self.problem = ""
        """Why the flow is not there, when it was tried; empty if it is."""
        self._failures = 0

    async def run(self) -> None:
        while True:
            try:
                await self._keep()
            except (OSError, EOFError, TimeoutError, NotSetUp) as error:
                self.problem = (
                    f"priority-tagged frames (VID 0) are not dropped: {self._path}: {error or 'no answer'}"
                )
                self._failures += 1
                # A switch that is being started is no news.
                if self._failures == TELL_AFTER:
                    _log.warning("event=priority_tags_not_dropped reason=%s", self.problem)
            await asyncio.sleep(AGAIN_S)

    async def _keep(self) -> None:
        """Add the flow, and stay as long as the switch does.

        Raises:
            NotSetUp: the switch does not take it.
            OSError, EOFError, TimeoutError: it is away.
        """
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(str(self._path))
        try:
            writer.write(_message(HELLO) + _message(FLOW_MOD, _drop()) + _message(BARRIER_REQUEST))
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                while await self._receive(reader, writer) != BARRIER_REPLY:
                    pass
            _log.info("event=priority_tags_dropped switch=%s", self._path)
            self.problem, self._failures = "", 0
            while True:
                await self._receive(reader, writer)
        finally:
            writer.close()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        """The kind of the next message; a question whether we live is answered."""
        _, kind, length, number = HEADER.unpack(await reader.readexactly(HEADER.size))
        body = await reader.readexactly(length - HEADER.size)
        if kind == ERROR:
            raise NotSetUp(f"the switch refuses: {body[:4].hex()}")
        if kind == ECHO_REQUEST:
            writer.write(_message(ECHO_REPLY, body, number))
        return int(kind)


def _message(kind: int, body: bytes = b"", number: int = 1) -> bytes:
    return HEADER.pack(VERSION, kind, HEADER.size + len(body), number) + body


def _drop() -> bytes:
    """Add a flow without an action, for VID 0; in OpenFlow 1.0 that is a priority tag, and not none."""
    anything = bytes(6)
    match = MATCH.pack(WILDCARDS & ~WILDCARD_VLAN, 0, anything, anything, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    return match + FLOW.pack(COOKIE, 0, 0, 0, PRIORITY, NO_BUFFER, NO_PORT, 0)
