"""The API's stream of events: server-sent events, followed for as long as the server gives them.

Source: HTML Living Standard, "Server-sent events".
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.client.api import Api
from ovnest.agent.errors import ApiUnreachable

TARGET = "/v2.0/events"
KEEP_S = 0.5
SILENCE_S = 40.0
"""The server says something every 15 s, be it nothing but a comment."""


class Event(Struct, frozen=True, kw_only=True):
    """One event; `data` is its JSON."""

    kind: str
    data: bytes


class Parser:
    """Bytes to events, however they are cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = ""
        self._data: list[bytes] = []
        self.last_id = ""

    def feed(self, part: bytes) -> list[Event]:
        """The events that end in `part`."""
        *lines, self._rest = (self._rest + part).split(b"\n")
        found = []
        for line in lines:
            line = line.removesuffix(b"\r")
            if not line:
                if self._kind or self._data:
                    found.append(Event(kind=self._kind, data=b"\n".join(self._data)))
                self._kind, self._data = "", []
                continue
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"event":
                self._kind = value.decode()
            elif name == b"data":
                self._data.append(value)
            elif name == b"id":
                self.last_id = value.decode()
        return found


class EventStream:
    """Follows the events of `api`, and goes on where it was interrupted, if the server still can.

    The place is kept in the file `memory`, so that an agent that is restarted hears what happened meanwhile.
    A place that is some events old does no harm: they are heard twice.
    """

    def __init__(self, api: Api, memory: Path) -> None:
        self._api = api
        self._memory = memory
        self._last_id = memory.read_text() if memory.exists() else ""
        self._kept = (self._last_id, 0.0)
        self._is_new = True

    async def follow(self) -> AsyncIterator[Event]:
        """Events until the stream ends. Begins with "reset" at first, and where some may have been missed.

        Raises:
            ApiUnreachable: there is no stream, or it broke off.
            ApiRefused: the server gives none.
        """
        headers = [("Accept", "text/event-stream")]
        if self._last_id:
            headers.append(("Last-Event-ID", self._last_id))
        connection, reply = await self._api.stream(TARGET, tuple(headers))
        parser = Parser()
        parts = connection.receive_body(reply.status, reply.headers)
        try:
            if self._is_new or not self._last_id:
                self._is_new = False
                yield Event(kind="reset", data=b"")
            while True:
                async with asyncio.timeout(SILENCE_S):
                    part = await anext(parts, b"")
                if not part:
                    raise ApiUnreachable("the stream of events has ended", in_doubt=False)
                for event in parser.feed(part):
                    yield event
                self._last_id = parser.last_id or self._last_id
                self._keep(KEEP_S)
        except TimeoutError:
            raise ApiUnreachable("the stream of events is silent", in_doubt=False) from None
        except (OSError, EOFError, ValueError) as error:
            raise ApiUnreachable(f"the stream of events broke off: {error}", in_doubt=False) from error
        finally:
            connection.close()
            self._keep(0.0)

    def _keep(self, after_s: float) -> None:
        """Write the place down, if it is another and was last written that long ago."""
        last_id, kept_at = self._kept
        if self._last_id == last_id or monotonic() < kept_at + after_s:
            return
        durable.replace(self._memory, self._last_id)
        self._kept = (self._last_id, monotonic())
