"""HTTP/1.1 on the wire, against the real server: framing, limits, deadlines, smuggling, streams, draining."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ovnest.api.access_log import AccessLog
from ovnest.api.limits import Limits
from ovnest.api.listener import Listener, TcpEndpoint, UnixEndpoint
from ovnest.api.requests import Request
from ovnest.api.responses import Response, json_response
from tests.api.wire import PATIENCE_S, RawClient, echo, heard, serving, until

GET = b"GET /v2.0/ports HTTP/1.1\r\nHost: api\r\n\r\n"
MIB = 1024 * 1024


def post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /v2.0/ports HTTP/1.1", b"Host: api", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", headers: tuple[bytes, ...] = ()) -> bytes:
    lines = [b"POST /v2.0/ports HTTP/1.1", b"Host: api", b"Transfer-Encoding: chunked", *headers]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"\r\n".join(lines) + b"\r\n\r\n" + framed + end


# Reading requests


async def test_a_request_is_understood_whole() -> None:
    async with serving(echo) as wire:
        answer = await wire.ask(
            b"PUT /v2.0/ports/a%20%C3%A4.json?name=x%26y&name=&fields=id HTTP/1.1\r\nHost: api\r\n"
            b"Content-Type: application/json\r\nX-Any:  a \r\nx-any: b\r\nContent-Length: 2\r\n\r\n{}"
        )
        request = heard(answer)
    assert request["method"] == "PUT"
    assert request["path"] == "/v2.0/ports/a ä.json"
    assert request["query"] == [["name", "x&y"], ["name", ""], ["fields", "id"]]
    assert request["headers"] == {
        "host": "api",
        "content-type": "application/json",
        "x-any": "a, b",
        "content-length": "2",
    }
    assert request["body"] == "{}"
    assert request["request_id"] == answer.headers["x-openstack-request-id"]


async def test_a_request_may_come_byte_by_byte() -> None:
    async with serving(echo) as wire, await wire.connect() as client:
        for byte in b"\r\n" + chunked(b"hello ", b"world", end=b"0\r\nTrailer: x\r\n\r\n"):
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert heard(await client.answer())["body"] == "hello world"


async def test_a_connection_serves_many_requests_of_all_kinds() -> None:
    async with serving(echo) as wire, await wire.connect() as client:
        for _ in range(3):
            assert heard(await client.ask(GET))["method"] == "GET"
            assert heard(await client.ask(post(b"abc")))["body"] == "abc"
            assert heard(await client.ask(chunked(b"ab", b"c")))["body"] == "abc"
            head = await client.ask(GET.replace(b"GET", b"HEAD"), is_head=True)
            assert int(head.headers["content-length"]) > 0


async def test_pipelined_requests_are_answered_in_order_and_one_at_a_time() -> None:
    running = 0

    async def handler(request: Request) -> Response:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0)
        running -= 1
        return await echo(request)

    count = 200
    requests = [chunked(b"n", b"%d" % n) if n % 2 else post(b"n%d" % n) for n in range(count)]
    async with serving(handler) as wire, await wire.connect() as client:
        await client.send(b"".join(requests))
        for n in range(count):
            assert heard(await client.answer())["body"] == f"n{n}"


async def test_a_client_that_pipelines_without_end_is_not_read_without_end() -> None:
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        return await echo(request)

    async with serving(handler) as wire, await wire.connect() as client:
        sending = asyncio.create_task(client.send(GET * 400_000))  # 17 MB: more than all socket buffers
        done, _ = await asyncio.wait({sending}, timeout=0.5)
        assert not done
        connection = next(iter(wire.listener._service.connections))
        assert len(connection._buffer) < MIB
        client.writer.transport.abort()
        release.set()
        await asyncio.gather(sending, return_exceptions=True)
        await until("all connections gone", lambda: wire.listener.connections == 0)


@pytest.mark.parametrize(
    ("head", "stays"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", True),
    ],
)
async def test_a_connection_stays_open_exactly_when_it_was_asked_to(head: bytes, stays: bool) -> None:
    async with serving(echo) as wire, await wire.connect() as client:
        heard(await client.ask(head))
        if stays:
            heard(await client.ask(GET))
        else:
            assert await client.is_closed()


async def test_a_whole_url_as_target_overrules_the_host_header() -> None:
    async with serving(echo) as wire:
        request = heard(
            await wire.ask(b"GET http://real.example.org/v2.0?a=1 HTTP/1.1\r\nHost: other\r\n\r\n")
        )
    assert (request["path"], request["query"]) == ("/v2.0", [["a", "1"]])
    assert request["headers"] == {"host": "real.example.org"}


async def test_a_client_that_ends_its_side_still_gets_its_answer() -> None:
    async with serving(echo) as wire, await wire.connect() as client:
        client.writer.write(GET)
        client.writer.write_eof()
        heard(await client.answer())
        assert await client.is_closed()


# What is refused


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
        chunked(headers=(b"Transfer-Encoding: chunked",)),
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Project-Id: a\r\nX-Project-Id: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?a=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT api:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"SPAM / HTTP/1.1\r\nHost: x\r\n\r\n",
        chunked(end=b"-1\r\n\r\n"),
        chunked(end=b"0x1\r\na\r\n0\r\n\r\n"),
        chunked(end=b"+1\r\na\r\n0\r\n\r\n"),
        chunked(end=b"1 \r\na\r\n0\r\n\r\n"),
        chunked(end=b" 1\r\na\r\n0\r\n\r\n"),
        chunked(end=b"1_0\r\na\r\n0\r\n\r\n"),
        chunked(end=b"\r\na\r\n0\r\n\r\n"),
        chunked(end=b"g\r\na\r\n0\r\n\r\n"),
        chunked(end=b"1\r\nabc\r\n0\r\n\r\n"),
        chunked(end=b"3\r\na\r\n0\r\n\r\n"),
        chunked(end=b"1\r\naXX0\r\n\r\n"),
        chunked(end=b"1;\x00\r\na\r\n0\r\n\r\n"),
        chunked(end=b"1\n;x\r\na\r\n0\r\n\r\n"),
        chunked(end=b"0\r\nno colon\r\n\r\n"),
        chunked(end=b"1;" + b"x" * 2000 + b"\r\na\r\n0\r\n\r\n"),
        chunked(end=b"1" * 2000),
        chunked(end=b"0\r\n" + b"A: b\r\n" * 2000 + b"\r\n"),
        chunked(*[b"x"] * 17_000),
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_is_400_and_its_connection_ends(data: bytes) -> None:
    async with serving(echo, Limits(body_timeout_s=60, linger_s=0.2)) as wire, await wire.connect() as client:
        answer = await client.ask(data)
        assert answer.status == 400, answer
        assert answer.error()[0] == "HTTPBadRequest"
        assert await client.is_closed()
        assert sum('" 400 ' in line for line in wire.log) == 1


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        (post(b"x", b"Content-Encoding: gzip"), 415, "HTTPUnsupportedMediaType"),
        (post(b"x", b"Expect: 200-ok"), 417, "HTTPExpectationFailed"),
        (chunked(headers=(b"X: y",)).replace(b": chunked", b": gzip, chunked"), 501, "HTTPNotImplemented"),
        (b"GET / HTTP/0.9\r\n\r\n", 505, "HTTPVersionNotSupported"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTPVersionNotSupported"),
    ],
)
async def test_what_is_not_done_here_is_said_by_its_status(data: bytes, status: int, kind: str) -> None:
    async with serving(echo) as wire, await wire.connect() as client:
        answer = await client.ask(data)
        assert (answer.status, answer.error()[0]) == (status, kind)


async def test_a_body_named_identity_is_taken() -> None:
    async with serving(echo) as wire:
        assert heard(await wire.ask(post(b"x", b"Content-Encoding: identity")))["body"] == "x"


@pytest.mark.parametrize("is_complete", [True, False])
async def test_a_head_over_64_kib_is_431_and_one_of_just_that_size_is_taken(is_complete: bool) -> None:
    start = b"GET / HTTP/1.1\r\nHost: x\r\nA: "
    fits = start + b"a" * (64 * 1024 - len(start) - 4) + b"\r\n\r\n"
    over = fits.replace(b"A: ", b"A: a") if is_complete else start + b"a" * (64 * 1024)
    async with serving(echo) as wire:
        heard(await wire.ask(fits))
        answer = await wire.ask(over)
    assert (answer.status, answer.error()[0]) == (431, "HTTPRequestHeaderFieldsTooLarge")


async def test_too_many_headers_are_431() -> None:
    async with serving(echo) as wire:
        answer = await wire.ask(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 256 + b"\r\n")
    assert answer.status == 431


async def test_a_body_of_1_mib_is_taken_and_a_larger_one_is_413_before_it_is_sent() -> None:
    async with serving(echo) as wire:
        assert heard(await wire.ask(post(b"x" * MIB)))["body"] == "x" * MIB
        assert heard(await wire.ask(chunked(*[b"x" * 4096] * 256)))["body"] == "x" * MIB
        announced = await wire.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n")
        chunk = await wire.ask(chunked(b"x" * MIB, end=b"1\r\n"))
        huge_chunk = await wire.ask(chunked(end=b"ffffffff\r\n"))
    for answer in (announced, chunk, huge_chunk):
        assert (answer.status, answer.error()[0]) == (413, "HTTPRequestEntityTooLarge")


async def test_a_client_that_sends_on_regardless_still_reads_why_it_was_refused() -> None:
    async with serving(echo) as wire, await wire.connect() as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n" + b"x" * 4 * MIB)
        assert (await client.answer()).status == 413


async def test_a_refused_client_that_never_stops_is_cut_off() -> None:
    async with serving(echo, Limits(linger_s=60)) as wire, await wire.connect() as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n")
        assert (await client.answer()).status == 413
        with pytest.raises(ConnectionError):
            await client.send(b"x" * 64 * MIB)
        await until("gone", lambda: wire.listener.connections == 0)


async def test_expect_100_continue_is_answered_before_the_body_and_refused_before_the_body() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
    async with serving(echo) as wire:
        async with await wire.connect() as client:
            assert (await client.ask(head + b"3\r\n\r\n")).status == 100
            assert heard(await client.ask(b"abc"))["body"] == "abc"
        assert (await wire.ask(head + b"1048577\r\n\r\n")).status == 413
        async with await wire.connect() as client:  # who sends the body at once needs no word
            assert heard(await client.ask(head + b"3\r\n\r\nabc"))["body"] == "abc"


# Slow senders and slow readers


async def test_a_slow_head_is_408_however_steadily_it_drips() -> None:
    async with serving(echo, Limits(head_timeout_s=0.3)) as wire, await wire.connect() as client:
        started = asyncio.get_running_loop().time()
        await client.send(b"GET / HTTP/1.1\r\n")
        answering = asyncio.create_task(client.answer())
        while not answering.done():
            await client.send(b"A: b\r\n")
            await asyncio.wait({answering}, timeout=0.05)
        answer = await answering
        took_s = asyncio.get_running_loop().time() - started
    assert (answer.status, answer.error()[0]) == (408, "HTTPRequestTimeout")
    assert 0.2 < took_s < PATIENCE_S


@pytest.mark.parametrize("data", [post(b"abcdef")[:-1], chunked(b"abc", end=b"")])
async def test_a_slow_body_is_408(data: bytes) -> None:
    async with serving(echo, Limits(body_timeout_s=0.2)) as wire:
        answer = await wire.ask(data)
    assert (answer.status, answer.error()[0]) == (408, "HTTPRequestTimeout")


async def test_a_client_that_says_nothing_is_dropped_without_a_word() -> None:
    limits = Limits(head_timeout_s=0.2, idle_timeout_s=0.2)
    async with serving(echo, limits) as wire:
        async with await wire.connect() as silent:
            assert await silent.is_closed()
        async with await wire.connect() as client:
            heard(await client.ask(GET))
            assert await client.is_closed()
        assert len(wire.log) == 1


async def test_a_reader_that_takes_nothing_is_cut_off_and_its_stream_ended() -> None:
    ended = asyncio.Event()

    async def without_end() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            ended.set()

    async def handler(request: Request) -> Response:
        return Response(status=200, body=without_end())

    limits = Limits(write_timeout_s=0.2)
    async with serving(handler, limits) as wire, await wire.connect(receive_bytes=4096) as client:
        await client.send(GET)
        await asyncio.wait_for(ended.wait(), PATIENCE_S)
        await until("gone", lambda: wire.listener.connections == 0)


async def test_a_reader_that_takes_the_answer_slowly_gets_all_of_it() -> None:
    size = 36 * MIB  # more than all socket buffers

    async def handler(request: Request) -> Response:
        return Response(status=200, body=b"x" * size)

    limits = Limits(write_timeout_s=0.3)
    async with serving(handler, limits) as wire, await wire.connect(receive_bytes=65536) as client:
        await client.send(GET)
        await client.reader.readuntil(b"\r\n\r\n")
        for _ in range(12):
            assert len(await client.read(size // 12)) == size // 12
            await asyncio.sleep(0.05)  # in all longer than the bound, each time shorter


# Answers


async def test_a_stream_is_held_back_when_the_client_does_not_read() -> None:
    produced = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal produced
        for _ in range(2000):
            produced += 1
            yield b"x" * 16384

    async def handler(request: Request) -> Response:
        return Response(status=200, body=parts())

    async with serving(handler) as wire, await wire.connect(receive_bytes=4096) as client:
        await client.send(GET)
        await client.read(100)
        last = -1
        while produced != last:  # until it stands still
            last = produced
            await asyncio.sleep(0.1)
        assert 0 < produced < 1000
        rest = 0
        while produced < 2000:
            rest += len(await client.read(65536))
        assert rest > 0


async def test_a_stream_comes_in_chunks_and_the_connection_lives_on() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for part in (b"one ", b"", b"two ", b"three"):
            yield part

    async def handler(request: Request) -> Response:
        return Response(status=200, headers={"Content-Type": "text/plain"}, body=parts())

    async with serving(handler) as wire:
        async with await wire.connect() as client:
            for _ in range(2):
                answer = await client.ask(GET)
                assert (answer.body, answer.headers["transfer-encoding"]) == (b"one two three", "chunked")
            assert (await client.ask(GET.replace(b"GET", b"HEAD"), is_head=True)).status == 200
            assert (await client.ask(GET)).body == b"one two three"
        async with await wire.connect() as client:
            answer = await client.ask(b"GET / HTTP/1.0\r\n\r\n")
            assert answer.body == b"one two three"
            assert "transfer-encoding" not in answer.headers


async def test_a_stream_that_breaks_is_never_taken_for_a_whole_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("the other half is missing")

    async def handler(request: Request) -> Response:
        return Response(status=200, body=parts())

    async with serving(handler) as wire, await wire.connect() as client:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.ask(GET)
    assert "the other half is missing" in caplog.text


async def test_204_has_no_body_and_no_length() -> None:
    async def handler(request: Request) -> Response:
        return Response(status=204)

    async with serving(handler) as wire, await wire.connect() as client:
        for _ in range(2):
            answer = await client.ask(GET)
            assert answer.status == 204
            assert "content-length" not in answer.headers


async def test_a_fault_is_500_with_a_request_id_and_tells_no_internals(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(request: Request) -> Response:
        raise RuntimeError("s3cret detail")

    async with serving(handler) as wire, await wire.connect() as client:
        answer = await client.ask(GET)
        assert answer.status == 500
        assert answer.error() == (
            "HTTPInternalServerError",
            "Request Failed: internal server error while processing your request.",
        )
        assert b"s3cret" not in answer.body
        assert (await client.ask(GET)).status == 500  # the connection lives on
    assert "s3cret detail" in caplog.text
    assert answer.headers["x-openstack-request-id"] in caplog.text


async def test_a_header_of_an_answer_cannot_hold_a_line_break(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> Response:
        return Response(status=200, headers={"X-Any": "a\r\nSet-Cookie: b"})

    async with serving(handler) as wire, await wire.connect() as client:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.ask(GET)
    assert "line break" in caplog.text


async def test_what_was_begun_is_carried_to_its_end_when_the_client_goes() -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        begun.set()
        await go_on.wait()
        done.set()
        return json_response(201, {})

    async with serving(handler) as wire:
        async with await wire.connect() as client:
            await client.send(post(b"{}"))
            await asyncio.wait_for(begun.wait(), PATIENCE_S)
            client.reset()
        await until("the connection is gone", lambda: wire.listener.connections == 0)
        assert wire.listener.requests_in_flight == 1
        go_on.set()
        await asyncio.wait_for(done.wait(), PATIENCE_S)
        await until("logged", lambda: wire.log)
    assert '"POST /v2.0/ports" 201' in wire.log[0]


# Numbers of connections and requests


async def test_past_the_bound_on_connections_a_client_is_told_503() -> None:
    async with serving(echo, Limits(connections=2)) as wire:
        async with await wire.connect() as first, await wire.connect() as second:
            heard(await first.ask(GET))
            heard(await second.ask(GET))
            async with await wire.connect() as third:
                answer = await third.answer()
                assert (answer.status, answer.error()[0]) == (503, "HTTPServiceUnavailable")
                assert answer.headers["retry-after"] == "1"
        await until("room again", lambda: wire.listener.connections == 0)
        heard(await wire.ask(GET))


async def test_past_the_bound_on_requests_in_flight_a_client_is_told_503() -> None:
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        return await echo(request)

    async with serving(handler, Limits(requests=1)) as wire, await wire.connect() as first:
        await first.send(GET)
        await until("one in flight", lambda: wire.listener.requests_in_flight == 1)
        async with await wire.connect() as second:
            assert (await second.ask(GET)).status == 503
            release.set()
            heard(await first.answer())
            heard(await second.ask(GET))


# Draining


async def test_a_drain_ends_requests_in_flight_and_closes_the_idle() -> None:
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        return await echo(request)

    listener = Listener(handler, Limits(), AccessLog(None))
    bound = await listener.listen(TcpEndpoint(host="127.0.0.1", port=0))
    assert isinstance(bound, TcpEndpoint)

    async def connect() -> RawClient:
        return RawClient(*await asyncio.open_connection(bound.host, bound.port))

    async with await connect() as idle, await connect() as busy, await connect() as sending:
        await busy.send(GET)
        await sending.send(post(b"abc")[:-1])
        await until("one in flight", lambda: listener.requests_in_flight == 1)
        draining = asyncio.create_task(listener.drain(timeout_s=PATIENCE_S))
        assert await idle.is_closed()
        with pytest.raises(OSError, match="Connect call failed"):
            await connect()
        assert not draining.done()

        release.set()
        answer = await busy.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert heard(await sending.ask(b"c"))["body"] == "abc"
        assert await draining == 0


async def test_a_drain_has_a_bound_and_says_what_it_cut_off() -> None:
    async def handler(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    listener = Listener(handler, Limits(), AccessLog(None))
    bound = await listener.listen(TcpEndpoint(host="127.0.0.1", port=0))
    assert isinstance(bound, TcpEndpoint)
    async with RawClient(*await asyncio.open_connection(bound.host, bound.port)) as client:
        await client.send(GET)
        await until("one in flight", lambda: listener.requests_in_flight == 1)
        assert await listener.drain(timeout_s=0.1) == 1
        assert await client.is_closed()


# Unix sockets


async def test_a_unix_socket_has_its_mode_and_is_gone_after_the_drain(tmp_path: Path) -> None:
    path = str(tmp_path / "api.sock")
    async with serving(echo, endpoint=UnixEndpoint(path=path, mode=0o600)) as wire:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        heard(await wire.ask(GET))
        assert f"unix:uid={os.getuid()}" in wire.log[0]
    assert os.listdir(tmp_path) == []


async def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "api.sock")
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(path)
    async with serving(echo, endpoint=UnixEndpoint(path=path)) as wire:
        with pytest.raises(OSError, match="in use"):
            await Listener(echo, Limits(), AccessLog(None)).listen(UnixEndpoint(path=path))
        heard(await wire.ask(GET))


# The access log


async def test_the_access_log_has_one_line_a_request_and_no_secrets() -> None:
    secret = b"GET /v2.0/ports%0Aforged?token=s3cret HTTP/1.1\r\nHost: x\r\nX-Auth-Token: s3cret\r\n\r\n"
    async with serving(echo) as wire, await wire.connect() as client:
        answer = await client.ask(secret)
        await client.ask(post(b"s3cret"))
        await until("two lines", lambda: len(wire.log) == 2)
    line = wire.log[0]
    assert line.count("\n") == 1
    assert '"GET /v2.0/ports%0Aforged" 200' in line
    assert "project=p1" in line
    assert line.endswith(answer.headers["x-openstack-request-id"] + "\n")
    assert "s3cret" not in "".join(wire.log)


async def test_the_access_log_can_be_json() -> None:
    async with serving(echo, log_json=True) as wire, await wire.connect() as client:
        answer = await client.ask(GET)
        await until("a line", lambda: wire.log)
    record = json.loads(wire.log[0])
    assert record.keys() == {
        "time", "peer", "method", "path", "status", "size_bytes", "took_ms", "project_id", "request_id",
    }  # fmt: skip
    assert (record["method"], record["path"], record["status"]) == ("GET", "/v2.0/ports", 200)
    assert record["size_bytes"] == len(answer.body)
    assert record["project_id"] == "p1"
    assert 0 < record["took_ms"] < 1000
