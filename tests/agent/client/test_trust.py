"""Whom the agent trusts: just the certificate that its code names. Real TLS, by openssl's certificates."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ovnest.agent.client.api import Api
from ovnest.agent.client.credential import endpoint, read_code
from ovnest.agent.errors import ApiUnreachable, NotSetUp
from ovnest.sandbox.process import run
from tests.agent.conftest import nobody
from tests.agent_side import certificate

pytestmark = pytest.mark.api
OPENSSL = "/usr/bin/openssl"


@asynccontextmanager
async def server(cert: Path, key: Path) -> AsyncIterator[int]:
    """A server with that certificate, that knows no port; the TCP port that it listens on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def asks(ca: str, port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server there is asked at all; it then says that there is no such port."""
    api = Api(endpoint(f"https://{host}:{port}", ca), nobody, timeout_s=0.5)
    try:
        return await api.find_port("any") is None
    except ApiUnreachable:
        return False
    finally:
        api.close()


async def authority(directory: Path, names: str) -> tuple[Path, Path, Path]:
    """A CA, and a certificate that it signed for `names`, with its key."""
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    cert, key, request = directory / "leaf.pem", directory / "leaf.key", directory / "leaf.csr"
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    await run(OPENSSL, "req", "-x509", *new, "-subj", "/CN=ca", "-keyout", str(ca_key), "-out", str(ca))
    await run(OPENSSL, "req", *new, "-subj", "/CN=leaf", "-keyout", str(key), "-out", str(request))
    extensions = directory / "extensions"
    extensions.write_text(f"subjectAltName={names}\n")
    signing = ("-CA", str(ca), "-CAkey", str(ca_key), "-CAcreateserial", "-extfile", str(extensions))
    await run(OPENSSL, "x509", "-req", "-in", str(request), *signing, "-out", str(cert))
    return ca, cert, key


async def test_the_pinned_certificate_itself_is_trusted_under_any_name(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "server")
    async with server(cert, key) as port:
        assert await asks(cert.read_text(), port)
        assert await asks(cert.read_text(), port, host="localhost")


async def test_another_server_is_not_asked(tmp_path: Path) -> None:
    pinned, _ = certificate(tmp_path, "server")
    cert, key = certificate(tmp_path, "imposter")
    async with server(cert, key) as port:
        assert not await asks(pinned.read_text(), port)


async def test_what_a_pinned_authority_signed_is_trusted_for_its_own_names(tmp_path: Path) -> None:
    ca, cert, key = await authority(tmp_path, "IP:127.0.0.1,DNS:agents.example.org")
    async with server(cert, key) as port:
        assert await asks(ca.read_text(), port)
        assert not await asks(ca.read_text(), port, host="localhost")


def test_what_is_no_code_is_said_to_be_none_and_never_shown() -> None:
    for text in ("", "secret", "ovnest1.secret", "ovnest1.c2VjcmV0.c2ln", "ovnest1.eyJ1cmwiOiJ4In0.c2ln"):
        with pytest.raises(NotSetUp, match="that is no code") as refused:
            read_code(text)
        assert "secret" not in str(refused.value)


def test_the_agent_speaks_to_no_server_without_tls(tmp_path: Path) -> None:
    cert, _ = certificate(tmp_path, "server")
    with pytest.raises(NotSetUp, match="https:// alone"):
        endpoint("http://127.0.0.1:9696", cert.read_text())
    with pytest.raises(NotSetUp, match="no certificate"):
        endpoint("https://127.0.0.1:9697", "a certificate")
