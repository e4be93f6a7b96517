"""HTTP/1.1 as the agent needs it: requests with JSON over kept connections, and one endless answer.

Only what a server of the Networking API sends is understood: a length, or chunks.

Source: RFC 9112.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Protocol

from msgspec import Struct

from ovnest.agent.errors import ApiUnreachable

CONNECT_TIMEOUT_S = 2.0
CONNECTIONS = 8
LINE_BYTES = 1 << 16
BODY_BYTES = 64 << 20


class Endpoint(Struct, frozen=True, kw_only=True):
    """Where the API is: a host and port, or the path of a Unix socket.

    `tls` looks at the server's certificate after the handshake; None: without TLS.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    tls: "Trust | None" = None

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class Trust(Protocol):
    """How a server proves who it is."""

    def context(self) -> ssl.SSLContext: ...

    def check(self, connection: ssl.SSLObject, host: str) -> None:
        """Raises ssl.SSLError if the server is another than the trusted one."""


class Request(Struct, frozen=True, kw_only=True):
    """A request; `body` is JSON already."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Reply(Struct, frozen=True, kw_only=True):
    """An answer, whole."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection, one request at a time."""

    def __init__(
        self, endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._writer = writer
        self.reusable = True

    @classmethod
    async def open(cls, endpoint: Endpoint) -> "Connection":
        """Raises ApiUnreachable, not in doubt."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                reader, writer = await _connect(endpoint)
        except TimeoutError:
            raise ApiUnreachable(f"{endpoint} takes no connection", in_doubt=False) from None
        except OSError as error:
            raise ApiUnreachable(f"{endpoint}: {error.strerror or error}", in_doubt=False) from error
        connection = cls(endpoint, reader, writer)
        if endpoint.tls is not None:
            try:
                endpoint.tls.check(writer.get_extra_info("ssl_object"), endpoint.host)
            except ssl.SSLError as error:
                connection.close()
                raise ApiUnreachable(f"{endpoint}: {error}", in_doubt=False) from error
        return connection

    def close(self) -> None:
        self.reusable = False
        self._writer.close()

    @property
    def usable(self) -> bool:
        """Whether the server has not closed it, as far as we have heard."""
        return self.reusable and not self._reader.at_eof() and not self._writer.is_closing()

    async def send(self, request: Request) -> None:
        lines = [
            f"{request.method} {request.target} HTTP/1.1",
            f"Host: {self._endpoint.host or 'localhost'}",
            *(f"{name}: {value}" for name, value in request.headers),
        ]
        if request.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(request.body)}"]
        self._writer.write("\r\n".join((*lines, "", "")).encode() + request.body)
        await self._writer.drain()

    async def receive(self) -> Reply:
        """The answer to what was sent."""
        status, headers = await self.receive_head()
        body = bytearray()
        async for part in self.receive_body(status, headers):
            body += part
            if len(body) > BODY_BYTES:
                self.close()
                raise ApiUnreachable(f"{self._endpoint} answers without end", in_doubt=True)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Reply(status=status, headers=headers, body=bytes(body))

    async def receive_head(self) -> tuple[int, dict[str, str]]:
        """The status, and the headers by their names in small letters."""
        line = await self._line()
        parts = line.split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise ConnectionError(f"that is no HTTP: {line[:60]!r}")
        headers = {}
        while line := await self._line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(parts[1]), headers

    async def receive_body(self, status: int, headers: dict[str, str]) -> AsyncIterator[bytes]:
        """The body in the pieces it comes in."""
        if status in (204, 304):
            return
        if "chunked" in headers.get("transfer-encoding", "").lower():
            while size := int((await self._line()).partition(";")[0], 16):
                yield await self._reader.readexactly(size)
                await self._line()
            while await self._line():
                pass
        elif "content-length" in headers:
            yield await self._reader.readexactly(int(headers["content-length"]))
        else:
            self.reusable = False
            while part := await self._reader.read(LINE_BYTES):
                yield part

    async def _line(self) -> str:
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the server has closed the connection")
        return line.decode("latin-1").rstrip("\r\n")


async def _connect(endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if endpoint.path:
        return await asyncio.open_unix_connection(endpoint.path, limit=LINE_BYTES)
    context = endpoint.tls.context() if endpoint.tls is not None else None
    return await asyncio.open_connection(endpoint.host, endpoint.port, ssl=context, limit=LINE_BYTES)


class Pool:
    """Connections to one endpoint: at most so many at once, kept while they are not used."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[Connection] = []

    async def ask(self, request: Request, timeout_s: float) -> Reply:
        """Send `request` once, and give its answer.

        Raises:
            ApiUnreachable: there was none within that time; it says whether the request may have been heard.
        """
        async with self._places:
            connection = self._kept()
            fresh = connection is None
            if connection is None:
                connection = await Connection.open(self.endpoint)
            try:
                async with asyncio.timeout(timeout_s):
                    await connection.send(request)
                    reply = await connection.receive()
            except TimeoutError:
                connection.close()
                raise ApiUnreachable(
                    f"{self.endpoint} has not answered within {timeout_s:.1f} s", in_doubt=True
                ) from None
            except (OSError, EOFError, ValueError) as error:
                connection.close()
                why = "" if fresh else " (on a kept connection)"
                raise ApiUnreachable(
                    f"{self.endpoint}: no answer, {error or type(error).__name__}{why}", in_doubt=True
                ) from error
            except BaseException:
                connection.close()
                raise
            if connection.usable:
                self._idle.append(connection)
            return reply

    def close(self) -> None:
        while self._idle:
            with suppress(OSError):
                self._idle.pop().close()

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None
