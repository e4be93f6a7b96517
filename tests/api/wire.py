"""A real HTTP server on loopback, and a client that sends exactly the bytes it is told to."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import msgspec

from ovnest.api.access_log import AccessLog
from ovnest.api.limits import Limits
from ovnest.api.listener import Endpoint, Listener, TcpEndpoint
from ovnest.api.protocol import Handler
from ovnest.api.requests import Request
from ovnest.api.responses import Response, json_response

PATIENCE_S = 5.0 * float(os.environ.get("OVNEST_TEST_PATIENCE", "1"))


class Answer(msgspec.Struct, frozen=True):
    """What came back: status, headers with names in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def error(self) -> tuple[str, str]:
        """Neutron's type and message, from the only form that an error may have."""
        assert self.headers["content-type"] == "application/json"
        assert self.headers["x-openstack-request-id"].startswith("req-")
        fault = msgspec.json.decode(self.body)
        assert fault.keys() == {"NeutronError"}
        assert fault["NeutronError"].keys() == {"type", "message", "detail"}
        return fault["NeutronError"]["type"], fault["NeutronError"]["message"]


class RawClient:
    """One connection. Every wait has a bound."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), PATIENCE_S)

    async def ask(self, data: bytes, *, is_head: bool = False) -> Answer:
        await self.send(data)
        return await self.answer(is_head=is_head)

    async def answer(self, *, is_head: bool = False) -> Answer:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        status = int(first.split()[1])
        if is_head or status in (100, 204, 304):
            return Answer(status, headers, b"")
        if "content-length" in headers:
            return Answer(status, headers, await self.read(int(headers["content-length"])))
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b"".join([chunk async for chunk in self.chunks()]))
        return Answer(status, headers, await self.rest())

    async def chunks(self) -> AsyncIterator[bytes]:
        while size := int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE_S), 16):
            yield await self.read(size)
            assert await self.read(2) == b"\r\n"
        assert await self.read(2) == b"\r\n"

    async def read(self, size: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(size), PATIENCE_S)

    async def rest(self) -> bytes:
        """All that still comes, until the server closes."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE_S)

    async def is_closed(self) -> bool:
        """Wait until the server closes; nothing may come before."""
        try:
            return await self.rest() == b""
        except ConnectionResetError:
            return True

    def reset(self) -> None:
        """Go away as a killed client does: with a reset, not an orderly end."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):  # the server may have closed first
            await asyncio.wait_for(self.writer.wait_closed(), PATIENCE_S)


class Wire:
    """A server under test."""

    def __init__(self, listener: Listener, endpoint: Endpoint, log: list[str]) -> None:
        self.listener = listener
        self.endpoint = endpoint
        self.log = log

    async def connect(self, *, receive_bytes: int | None = None) -> RawClient:
        """A new connection; with a small receive buffer, the server feels a slow reader."""
        if not isinstance(self.endpoint, TcpEndpoint):
            return RawClient(*await asyncio.open_unix_connection(self.endpoint.path))
        sock = socket.socket()
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (self.endpoint.host, self.endpoint.port))
        return RawClient(*await asyncio.open_connection(sock=sock, limit=receive_bytes or 2**16))

    async def ask(self, data: bytes) -> Answer:
        """Send `data` on a connection of its own; the first answer."""
        async with await self.connect() as client:
            return await client.ask(data)


@contextlib.asynccontextmanager
async def serving(
    handler: Handler,
    limits: Limits | None = None,
    endpoint: Endpoint | None = None,
    *,
    log_json: bool = False,
) -> AsyncIterator[Wire]:
    """`handler` behind a real server, on a port of loopback unless told otherwise."""
    lines: list[str] = []
    listener = Listener(handler, limits or Limits(), AccessLog(lines.append, as_json=log_json))
    bound = await listener.listen(endpoint or TcpEndpoint(host="127.0.0.1", port=0))
    try:
        yield Wire(listener, bound, lines)
    finally:
        await listener.drain(timeout_s=PATIENCE_S)


async def echo(request: Request) -> Response:
    """Says back what it understood."""
    return json_response(
        200,
        {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
            "body": request.body.decode("latin-1"),
            "request_id": request.request_id,
        },
        project_id="p1",
    )


def heard(answer: Answer) -> dict[str, object]:
    """What `echo` understood."""
    assert answer.status == 200, answer
    understood: dict[str, object] = msgspec.json.decode(answer.body)
    return understood


async def until(what: str, probe: object) -> None:
    """Wait until `probe()` is true; fails with what it saw last."""
    assert callable(probe)
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_S
    while not (seen := probe()):
        if loop.time() > end:
            raise AssertionError(f"{what}: not within {PATIENCE_S} s; seen last: {seen!r}")
        await asyncio.sleep(0.005)
