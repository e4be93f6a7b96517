"""Making true again what was interrupted or changed elsewhere: at the start, on events, and at intervals.

Something is taken away on a positive statement only: the journal says that it was meant to go, or that
nobody was ever told of it; the API says that just this port was deleted, or that its tag is another's. That
the API does not show a port is no such statement: it is reported, and left.
"""

import asyncio
import logging
from pathlib import Path

import msgspec
from msgspec import Struct

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.findings import Findings
from ovnest.agent.attachment.journal import Recorded
from ovnest.agent.attachment.states import Event, State
from ovnest.agent.client.answers import PortAnswer
from ovnest.agent.client.api import Api
from ovnest.agent.client.events import Event as ApiEvent
from ovnest.agent.client.events import EventStream
from ovnest.agent.errors import AgentError, ApiRefused, ApiUnreachable
from ovnest.agent.waiting import heard

RETRY_FIRST_S = 0.5
RETRY_LONGEST_S = 15.0
EXPIRY_LEAST_S = 0.1
LASTED_S = 5.0
LOOK_S = 15.0
"""Between two looks at all ports while there is no stream of events."""

_log = logging.getLogger(__name__)


class Reconciler:
    """Keeps the engine's attachments as the API and the journal want them, while `run` runs."""

    def __init__(self, engine: Engine, api: Api, subject: str, memory: Path) -> None:
        """`memory` is the file for the place in the API's events."""
        self._engine = engine
        self._api = api
        self._subject = subject
        self._stream = EventStream(api, memory)
        self._wake = asyncio.Event()
        self.findings = Findings()
        """What the last look at the API has found."""
        engine.on_change(self._wake.set)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._finish_removals())
            tasks.create_task(self._follow())

    # What waits to be removed.

    async def _finish_removals(self) -> None:
        pause_s = RETRY_FIRST_S
        while True:
            self._wake.clear()
            waiting = [each for each in self._engine.entries() if self._is_due(each)]
            done = [await self._engine.try_to_finish(each, self._why(each)) for each in waiting]
            if waiting and not all(done):
                await asyncio.sleep(min(pause_s, self._next_expiry_s()))
                pause_s = min(pause_s * 2, RETRY_LONGEST_S)
            else:
                pause_s = RETRY_FIRST_S
                await heard(self._wake, self._next_expiry_s())

    def _is_due(self, recorded: Recorded) -> bool:
        entry = recorded.entry
        if entry.state is State.RESERVED:
            return self._engine.reserved_for_s(recorded) <= 0
        if entry.state is State.ADDING:
            # Nobody works on it: its agent ended, or could not even undo it. The caller got no answer
            # to rely on.
            return not self._engine.busy(entry.key)
        return entry.state is State.DELETING

    def _next_expiry_s(self) -> float:
        """Until a reservation's time is over, but not longer than until the next look at all."""
        entries = self._engine.entries()
        left = [self._engine.reserved_for_s(each) for each in entries if each.entry.state is State.RESERVED]
        return max(EXPIRY_LEAST_S, min([RETRY_LONGEST_S, *left]))

    def _why(self, recorded: Recorded) -> Event:
        return Event.EXPIRED if recorded.entry.state is State.RESERVED else Event.RESTARTED

    # What the API says.

    async def _follow(self) -> None:
        """Follow the events; at each new beginning, and while there are none, look at everything."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                async for event in self._stream.follow():
                    self._engine.set_hearing(True)
                    await self._heard(event)
            except (ApiRefused, ApiUnreachable) as error:
                _log.info("event=no_event_stream reason=%s", error)
            except msgspec.MsgspecError as error:
                _log.error("event=event_not_understood reason=%s", error)
            self._engine.set_hearing(False)
            # One that lasted ends by the server's restart, or by our own renewal: come back at once.
            if loop.time() - began < LASTED_S:
                await self.look()
                await asyncio.sleep(LOOK_S)

    async def _heard(self, event: ApiEvent) -> None:
        match event.kind:
            case "reset":
                self._api.forget_networks()
                await self.look()
            case "port.delete":
                await self._port_deleted(_port_id(event))
            case "port.create" | "port.update":
                port = msgspec.json.decode(event.data, type=_PortEvent).port
                self._engine.port_changed(port.id, active=port.active)
                await self._compare(port)

    async def _port_deleted(self, port_id: str) -> None:
        self._engine.port_changed(port_id, active=False)
        for recorded in self._engine.entries():
            if recorded.entry.port == port_id or port_id == self._subject:
                if recorded.entry.state is not State.DELETING:
                    _log.info("event=port_deleted port=%s device=%s", port_id, recorded.device)
                await self._engine.try_to_finish(recorded, Event.PORT_DELETED)

    async def look(self) -> None:
        """Compare all our ports in the API with the journal."""
        try:
            ports = await self._api.list_ports()
        except AgentError as error:
            _log.info("event=api_not_seen reason=%s", error)
            return
        for port in ports:
            await self._compare(port)
        self.findings = self._engine.findings(ports)

    async def _compare(self, port: PortAnswer) -> None:
        """Take over a changed tag, which may be one that another device still has."""
        if port.tag is None or self._engine.parent_of(port) != self._subject:
            return
        for recorded in self._engine.entries():
            entry = recorded.entry
            if entry.port == port.id:
                if entry.state is State.PLUGGED and recorded.real_tag not in (None, port.tag):
                    _log.warning("event=tag_changed port=%s tag=%d", port.id, port.tag)
                    await self._engine.retag(recorded, port.tag)
            elif recorded.real_tag == port.tag and entry.state is not State.ADDING and entry.port:
                _log.warning("event=tag_given_away tag=%d device=%s", port.tag, recorded.device)
                await self._engine.try_to_finish(recorded, Event.TAG_GIVEN)


class _PortEvent(Struct, frozen=True):
    port: PortAnswer


class _PortId(Struct, frozen=True):
    id: str


class _DeletedPort(Struct, frozen=True):
    """`{"id": …}`, or the port with its id."""

    id: str = ""
    port: _PortId | None = None


def _port_id(event: ApiEvent) -> str:
    deleted = msgspec.json.decode(event.data, type=_DeletedPort)
    return deleted.port.id if deleted.port is not None else deleted.id
