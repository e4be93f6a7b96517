"""TLS at a listener: which certificate it shows, what it refuses, and how long it waits."""

import asyncio
import ssl
from pathlib import Path

import pytest

from ovnest.api.access_log import AccessLog
from ovnest.api.limits import Limits
from ovnest.api.listener import Listener, TcpEndpoint
from ovnest.api.tls import ServerTls, last_certificate
from ovnest.config import BadSetting
from tests.agent_side import certificate
from tests.api.wire import PATIENCE_S, echo

LIMITS = Limits(head_timeout_s=0.2)


def put(pair: tuple[Path, Path], place: tuple[Path, Path]) -> None:
    for source, target in zip(pair, place, strict=True):
        target.write_bytes(source.read_bytes())


async def shown(port: int, *, version: ssl.TLSVersion | None = None) -> bytes:
    """The certificate (DER) that the server shows."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version is not None:
        context.maximum_version = version
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    found = connection.getpeercert(binary_form=True)
    writer.close()
    assert found is not None
    return found


def der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


@pytest.mark.parametrize("kinds", [("ec", "rsa"), ("rsa", "ec"), ("ec", "ec")])
async def test_the_newest_certificate_is_shown_and_a_pair_that_does_not_fit_is_not(
    tmp_path: Path, kinds: tuple[str, str]
) -> None:
    one, two = certificate(tmp_path, "one", kind=kinds[0]), certificate(tmp_path, "two", kind=kinds[1])
    place = tmp_path / "cert.pem", tmp_path / "key.pem"
    put(one, place)
    tls = ServerTls(*place)
    listener = Listener(echo, Limits(), AccessLog(None))
    endpoint = await listener.listen(TcpEndpoint(host="127.0.0.1", port=0), tls.context)
    assert isinstance(endpoint, TcpEndpoint)
    try:
        assert await shown(endpoint.port) == der(one[0])
        place[0].write_bytes(two[0].read_bytes())  # the key comes a moment later
        with pytest.raises(BadSetting, match="cannot be used"):
            tls.reload_if_changed()
        assert await shown(endpoint.port) == der(one[0])
        assert not tls.reload_if_changed()
        put(two, place)
        assert tls.reload_if_changed()
        assert await shown(endpoint.port) == der(two[0])
    finally:
        await listener.drain(PATIENCE_S)


async def test_nothing_older_than_tls_1_3_is_spoken(tmp_path: Path) -> None:
    tls = ServerTls(*certificate(tmp_path, "one"))
    listener = Listener(echo, Limits(), AccessLog(None))
    endpoint = await listener.listen(TcpEndpoint(host="127.0.0.1", port=0), tls.context)
    assert isinstance(endpoint, TcpEndpoint)
    try:
        with pytest.raises(OSError):  # noqa: PT011  an alert, or a reset, whichever arrives first
            await shown(endpoint.port, version=ssl.TLSVersion.TLSv1_2)
        assert await shown(endpoint.port)
    finally:
        await listener.drain(PATIENCE_S)


async def test_who_connects_and_never_shakes_hands_is_cut_off(tmp_path: Path) -> None:
    tls = ServerTls(*certificate(tmp_path, "one"))
    listener = Listener(echo, LIMITS, AccessLog(None))
    endpoint = await listener.listen(TcpEndpoint(host="127.0.0.1", port=0), tls.context)
    assert isinstance(endpoint, TcpEndpoint)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        writer.write(b"\x16\x03\x01")  # a handshake that begins, and no more of it
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        writer.close()
    except ConnectionResetError:
        pass  # cut off as well
    finally:
        await listener.drain(PATIENCE_S)


def test_files_that_are_missing_or_not_a_pair_are_refused(tmp_path: Path) -> None:
    one, two = certificate(tmp_path, "one"), certificate(tmp_path, "two")
    for pair in ((one[0], two[1]), (one[1], one[0]), (tmp_path / "none", one[1])):
        with pytest.raises(BadSetting, match="--tls-cert"):
            ServerTls(*pair)


def test_of_a_chain_the_last_certificate_is_the_one_to_trust(tmp_path: Path) -> None:
    one, two = certificate(tmp_path, "one"), certificate(tmp_path, "two")
    chain = tmp_path / "chain.pem"
    chain.write_text(one[0].read_text() + "between\n" + two[0].read_text())
    assert ssl.PEM_cert_to_DER_cert(last_certificate(chain)) == der(two[0])
    for path in (tmp_path / "none", one[1]):
        with pytest.raises(BadSetting):
            last_certificate(path)
