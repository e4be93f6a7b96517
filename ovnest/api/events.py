"""Events: what happens to ports, as it happens, to those who may see them (server-sent events).

A ring keeps the last changes of this process, so that a client that comes back goes on where it was; when
that is no longer in the ring, or was another process's, it is told to list again (`event: reset`). What a
port is shown like is looked up when an event is sent, so an event is never older than the list before it, and
several changes may come as one.

Source: HTML Living Standard, 9.2 (server-sent events).
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from operator import attrgetter
from typing import Protocol

import msgspec
from msgspec import Struct

from ovnest.api.responses import Response
from ovnest.errors import Refusal
from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.http import HTTPServiceUnavailable
from ovnest.northbound.tables import Document, LogicalSwitchPort
from ovnest.ovsdb import Change, Client, RowUuid
from ovnest.rows.agent_code import KIND as AGENT_CODE
from ovnest.rows.document import is_document, key_of
from ovnest.rows.port.keys import DETAILS
from ovnest.rows.port.lookups import PortOwner, port_owner
from ovnest.transaction import Tx

RING = 4096
QUEUE = 1024  # changes that wait for one client; past it, it is told to list again
HEARTBEAT_S = 15.0
STREAMS_MAX = 2000
STREAMS_OF_ONE_MAX = 16  # of one agent: it needs one, and those before it may not have ended yet
RETRY_MS = 1000
_SLICE = 64
_PLUGGED = "plugged."
_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # some proxies otherwise keep it until there is more
}


class PortChange(Struct, frozen=True, kw_only=True):
    """What became of one port's row in one update: None before is a new one, None after one that went."""

    number: int
    before: PortOwner | None
    after: PortOwner | None

    def subjects(self) -> set[str]:
        """The parents and hosts that it concerns."""
        ports = [port for port in (self.before, self.after) if port is not None]
        return {port.parent_name or port.host for port in ports} - {""}


class Viewer(Protocol):
    """Who subscribers."""

    def look(self) -> Tx:
        """The database as this viewer may see it now.

        Raises:
            Refusal: he may see nothing any more, and the stream ends.
        """

    def sees(self, tx: Tx, port: PortOwner) -> bool:
        """Whether he may see that port."""

    def shown(self, tx: Tx, port_id: str) -> bytes | None:
        """The port as he may see it, in JSON; None when it is not there (any more)."""


class _Subscriber:
    """One stream's place: what waits to be sent on it."""

    def __init__(self) -> None:
        self.waiting: deque[PortChange] = deque()
        self.is_lost = False
        self.wake = asyncio.Event()

    def add(self, change: PortChange) -> None:
        if len(self.waiting) >= QUEUE:
            self.lose()
        else:
            self.waiting.append(change)
            self.wake.set()

    def lose(self) -> None:
        self.waiting.clear()
        self.is_lost = True
        self.wake.set()


class Events:
    """The changes of one process's replica, and the streams that tell of them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._server = secrets.token_hex(4)
        self._ring: deque[PortChange] = deque(maxlen=RING)
        self._last = 0
        self._subscribers: set[_Subscriber] = set()
        self._subscribers_of: dict[str, set[_Subscriber]] = {}
        self._is_following = False
        self._is_closed = False

    def follow(self) -> None:
        """Take notice from now on. Before, while the database is read for the first time, nothing happens."""
        if not self._is_following:
            self._is_following = True
            self._client.on_change(self._changed)

    def close(self) -> None:
        """End all streams."""
        self._is_closed = True
        for subscriber in (
            *self._subscribers,
            *(each for some in self._subscribers_of.values() for each in some),
        ):
            subscriber.wake.set()

    def response(
        self,
        viewer: Viewer,
        query: Iterable[tuple[str, str]],
        last_id: str | None,
        *,
        subject: str = "",
        project_id: str = "",
    ) -> Response:
        """The answer to a request for events; with a `subject`, of ports under that parent or on that host.

        Raises:
            HTTPBadRequest: it filters by what events cannot be filtered by.
            HTTPServiceUnavailable: there are too many streams.
        """
        filters = _filters(query)
        if len(self._subscribers_of.get(subject, ())) >= STREAMS_OF_ONE_MAX:
            raise HTTPServiceUnavailable(message=f"{subject} has too many event streams. Try again later.")
        if self._count() >= STREAMS_MAX:
            raise HTTPServiceUnavailable(message="The server has too many event streams. Try again later.")
        since = self._place_of(last_id)
        body = self._stream(viewer, filters, since, subject)
        return Response(status=200, headers=_HEADERS, body=body, project_id=project_id, is_watch=True)

    # Streams

    async def _stream(
        self, viewer: Viewer, filters: Mapping[str, frozenset[str]], since: int, subject: str
    ) -> AsyncIterator[bytes]:
        subscriber = _Subscriber()
        subscribers = self._subscribers_of.setdefault(subject, set()) if subject else self._subscribers
        subscribers.add(subscriber)
        if since < self._oldest() - 1:
            subscriber.is_lost = True
        else:
            subscriber.waiting.extend(each for each in self._ring if each.number > since)
        if not subscriber.waiting:
            since = self._last
        try:
            yield b"retry: %d\n: the changes of ports\nid: %b\n\n" % (RETRY_MS, self._id(since))
            while not self._is_closed:
                subscriber.wake.clear()
                sent = self._next(subscriber, viewer, filters)
                if sent:
                    yield sent
                if subscriber.waiting:
                    continue
                try:
                    await asyncio.wait_for(subscriber.wake.wait(), HEARTBEAT_S)
                except TimeoutError:
                    # With the id of what was passed over, so that who comes back later need not list again.
                    yield b": alive\nid: %b\n\n" % self._id(self._last)
        except Refusal:
            return  # what he may see has come to its end; asking again, he is told why
        finally:
            subscribers.discard(subscriber)
            if subject and not subscribers and self._subscribers_of.get(subject) is subscribers:
                del self._subscribers_of[subject]

    def _next(self, subscriber: _Subscriber, viewer: Viewer, filters: Mapping[str, frozenset[str]]) -> bytes:
        """What is to be sent of the changes that wait, some at a time so that the loop is not held."""
        tx = viewer.look()
        if subscriber.is_lost:
            subscriber.is_lost = False
            subscriber.waiting.clear()
            return b"event: reset\nid: %b\ndata: {}\n\n" % self._id(self._last)
        parts = []
        for _ in range(min(_SLICE, len(subscriber.waiting))):
            change = subscriber.waiting.popleft()
            was, now = (
                port is not None and _matches(port, filters) and viewer.sees(tx, port)
                for port in (change.before, change.after)
            )
            port = change.after or change.before
            if port is None or not (was or now):
                continue
            if now:
                shown = viewer.shown(tx, port.id)
                if shown is None:
                    continue  # it has gone since, and that comes next
                kind = b"port.update" if was else b"port.create"
            else:
                kind, shown = b"port.delete", msgspec.json.encode({"id": port.id})
            parts.append(b'event: %b\nid: %b\ndata: {"port":%b}\n\n' % (kind, self._id(change.number), shown))
        return b"".join(parts)

    def _place_of(self, last_id: str | None) -> int:
        """The number of the last change that a client has seen; -1 for one that is not known here."""
        if last_id is None:
            return self._last
        server, _, number = last_id.partition("-")
        if server != self._server or not number.isascii() or not number.isdigit() or len(number) > 18:
            return -1
        return int(number) if int(number) <= self._last else -1

    def _oldest(self) -> int:
        return self._ring[0].number if self._ring else self._last + 1

    def _id(self, number: int) -> bytes:
        return f"{self._server}-{number}".encode()

    def _all(self) -> tuple[_Subscriber, ...]:
        return (*self._subscribers, *(each for some in self._subscribers_of.values() for each in some))

    def _count(self) -> int:
        return len(self._subscribers) + sum(map(len, self._subscribers_of.values()))

    # Changes

    def _changed(self, changes: list[Change]) -> None:
        if (
            len(changes) > RING
        ):  # a database from a backup, or a foreign hand; to look at each would take long
            self._lose_all()
            return
        ports: dict[RowUuid, tuple[PortOwner | None, PortOwner | None]] = {}
        touched: set[str] = set()
        woken: set[str] = set()
        for before, after in changes:
            row = after if after is not None else before
            if isinstance(row, LogicalSwitchPort):
                was, now = _port(before), _port(after)
                if was is not None or now is not None:
                    ports[row.uuid] = (ports.get(row.uuid, (was, None))[0], now)
            elif isinstance(row, Document):
                _touch(before, after, row, touched, woken)
        for port_id in touched:
            uuid = RowUuid(port_id)
            present = _port(self._client.replica.find(LogicalSwitchPort, uuid))
            if present is not None:
                ports.setdefault(uuid, (present, present))
        for was, now in ports.values():
            self._tell(was, now)
        for subject in woken:  # their permission may have changed, so they look
            for subscriber in self._subscribers_of.get(subject, ()):
                subscriber.wake.set()

    def _tell(self, before: PortOwner | None, after: PortOwner | None) -> None:
        self._last += 1
        change = PortChange(number=self._last, before=before, after=after)
        self._ring.append(change)
        for subscriber in self._subscribers:
            subscriber.add(change)
        for subject in change.subjects() & self._subscribers_of.keys():
            for subscriber in self._subscribers_of[subject]:
                subscriber.add(change)

    def _lose_all(self) -> None:
        self._ring.clear()
        self._last += 1  # so that the last id anybody has is older than all that comes
        for subscriber in (
            *self._subscribers,
            *(each for some in self._subscribers_of.values() for each in some),
        ):
            subscriber.lose()


_FILTERS: dict[str, Callable[[PortOwner], str]] = {
    "id": attrgetter("id"),
    "network_id": attrgetter("network_id"),
    "project_id": attrgetter("project_id"),
    "tenant_id": attrgetter("project_id"),
    "device_id": attrgetter("device_id"),
    "device_owner": attrgetter("device_owner"),
}


def _filters(query: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    values: dict[str, set[str]] = {}
    for name, value in query:
        if name not in _FILTERS:
            raise HTTPBadRequest(reason=f"[{name!r}] is invalid attribute for filtering events")
        values.setdefault(name, set()).add(value)
    return {name: frozenset(wanted) for name, wanted in values.items()}


def _matches(port: PortOwner, filters: Mapping[str, frozenset[str]]) -> bool:
    return all(_FILTERS[name](port) in wanted for name, wanted in filters.items())


def _port(row: object) -> PortOwner | None:
    return port_owner(row) if isinstance(row, LogicalSwitchPort) else None


def _touch(before: object, after: object, row: Document, touched: set[str], woken: set[str]) -> None:
    """Which ports a changed document is about, and which agents' permission."""
    if is_document(DETAILS, row):
        touched.add(key_of(DETAILS, row))
        return
    if not is_document(AGENT_CODE, row):
        return
    woken.add(key_of(AGENT_CODE, row))
    was, now = (
        {name: said for name, said in each.external_ids.items() if name.startswith(_PLUGGED)}
        if isinstance(each, Document)
        else {}
        for each in (before, after)
    )
    touched |= {name.removeprefix(_PLUGGED) for name, _ in was.items() ^ now.items()}
