"""One connection: bytes to messages and back, echo both ways, and the probe of a silent server.

What arrives is handled at once and in order, as OVSDB relies on it: an update that was sent before a reply
is in the replica before the reply is seen. Work that takes long (a whole database) is a generator, run in
slices; nothing more is read meanwhile.

Source: RFC 7047, 4.1; ovsdb-server(7), 4.1.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, cast

import msgspec

from ovnest.ovsdb.collector import collector_paused
from ovnest.ovsdb.errors import Disconnected
from ovnest.ovsdb.framing import Framer, NotJson, Piece
from ovnest.ovsdb.messages import Message, decode_message, encode

_log: Final = logging.getLogger(__name__)

_READ_BYTES: Final = 64 * 1024
"""Of a database that arrives, so much is made into rows at once: about 5 ms."""
_SLICE_S: Final = 0.004

Work = Iterator[None] | None
OnReply = Callable[[Message], Work]


class Receiver(Protocol):
    """Who the session tells what it hears."""

    def piece(self, table: str, rows: bytes) -> None:
        """Rows of the message that comes next."""

    def notified(self, message: Message) -> Work:
        """A notification; what is given back is run to its end before anything else is read."""

    def lost(self, reason: str) -> None:
        """The connection ended."""


class Session(asyncio.BufferedProtocol):
    """One connection to one server."""

    def __init__(self, receiver: Receiver, probe_interval_s: float) -> None:
        self._receiver = receiver
        self._probe_interval_s = probe_interval_s
        self._framer = Framer()
        self._space = bytearray(_READ_BYTES)
        self._view = memoryview(self._space)
        self._last_id = 0
        self._awaited: dict[int, tuple[asyncio.Future[Message], OnReply | None, float]] = {}
        self._work: Iterator[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._watching: asyncio.TimerHandle | None = None
        self._probed = False
        self._heard = False
        self._heard_at = 0.0
        self._silence_limit_s = math.inf
        self._reply_timeout_s = math.inf
        self._reason = ""
        self._when_settled: list[asyncio.Future[None]] = []
        self._when_closed: asyncio.Future[str] = self._loop.create_future()
        self.closed = False
        self._lost = asyncio.Event()  # the socket is closed

    # Asking.

    def call(self, method: str, params: Any, on_reply: OnReply | None = None) -> asyncio.Future[Message]:
        """Send a request. The future gets the reply, errors included, or Disconnected.

        `on_reply` is called with the reply before anything that the server sent after it is looked at.
        """
        number = self._last_id + 1
        return self.send(encode({"id": number, "method": method, "params": params}), on_reply)

    def limit_patience(self, reply_timeout_s: float) -> None:
        """From now on give up a server that is silent for two probe intervals, or does not answer a request.

        Not before: a server that composes a database of 100,000 ports says nothing for longer.
        """
        self._silence_limit_s = 2 * self._probe_interval_s
        self._reply_timeout_s = reply_timeout_s

    def next_id(self) -> int:
        """The id that the request given to `send` must have."""
        return self._last_id + 1

    def send(self, request: bytes, on_reply: OnReply | None = None) -> asyncio.Future[Message]:
        """Send a request that is encoded already, with `next_id`."""
        future: asyncio.Future[Message] = self._loop.create_future()
        if self.closed or self._transport is None:
            _break(future, self._reason or "not connected")
            return future
        self._last_id += 1
        self._awaited[self._last_id] = (future, on_reply, self._loop.time())
        self._transport.write(request)
        return future

    @property
    def settled(self) -> bool:
        """Nothing that arrived is half done."""
        return self._work is None

    async def when_settled(self) -> None:
        """Wait until nothing that arrived is half done, or the connection has ended."""
        while self._work is not None:
            future: asyncio.Future[None] = self._loop.create_future()
            self._when_settled.append(future)
            await future

    async def when_closed(self) -> str:
        """Wait for the end of the connection; gives the reason."""
        return await asyncio.shield(self._when_closed)

    def close(self, reason: str) -> None:
        """End the connection; all that is awaited gets Disconnected with that reason."""
        if not self._reason:
            self._reason = reason
        if self._transport is not None:
            self._transport.abort()
        self._end()

    async def end(self, reason: str) -> None:
        """Close, and return when the socket is gone as well."""
        self.close(reason)
        if self._transport is not None:
            await self._lost.wait()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio.Transport in all but their class.
        self._transport = cast(asyncio.Transport, transport)
        self._heard_at = self._loop.time()
        self._watch_again()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        self._heard = True
        self._framer.feed(bytes(self._view[:nbytes]))
        if self._work is not None:
            return
        if nbytes == _READ_BYTES and self._transport is not None:
            # More is there. uvloop would read on and on; let others have their turn first.
            self._transport.pause_reading()
            self._loop.call_soon(self._read_on)
        self._process()

    def _read_on(self) -> None:
        if self._work is None and not self.closed and self._transport is not None:
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._lost.set()
        if not self._reason:
            self._reason = f"connection lost: {error}" if error else "the server closed the connection"
        self._end()

    def _end(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self._watching is not None:
            self._watching.cancel()
        self._set_settled()
        if not self._when_closed.done():
            self._when_closed.set_result(self._reason)
        awaited, self._awaited = self._awaited, {}
        for future, _, _ in awaited.values():
            _break(future, self._reason)
        self._receiver.lost(self._reason)

    # What arrives.

    def _process(self) -> None:
        framer = self._framer
        try:
            while not self.closed:
                message = self._guessed()
                if message is not None:
                    work = self._handle(message)
                    if work is not None and not self._run(work):
                        return
                    continue
                found = framer.next()
                if found is None:
                    return
                if isinstance(found, Piece):
                    # A set of 50,000 references is as many lists for a moment; the collector would take 20
                    # ms.
                    with collector_paused():
                        self._receiver.piece(found.table, found.rows)
                    continue
                if len(found) < _READ_BYTES:
                    work = self._handle(decode_message(found))
                    slice_s = _SLICE_S
                else:
                    with collector_paused():
                        work = self._handle(decode_message(found))
                    slice_s = 0  # decoding has used the slice up
                if work is not None and not self._run(work, slice_s):
                    return
        except (NotJson, msgspec.DecodeError) as error:
            self.close(f"the server sent what is not OVSDB: {error}")
        except Exception as error:  # what handles messages has failed; this connection is of no use any more
            _log.exception("event=session_failed")
            self.close(f"a fault of ours: {error!r}")

    def _guessed(self) -> Message | None:
        """The next message, if it need not be searched for."""
        guess = self._framer.guess()
        if guess is None:
            return None
        try:
            message = decode_message(guess)
        except msgspec.DecodeError:
            return None
        self._framer.took(guess)
        return message

    def _handle(self, message: Message) -> Work:
        if message.method is None:
            future, on_reply, _ = self._awaited.pop(message.id, (None, None, 0.0))
            if future is None:
                return None
            if on_reply is None:
                if not future.done():
                    future.set_result(message)
                return None
            return _then(on_reply(message), future, message)
        if message.method == "echo":
            if self._transport is not None:
                self._transport.write(encode({"id": message.id, "result": message.params, "error": None}))
            return None
        return self._receiver.notified(message)

    def _run(self, work: Iterator[None], slice_s: float = _SLICE_S) -> bool:
        """Run `work` for a slice of time; whether it is done. If not, it goes on by itself."""
        until = time.perf_counter() + slice_s
        for _ in work:
            if time.perf_counter() > until:
                if self._work is None:
                    self._work = work
                    if self._transport is not None:
                        self._transport.pause_reading()
                self._loop.call_soon(self._go_on)
                return False
        return True

    def _go_on(self) -> None:
        if self.closed or self._work is None:
            return
        try:
            done = self._run(self._work)
        except Exception as error:  # as in _process
            _log.exception("event=session_failed")
            self.close(f"a fault of ours: {error!r}")
            return
        if done:
            self._set_settled()
            self._heard = True
            self._process()
            self._read_on()

    def _set_settled(self) -> None:
        self._work = None
        waiting, self._when_settled = self._when_settled, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    # A server that says nothing.

    def _watch_again(self) -> None:
        # One timer for all: a timer for each request would cost more than the request.
        self._watching = self._loop.call_later(min(self._probe_interval_s / 4, 1), self._watch)

    def _watch(self) -> None:
        now = self._loop.time()
        if self._heard or self._work is not None:
            self._heard = self._probed = False
            self._heard_at = now
        oldest = next(iter(self._awaited.values()), None)
        if now - self._heard_at >= self._silence_limit_s:
            self.close(f"the server was silent for {now - self._heard_at:.1f} s")
            return
        if oldest is not None and now - oldest[2] >= self._reply_timeout_s:
            self.close(f"the server left a request unanswered for {now - oldest[2]:.1f} s")
            return
        if now - self._heard_at >= self._probe_interval_s and not self._probed:
            self._probed = True
            self.call("echo", [])
        self._watch_again()


def _break(future: asyncio.Future[Message], reason: str) -> None:
    if not future.done():
        future.set_exception(Disconnected(reason))
        future.exception()  # nobody may be waiting for it any more; that is no fault


def _then(work: Work, future: asyncio.Future[Message], message: Message) -> Work:
    """`work`, and then the reply for who awaits it."""
    if work is None:
        if not future.done():
            future.set_result(message)
        return None
    return _run_then(work, future, message)


def _run_then(work: Iterator[None], future: asyncio.Future[Message], message: Message) -> Iterator[None]:
    yield from work
    if not future.done():
        future.set_result(message)
