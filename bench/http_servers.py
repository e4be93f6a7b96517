"""Which HTTP server: what each does with hostile bytes, and how many small requests it answers.

    python bench/http_servers.py [seconds a round]

Each server that is installed is started on a core of its own and is driven from another, with the same
requests, in rounds that alternate; the best round counts. The application is the least that reads a body
and answers 200 bytes of JSON. Ratios are to our own server in the same run. Behaviour is asked with each
server's own limits set as near to ours as its options allow (limits of 64 KiB, 1 MiB and 2 seconds).
"""

import argparse
import asyncio
import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

BODY = b'{"port":' + b'"x"' * 60 + b"}"
CONNECTIONS = 16
GET = (
    b"GET /v2.0/ports/8f2c HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: python-neutronclient\r\n"
    b"Accept: application/json\r\nX-Auth-Token: 0123456789abcdef0123456789abcdef\r\n\r\n"
)
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
PROBES = {
    "head of 70 KiB": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000 + b"\r\n\r\n",
    "body of 2 MiB": POST + b"Content-Length: 2097152\r\n\r\n" + b"x" * 2**21,
    "2 MiB in chunks": POST
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"10000\r\n%b\r\n" % (b"x" * 65536) * 32
    + b"0\r\n\r\n",
    "slow head": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "slow body": POST + b"Content-Length: 10\r\n\r\nabc",
    "length and chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: x\r\n\r\n",
    "chunk size 0x1": POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "chunk size 1_0": POST + b"Transfer-Encoding: chunked\r\n\r\n1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n",
}
PROBE_TIMEOUT_S = 4.0


async def asgi_app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Any
) -> None:
    """What uvicorn, hypercorn and granian serve."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def serve_uvicorn(port: int, parser: str) -> None:
    import_module("uvicorn").run(
        asgi_app, port=port, http=parser, loop="uvloop", access_log=False, log_level="critical",
        h11_max_incomplete_event_size=65536, lifespan="off",
    )  # fmt: skip


def serve_hypercorn(port: int) -> None:
    import uvloop

    config = import_module("hypercorn.config").Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.h11_max_incomplete_size = 65536
    config.read_timeout = 2
    uvloop.run(import_module("hypercorn.asyncio").serve(asgi_app, config))


def serve_granian(port: int) -> None:
    limits = import_module("granian.http").HTTP1Settings(header_read_timeout=2000, max_buffer_size=65536)
    constants = import_module("granian.constants")
    server = import_module("granian").Granian(
        "http_servers:asgi_app",
        address="127.0.0.1",
        port=port,
        interface=constants.Interfaces.ASGI,
        loop=constants.Loops.uvloop,
        log_enabled=False,
        http1_settings=limits,
    )
    server.serve()


def serve_aiohttp(port: int) -> None:
    import uvloop

    web = import_module("aiohttp.web")

    async def handler(request: Any) -> Any:
        await request.read()
        return web.Response(body=BODY, content_type="application/json")

    async def main() -> None:
        app = web.Application(client_max_size=2**20)
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, max_field_size=65536, max_line_size=65536)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()

    uvloop.run(main())


def serve_ovnest(port: int, *, logs: bool) -> None:
    import uvloop

    from ovnest.api.access_log import AccessLog
    from ovnest.api.limits import Limits
    from ovnest.api.listener import Listener, TcpEndpoint
    from ovnest.api.requests import Request
    from ovnest.api.responses import Response

    async def handler(request: Request) -> Response:
        return Response(status=200, headers={"Content-Type": "application/json"}, body=BODY)

    async def main() -> None:
        limits = Limits(head_timeout_s=2, body_timeout_s=2)
        log = tempfile.TemporaryFile("w", buffering=1)  # noqa: SIM115  (as long as the process)
        listener = Listener(handler, limits, AccessLog(log.write if logs else None))
        await listener.listen(TcpEndpoint(host="127.0.0.1", port=port))
        await asyncio.Event().wait()

    uvloop.run(main())


SERVERS: dict[str, tuple[str, Callable[[int], None]]] = {
    "ovnest": ("ovnest", lambda port: serve_ovnest(port, logs=False)),
    "ovnest, access log on": ("ovnest", lambda port: serve_ovnest(port, logs=True)),
    "uvicorn, httptools": ("uvicorn", lambda port: serve_uvicorn(port, "httptools")),
    "uvicorn, h11": ("uvicorn", lambda port: serve_uvicorn(port, "h11")),
    "hypercorn": ("hypercorn", serve_hypercorn),
    "granian": ("granian", serve_granian),
    "aiohttp": ("aiohttp", serve_aiohttp),
}


class Driver(asyncio.Protocol):
    """One connection that always has one request under way."""

    def __init__(self) -> None:
        self.answers = 0
        self._got = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(GET)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._got.endswith(BODY):
            if not self._got.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not an answer: {self._got[:200]!r}")
            self._got = b""
            self.answers += 1
            self._transport.write(GET)


async def drive(port: int, seconds: float) -> float:
    """Answers a second."""
    loop = asyncio.get_running_loop()
    drivers = [(await loop.create_connection(Driver, "127.0.0.1", port)) for _ in range(CONNECTIONS)]
    before, started = sum(driver.answers for _, driver in drivers), time.perf_counter()
    await asyncio.sleep(seconds)
    took_s = time.perf_counter() - started
    rate = (sum(driver.answers for _, driver in drivers) - before) / took_s
    for transport, _ in drivers:
        transport.abort()
    return rate


def probe(port: int, data: bytes) -> str:
    """The status that `data` is answered with, or how it ends without one."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(PROBE_TIMEOUT_S)
        with contextlib.suppress(ConnectionError):  # a server may stop reading as soon as it refuses
            sock.sendall(data)
        try:
            answer = sock.recv(65536)
        except TimeoutError:
            return "hangs"
        except ConnectionError:
            return "reset"
    return answer.split()[1].decode() if answer else "closed"


@contextlib.contextmanager
def running(name: str, core: int) -> Iterator[int]:
    """The server called `name`, on `core`; its port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parent.parent}"}
    command = ["taskset", "-c", str(core), sys.executable, __file__, "--serve", name, "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seconds", nargs="?", type=float, default=2.0)
    parser.add_argument("--serve", choices=SERVERS)
    parser.add_argument("--port", type=int)
    arguments = parser.parse_args()
    if arguments.serve:
        SERVERS[arguments.serve][1](arguments.port)
        return

    import uvloop

    names = [name for name, (module, _) in SERVERS.items() if importlib.util.find_spec(module)]
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    print(f"servers on core {cores[0]}, requests from core {cores[-1]}, {CONNECTIONS} connections")
    rates: dict[str, float] = {}
    behaviour: dict[str, list[str]] = {}
    for _ in range(3):
        for name in names:
            with running(name, cores[0]) as port:
                if name not in behaviour:
                    behaviour[name] = [probe(port, data) for data in PROBES.values()]
                rate = uvloop.run(drive(port, arguments.seconds))
            rates[name] = max(rates.get(name, 0), rate)

    print("| server | requests/s | of ours | " + " | ".join(PROBES) + " |")
    print("|---|" + "---|" * (len(PROBES) + 2))
    for name in names:
        cells = [f"{rates[name]:,.0f}", f"{rates[name] / rates['ovnest']:.2f}", *behaviour[name]]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
