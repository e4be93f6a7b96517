"""The API asked as fast as a test needs it: asyncio, a connection a request, TCP or a Unix socket.

What comes back is read to the last byte, so half an answer is never taken for a whole one.
"""

import asyncio
import json
import re
import time
from http.client import HTTPException, HTTPResponse
from io import BufferedIOBase, BytesIO
from typing import Any, cast

import msgspec
from msgspec import Struct

from ovnest.sandbox.until import patience
from tests.kinds import BY_NAME, WHOLE, path_of

ANSWER_TIMEOUT_S = 25.0


class NotSent(Exception):
    """Nobody listens; the request was not sent."""


class Lost(Exception):
    """The connection ended before the whole answer was there; what became of the request is not known."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came back; header names are in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes
    took_s: float

    @property
    def body(self) -> Any:
        """The JSON in it; None for an empty one."""
        return json.loads(self.content) if self.content else None

    @property
    def error(self) -> str:
        """Neutron's type, from the only form that an error may have."""
        return self._fault()["type"]

    @property
    def message(self) -> str:
        """What the client is told, from the same form."""
        return self._fault()["message"]

    def _fault(self) -> dict[str, str]:
        assert self.status >= 400, self
        assert self.headers["content-type"] == "application/json", self
        assert self.headers["x-openstack-request-id"].startswith("req-"), self
        fault: dict[str, Any] = msgspec.json.decode(self.content)
        assert fault.keys() == {"NeutronError"}, self
        assert fault["NeutronError"].keys() == {"type", "message", "detail"}, self
        found: dict[str, str] = fault["NeutronError"]
        assert found["type"], self
        assert found["message"], self
        return found


class Http:
    """Requests to one server: `url` as it says it, `http://127.0.0.1:9696` or `unix:/path`.

    `headers` go with every request, beside Host and what a body needs.
    """

    def __init__(self, url: str, **headers: str) -> None:
        self.url = url
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._host = "localhost" if url.startswith("unix:") else url.removeprefix("http://")

    def with_headers(self, **headers: str) -> "Http":
        """The same, with these headers as well."""
        return Http(self.url, **self._headers, **headers)

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Whatever is answered. A body of bytes is sent as it is, anything else as JSON.

        Raises:
            NotSent, Lost: nothing was.
            TimeoutError: it took longer than any request may.
        """
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Host": self._host, "Connection": "close", **self._headers}
        if content:
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        return await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + content, method)

    async def raw(self, data: bytes, method: str = "GET") -> Answer:
        """What is answered to these bytes, the first answer if there are several."""
        began = time.perf_counter()
        async with asyncio.timeout(ANSWER_TIMEOUT_S * patience()):
            reader, writer = await self.connect()
            try:
                writer.write(data)
                received = await _received(reader)
            except ConnectionError as error:
                raise Lost(str(error)) from error
            finally:
                writer.close()
        return _answer(received, method, time.perf_counter() - began)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection, for what needs more than one request on it, or less.

        Raises:
            NotSent: nobody listens.
        """
        try:
            if self.url.startswith("unix:"):
                return await asyncio.open_unix_connection(self.url.removeprefix("unix:"))
            host, _, port = self._host.rpartition(":")
            return await asyncio.open_connection(host.strip("[]"), int(port))
        except (ConnectionError, FileNotFoundError) as error:
            raise NotSent(str(error)) from error

    async def json(self, status: int, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The body of the answer, whose status must be as said."""
        answer = await self(method, path, body, **headers)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.content.decode()[:2000]}"
        return answer.body

    async def create(self, kind: str, **attributes: Any) -> dict[str, Any]:
        """A new `kind` ("port"), as the API shows it; a colon in a name is written `__`."""
        wanted = {name.replace("__", ":"): value for name, value in attributes.items()}
        made = await self.json(201, "POST", path_of(kind), {kind: wanted})
        found: dict[str, Any] = made[kind]
        return found

    async def list(self, kind: str, query: str = "") -> list[dict[str, Any]]:
        listed = await self.json(200, "GET", f"{path_of(kind)}{query}")
        found: list[dict[str, Any]] = listed[BY_NAME[kind].resource.plural]
        return found

    async def clear(self) -> None:
        """Delete everything that there is."""
        for port in await self.list("port", "?fields=id"):
            answer = await self("DELETE", f"/v2.0/ports/{port['id']}?cascade=true")
            assert answer.status in (204, 404), answer  # 404: it went with its parent
        for network in await self.list("network", "?fields=id"):
            await self.json(204, "DELETE", f"/v2.0/networks/{network['id']}")
        for resource in WHOLE:
            for left in await self.list(resource.singular, "?fields=id"):
                await self.json(204, "DELETE", path_of(resource.singular, left["id"]))


async def _received(reader: asyncio.StreamReader) -> bytes:
    """An answer's bytes: as many as it says, which a server that lingers need not close after, or all."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)\r\n", head)
        return head + (await reader.readexactly(int(length[1])) if length else await reader.read())
    except asyncio.IncompleteReadError as error:
        return error.partial


class _Received:
    """What `http.client` reads an answer from."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, mode: str) -> BufferedIOBase:
        return BytesIO(self._received)


def _answer(received: bytes, method: str, took_s: float) -> Answer:
    if not received:
        raise Lost("the server closed the connection without an answer")
    response = HTTPResponse(cast(Any, _Received(received)), method=method)
    try:
        response.begin()
        content = response.read()
    except HTTPException as error:
        raise Lost(f"{error!r} after {received[:200]!r}") from error
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=headers, content=content, took_s=took_s)
