"""HTTP/1.1 as Docker speaks it to a plugin: POST /<call> with JSON, over a Unix socket that is root's alone.

Source: Docker's plugin API, "Plugin API"; RFC 9112.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

CONTENT_TYPE = "application/vnd.docker.plugins.v1.2+json"
LINE_BYTES = 1 << 14
HEADERS_MAX = 100
BODY_BYTES = 1 << 20
REQUEST_TIMEOUT_S = 10.0
CONNECTIONS = 256

_log = logging.getLogger(__name__)

Answer = Callable[[str, bytes], Awaitable[bytes]]
"""From a call's name and its JSON to the JSON that answers it."""


class NotHttp(Exception):
    """What came is no request that a plugin is sent."""


async def serve(sock: socket.socket, answer: Answer) -> None:
    """Answer requests until cancelled; those under way are then cancelled, too.

    More than `CONNECTIONS` wait in the socket's backlog.
    """
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(CONNECTIONS)
    async with asyncio.TaskGroup() as tasks:
        while True:
            await places.acquire()
            connection, _ = await loop.sock_accept(sock)
            task = tasks.create_task(_converse(connection, answer))
            task.add_done_callback(lambda _: places.release())


async def _converse(connection: socket.socket, answer: Answer) -> None:
    """One request after another, until Docker closes."""
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=LINE_BYTES)
    try:
        while (request := await _receive(reader)) is not None:
            name, body = request
            reply = await answer(name, body)
            writer.write(_head(len(reply)) + reply)
            await writer.drain()
    except (OSError, EOFError, ValueError, TimeoutError, NotHttp) as error:
        _log.warning("event=docker_request_failed reason=%r", error)
    finally:
        writer.close()


async def _receive(reader: asyncio.StreamReader) -> tuple[str, bytes] | None:
    """The next request's path without its slash, and its body; None when there comes none any more."""
    first = await reader.readline()
    if not first:
        return None
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        method, _, rest = first.decode("latin-1").partition(" ")
        if method != "POST" or not rest.startswith("/"):
            raise NotHttp(f"not a plugin's call: {first[:60]!r}")
        headers = await _headers(reader)
        return rest.partition(" ")[0].removeprefix("/"), await _body(reader, headers)


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := (await reader.readline()).decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
        if len(headers) > HEADERS_MAX:
            raise NotHttp("the request has headers without end")
    return headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return await reader.readexactly(_checked(int(headers.get("content-length", "0"))))
    body = b""
    while size := int((await reader.readline()).partition(b";")[0], 16):
        body += await reader.readexactly(_checked(size + len(body)) - len(body))
        await reader.readline()
    await _headers(reader)  # trailers, and the empty line
    return body


def _checked(size: int) -> int:
    if not 0 <= size <= BODY_BYTES:
        raise NotHttp(f"the request's body has {size} bytes")
    return size


def _head(length: int) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {length}\r\n\r\n".encode()
