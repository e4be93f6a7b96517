"""One HTTP/1.1 connection: bytes in, requests to the handler one at a time, answers out in the same order.

A connection is always in one phase, and most phases have a deadline, which the listener looks at a few
times a second. Requests that arrive while one is being answered wait in the buffer; past a bound the
socket is read no further. A handler is never cancelled because its client went away: what it began is
carried to its end.

Source: RFC 9112, 9 (connections).
"""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from math import inf
from typing import cast

from ovnest.api.access_log import AccessLog, AccessRecord
from ovnest.api.chunked import ChunkedBody
from ovnest.api.limits import Limits
from ovnest.api.refusals import refusal_response
from ovnest.api.requests import HEAD_END, Head, Peer, Request, new_request_id, parse_head
from ovnest.api.responses import Response, ResponseHeads, has_no_body
from ovnest.errors import Refusal
from ovnest.errors.http import (
    HTTPInternalServerError,
    HTTPRequestEntityTooLarge,
    HTTPRequestHeaderFieldsTooLarge,
    HTTPRequestTimeout,
    HTTPServiceUnavailable,
    HTTPUnsupportedMediaType,
)

Handler = Callable[[Request], Awaitable[Response]]

_log = logging.getLogger(__name__)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# Bytes of later requests that are kept while one is answered; past it the socket is not read.
_READ_AHEAD_BYTES = 64 * 1024
# Bytes that a refused sender may still send while it is listened to.
_LINGER_BYTES = 16 * 1024 * 1024
# Connections over the bound that are told so at a time; further ones are cut off without a word.
_REFUSED_AT_ONCE = 64


class Phase(Enum):
    """What a connection is doing."""

    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    LINGER = auto()
    CLOSED = auto()


class Service:
    """What all connections of a server share."""

    def __init__(self, handler: Handler, limits: Limits, access_log: AccessLog) -> None:
        self.handler = handler
        self.limits = limits
        self.access_log = access_log
        self.heads = ResponseHeads()
        self.connections: set[Connection] = set()
        self.answers: set[asyncio.Task[None]] = set()
        self.watches: set[asyncio.Task[None]] = set()
        self.is_draining = False
        self.all_left = asyncio.Event()  # set when, in a drain, the last connection has gone


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._limits = service.limits
        self._phase = Phase.HEAD
        self._buffer = bytearray()
        self._scanned = 0
        self._head: Head | None = None
        self._body_length = 0
        self._chunked: ChunkedBody | None = None
        self._keep_alive = True
        self._answered_one = False
        self._lingered_bytes = 0
        self._is_reading = True
        self._writable: asyncio.Future[None] | None = None
        self._unsent_bytes = 0
        self._watch: asyncio.Task[None] | None = None
        self.deadline = inf

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._peer = _peer(transport)
        connections = self._service.connections
        connections.add(self)
        self.deadline = self._loop.time() + self._limits.head_timeout_s
        if len(connections) > self._limits.connections + _REFUSED_AT_ONCE:
            self._transport.abort()
        elif len(connections) > self._limits.connections:
            self._refuse(
                HTTPServiceUnavailable(message="The server has too many connections. Try again later.")
            )

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.LINGER:
            self._lingered_bytes += len(data)
            if self._lingered_bytes > _LINGER_BYTES:
                self._transport.abort()
            return
        self._buffer += data
        if self._phase is Phase.ANSWER:
            if len(self._buffer) > _READ_AHEAD_BYTES and self._is_reading:
                self._is_reading = False
                self._transport.pause_reading()
            return
        self._advance()

    def eof_received(self) -> bool:
        # A client that has sent all it wants may still wait for the answer.
        self._keep_alive = False
        return self._phase is Phase.ANSWER and not self._peer.is_tls  # TLS connections end both ways at once

    def pause_writing(self) -> None:
        if self._phase is not Phase.CLOSED:
            self._writable = self._loop.create_future()
            self._watch_progress()

    def resume_writing(self) -> None:
        self._wake_writer()
        if self._phase is Phase.ANSWER:
            self.deadline = inf

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = Phase.CLOSED
        self.deadline = inf
        self._service.connections.discard(self)
        if self._service.is_draining and not self._service.connections:
            self._service.all_left.set()
        self._buffer.clear()
        self._wake_writer()
        if self._watch is not None:
            self._watch.cancel()

    # What the listener calls

    def check_deadline(self, now: float) -> None:
        """Act if the deadline of this phase has passed."""
        if now < self.deadline:
            return
        if self._phase is Phase.HEAD and not self._buffer:
            self._close()
        elif self._phase is Phase.HEAD:
            self._refuse(HTTPRequestTimeout(part="head", timeout_s=self._limits.head_timeout_s))
        elif self._phase is Phase.BODY:
            self._refuse(HTTPRequestTimeout(part="body", timeout_s=self._limits.body_timeout_s))
        elif self._phase is Phase.ANSWER and self._transport.get_write_buffer_size() < self._unsent_bytes:
            self._watch_progress()
        else:
            self._transport.abort()

    def close_if_idle(self) -> None:
        """Close unless a request is being received or answered; those close after their answer."""
        if self._phase is Phase.HEAD and not self._buffer:
            self._close()

    def abort(self) -> None:
        """Close now, whatever is going on."""
        self._transport.abort()

    # Receiving

    def _advance(self) -> None:
        """Make of the buffer what can be made of it: at most one request, since answers go out in order."""
        try:
            if self._phase is Phase.HEAD and not self._take_head():
                return
            if self._phase is Phase.BODY:
                body = self._take_body()
                if body is not None:
                    self._answer(body)
        except Refusal as refusal:
            self._refuse(refusal)

    def _take_head(self) -> bool:
        """Whether a whole head was there; it is then in `_head`."""
        buffer = self._buffer
        if buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: an empty line before a request is ignored
            del buffer[:2]
        end = buffer.find(HEAD_END, max(0, self._scanned - len(HEAD_END) + 1))
        size = end + len(HEAD_END) if end >= 0 else len(buffer)
        if size > self._limits.head_bytes:
            raise HTTPRequestHeaderFieldsTooLarge(
                bytes=self._limits.head_bytes, fields=self._limits.head_fields
            )
        if end < 0:
            if buffer and not self._scanned:
                self.deadline = self._loop.time() + self._limits.head_timeout_s
            self._scanned = size
            return False

        block = bytes(buffer[:size])
        del buffer[:size]
        self._scanned = 0
        self._head = head = parse_head(block, self._limits)
        self._keep_alive = head.keep_alive
        self._expect_body(head)
        return True

    def _expect_body(self, head: Head) -> None:
        """Refuse a body that we would not take, before it is sent; else wait for it."""
        coding = head.headers.get("content-encoding", "identity").lower()
        if coding not in ("identity", ""):
            raise HTTPUnsupportedMediaType(
                message=f"The content coding '{coding}' is not supported. Send the body as it is."
            )
        self._phase = Phase.BODY
        self._body_length = head.body_length or 0
        if head.body_length == 0:
            return
        if head.body_length is None:
            self._chunked = ChunkedBody(self._limits.body_bytes)
        elif head.body_length > self._limits.body_bytes:
            raise HTTPRequestEntityTooLarge(limit=self._limits.body_bytes)
        self.deadline = self._loop.time() + self._limits.body_timeout_s
        if head.expects_continue and not self._buffer:
            self._transport.write(_CONTINUE)

    def _take_body(self) -> bytes | None:
        """The body, once it is whole."""
        if self._chunked is not None:
            return self._chunked.feed(self._buffer)
        length = self._body_length
        if not length:
            return b""
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    # Answering

    def _answer(self, body: bytes) -> None:
        """Start the handler on the request that is now whole."""
        service = self._service
        head = self._head
        assert head is not None  # noqa: S101  (narrows the type)
        self._phase = Phase.ANSWER
        self._chunked = None
        self.deadline = inf
        request = Request(
            method=head.method,
            path=head.path,
            query=head.query,
            headers=head.headers,
            body=body,
            peer=self._peer,
            request_id=new_request_id(),
        )
        task = self._loop.create_task(self._run(request, head))
        service.answers.add(task)
        task.add_done_callback(service.answers.discard)

    async def _run(self, request: Request, head: Head) -> None:
        started = time.perf_counter()
        response = await self._ask_handler(request)
        if response.is_watch:
            self._become_watch()
        sent_bytes = 0
        try:
            sent_bytes = await self._send(response, head, request.request_id)
        except Exception:
            # The head may be out already, so nothing can be said any more but that it is broken.
            _log.exception("answer broke off: request_id=%s path=%s", request.request_id, request.path)
            self._transport.abort()
        finally:
            took_s = time.perf_counter() - started
            self._log_access(head, response, sent_bytes, took_s, request.request_id)
        self._watch = None
        self._next_request()

    def _become_watch(self) -> None:
        """This answer goes on until its client leaves: it is no request in flight, and is then cancelled."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (narrows the type)
        service = self._service
        service.answers.discard(task)
        service.watches.add(task)
        task.add_done_callback(service.watches.discard)
        self._watch = task
        if self._phase is Phase.CLOSED:
            task.cancel()

    async def _ask_handler(self, request: Request) -> Response:
        service = self._service
        if len(service.answers) > self._limits.requests:
            busy = HTTPServiceUnavailable(
                message="The server has too many requests in flight. Try again later."
            )
            return refusal_response(busy)
        try:
            return await service.handler(request)
        except Refusal as refusal:
            return refusal_response(refusal)
        except Exception:
            _log.exception("handler failed: request_id=%s path=%s", request.request_id, request.path)
            return refusal_response(HTTPInternalServerError())

    async def _send(self, response: Response, head: Head, request_id: str) -> int:
        """Write the answer as fast as the client takes it; how many bytes of body went out."""
        if self._service.is_draining:
            self._keep_alive = False
        body = response.body
        if isinstance(body, bytes):
            framing = "" if has_no_body(response.status) else f"Content-Length: {len(body)}\r\n"
            data = self._encode_head(response, head, request_id, framing)
            if head.method == "HEAD" or has_no_body(response.status):
                body = b""
            self._write(data + body)
            await self._until_writable()
            return len(body)

        try:
            return await self._send_stream(response, head, request_id)
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()

    async def _send_stream(self, response: Response, head: Head, request_id: str) -> int:
        # HTTP/1.0 knows no chunks: there the end of the connection is the end of the body.
        is_chunked = not head.is_http_1_0
        self._keep_alive = self._keep_alive and is_chunked
        framing = "Transfer-Encoding: chunked\r\n" if is_chunked else ""
        self._write(self._encode_head(response, head, request_id, framing))
        sent_bytes = 0
        if head.method == "HEAD":
            return sent_bytes
        assert not isinstance(response.body, bytes)  # noqa: S101  (narrows the type)
        async for part in response.body:
            if self._phase is Phase.CLOSED:
                return sent_bytes
            if part:  # an empty chunk would end the body
                self._write(b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part)
                sent_bytes += len(part)
            await self._until_writable()
        if is_chunked:
            self._write(b"0\r\n\r\n")
            await self._until_writable()
        return sent_bytes

    def _encode_head(self, response: Response, head: Head, request_id: str, framing: str) -> bytes:
        if not self._keep_alive:
            connection = "Connection: close\r\n"
        elif head.is_http_1_0:
            connection = "Connection: keep-alive\r\n"
        else:
            connection = ""
        return self._service.heads.head(response, request_id, framing=framing, connection=connection)

    def _next_request(self) -> None:
        """After an answer: on to the next request, or close."""
        if self._phase is not Phase.ANSWER:
            return
        if not self._keep_alive:
            self._close()
            return
        self._phase = Phase.HEAD
        self._head = None
        self.deadline = self._loop.time() + self._limits.idle_timeout_s
        if not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()
        if self._buffer:
            self._advance()
        if self._service.is_draining:
            self.close_if_idle()

    # Refusing and closing

    def _refuse(self, refusal: Refusal) -> None:
        """Answer a request that never reaches the handler, and read no more requests from this connection."""
        head = self._head
        request_id = new_request_id()
        response = refusal_response(refusal)
        assert isinstance(response.body, bytes)  # noqa: S101  (narrows the type)
        body = b"" if head is not None and head.method == "HEAD" else response.body
        framing = f"Content-Length: {len(response.body)}\r\n"
        data = self._service.heads.head(
            response, request_id, framing=framing, connection="Connection: close\r\n"
        )
        self._write(data + body)
        self._log_access(head, response, len(body), 0.0, request_id)
        self._linger()

    def _linger(self) -> None:
        """End our side, and read over what still comes.

        Closing at once would answer that with a reset, which can take our answer away before the client has
        read it (RFC 9112, 9.6).
        """
        self._phase = Phase.LINGER
        self._buffer.clear()
        self.deadline = self._loop.time() + self._limits.linger_s
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _close(self) -> None:
        """Close once all is written, which a client may delay only for so long."""
        self._phase = Phase.LINGER
        self.deadline = self._loop.time() + self._limits.write_timeout_s
        self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._phase is not Phase.CLOSED:
            self._transport.write(data)

    async def _until_writable(self) -> None:
        if self._writable is not None:
            await self._writable

    def _wake_writer(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _watch_progress(self) -> None:
        self._unsent_bytes = self._transport.get_write_buffer_size()
        if self._phase is Phase.ANSWER:
            self.deadline = self._loop.time() + self._limits.write_timeout_s

    def _log_access(
        self, head: Head | None, response: Response, size_bytes: int, took_s: float, request_id: str
    ) -> None:
        self._service.access_log.add(
            AccessRecord(
                peer=self._peer.address,
                method=head.method if head else "-",
                path=head.path if head else "-",
                status=response.status,
                size_bytes=size_bytes,
                took_ms=took_s * 1000,
                project_id=response.project_id,
                request_id=request_id,
            )
        )


def _peer(transport: asyncio.BaseTransport) -> Peer:
    is_tls = transport.get_extra_info("sslcontext") is not None
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        # unix(7), SO_PEERCRED: pid, uid and gid of the process at the other end when it connected
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", credentials)
        return Peer(address=f"unix:uid={uid}", is_unix=True, is_tls=is_tls, uid=uid)
    name = transport.get_extra_info("peername")
    host, port = (name[0], name[1]) if name else ("?", 0)
    return Peer(address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}", is_tls=is_tls)
