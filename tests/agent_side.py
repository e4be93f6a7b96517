"""What an agent is to a server: requests over TLS with a credential, by nothing but the standard library."""

import asyncio
import json
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from ovnest.sandbox.until import patience, until
from tests.serving import Server

TIMEOUT_S = 15.0
SERVES_AGENTS = re.compile(r"^ovnest serves agents on (\S+)$", re.MULTILINE)


class Answer(Struct, frozen=True, kw_only=True):
    """A status, the headers (names in lower case), and what the body says; None for an empty one."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> str:
        """Neutron's type of the refusal."""
        kind: str = self.body["NeutronError"]["type"]
        return kind


class Event(Struct, frozen=True, kw_only=True):
    """One server-sent event."""

    kind: str
    id: str
    data: Any


def certificate(directory: Path, name: str, *, kind: str = "ec") -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, made by openssl."""
    key, cert = directory / f"{name}.key", directory / f"{name}.pem"
    algorithm = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
    subject = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("-keyout", str(key), "-out", str(cert))
    argv = [
        "/usr/bin/openssl",
        "req",
        "-x509",
        "-newkey",
        *algorithm,
        "-nodes",
        "-days",
        "2",
        *subject,
        *made,
    ]
    subprocess.run(argv, check=True, capture_output=True)
    return cert, key


class AgentSide:
    """The agent listener at `url`, trusted by the certificate in `ca`; asked with `credential`."""

    def __init__(self, url: str, ca: str, credential: str = "") -> None:
        self.url = url
        self.ca = ca
        self.credential = credential

    def holding(self, credential: str) -> "AgentSide":
        """The same with another credential."""
        return AgentSide(self.url, self.ca, credential)

    async def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Whatever is answered."""
        return await asyncio.to_thread(self._ask, method, path, body, headers)

    async def must(self, status: int, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The body of an answer that must have this status."""
        answer = await self(method, path, body, **headers)
        assert answer.status == status, (method, path, answer)
        return answer.body

    async def enroll(self, code: str, nonce: str = "") -> Answer:
        return await self("POST", "/agent/v1/enroll", {"code": code, **({"nonce": nonce} if nonce else {})})

    async def enrolled(self, code: str) -> "AgentSide":
        """The agent that the code made."""
        answer = await self.enroll(code)
        assert answer.status == 201, answer
        return self.holding(answer.body["credential"])

    async def renew(self, nonce: str) -> Answer:
        return await self("POST", "/agent/v1/renew", {"nonce": nonce})

    async def create_port(self, network_id: str, **attributes: Any) -> dict[str, Any]:
        wanted = {"port": {"network_id": network_id, **attributes}}
        port: dict[str, Any] = (await self.must(201, "POST", "/v2.0/ports", wanted))["port"]
        return port

    @asynccontextmanager
    async def events(self, query: str = "", last_id: str = "") -> AsyncIterator["Stream"]:
        """The stream of events, once the server has begun it."""
        where = urlsplit(self.url)
        context = None if where.scheme == "http" else _trusting(self.ca)
        reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=context)
        lines = [f"GET /v2.0/events{query} HTTP/1.1", f"Host: {where.netloc}"]
        if self.credential:
            lines.append(f"Authorization: Bearer {self.credential}")
        if last_id:
            lines.append(f"Last-Event-ID: {last_id}")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            yield await Stream.begun(reader)
        finally:
            writer.transport.abort()

    def _ask(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        where = urlsplit(self.url)
        assert where.hostname is not None
        timeout_s = TIMEOUT_S * patience()
        connection = HTTPSConnection(
            where.hostname, where.port, timeout=timeout_s, context=_trusting(self.ca)
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.credential:
            sent.setdefault("Authorization", f"Bearer {self.credential}")
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body)
            sent["Content-Type"] = "application/json"
        try:
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            said = response.read() if method != "HEAD" else b""
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=found, body=json.loads(said) if said else None)
        finally:
            connection.close()


class Stream:
    """Server-sent events as they come. `status` is 200 where there are any."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: dict[str, str]) -> None:
        self._reader = reader
        self.status = status
        self.headers = headers
        self.last_id = ""
        self._text = ""

    @classmethod
    async def begun(cls, reader: asyncio.StreamReader) -> "Stream":
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT_S * patience())
        first, *lines = head.decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        stream = cls(reader, int(first.split()[1]), headers)
        if stream.status == 200:
            await stream._block()  # what every stream begins with: from here on nothing is missed
        return stream

    async def next(self) -> Event:
        """The next event; comments are passed over.

        Raises:
            asyncio.IncompleteReadError: the server has ended the stream.
            TimeoutError: none comes.
        """
        while True:
            fields = await self._block()
            if "event" in fields:
                return Event(kind=fields["event"], id=self.last_id, data=json.loads(fields["data"]))

    async def has_ended(self) -> bool:
        """Wait until the server ends it; no event may come before."""
        try:
            event = await self.next()
        except asyncio.IncompleteReadError:
            return True
        raise AssertionError(f"the stream goes on: {event}")

    async def _block(self) -> dict[str, str]:
        while "\n\n" not in self._text:
            size = int(await self._line(), 16)
            if size == 0:
                raise asyncio.IncompleteReadError(b"", None)
            data = await asyncio.wait_for(self._reader.readexactly(size + 2), TIMEOUT_S * patience())
            self._text += data[:-2].decode()
        block, self._text = self._text.split("\n\n", 1)
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        self.last_id = fields.get("id", self.last_id)
        return fields

    async def _line(self) -> bytes:
        return await asyncio.wait_for(self._reader.readuntil(b"\r\n"), TIMEOUT_S * patience())


async def url_for_agents(server: Server) -> str:
    """Where that server listens for agents."""

    async def said() -> str:
        found = SERVES_AGENTS.search(server.log.read_text(errors="replace"))
        return found[1] if found else ""

    return await until("the server says where agents go", said)


def _trusting(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
