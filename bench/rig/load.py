"""Load over HTTP from a process of its own: many clients, each with one connection kept alive.

`Load(...)` is the process's handle; `python -m bench.rig.load` the process. An order goes in as a line of
JSON, what was measured comes back as one. Requests are encoded before the clock runs.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import median, quantiles
from typing import cast

import msgspec
import uvloop
from msgspec import Struct

from bench.rig import cores

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED_END = b"\r\n0\r\n\r\n"
ROUND_TIMEOUT_S = 300.0


class Request(Struct, frozen=True):
    """One request; an empty body means none."""

    method: str
    path: str
    body: str = ""


class Order(Struct, frozen=True, kw_only=True):
    """What to do: these requests at this port, over so many connections."""

    port: int
    clients: int
    requests: Sequence[Request]
    keep_bodies: bool = False


class Round(Struct, frozen=True, kw_only=True):
    """What was measured. `bodies` are the answers', if they were to be kept, in no particular order.

    `began` is when the first request was sent (`time.monotonic`), all connections being there already.
    """

    began: float
    seconds: float
    count: int
    statuses: dict[int, int]
    median_ms: float
    p99_ms: float
    worst_ms: float
    client_cpu_s: float
    bodies: list[str]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.count / self.seconds


class Load:
    """The load's process: `with Load() as load: load.run(port, requests, clients=16)`."""

    def __init__(self, *, on: Iterable[int] = cores.SECOND) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.rig.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        cores.pin(self._process.pid, on)

    def run(
        self,
        port: int,
        requests: Sequence[Request],
        *,
        clients: int = 1,
        expect: int = 200,
        keep_bodies: bool = False,
    ) -> Round:
        """Have the requests made.

        Raises:
            AssertionError: an answer had another status than expected.
        """
        order = Order(port=port, clients=clients, requests=requests, keep_bodies=keep_bodies)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the load has ended"
        done = msgspec.json.decode(answer, type=Round, strict=False)
        assert set(done.statuses) == {expect}, f"{done.statuses} {done.bodies[:3]}"
        return done

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *failure: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class _Client(asyncio.Protocol):
    """One client: sends a request, reads the answer, sends the next."""

    def __init__(self, work: "_Work") -> None:
        self._work = work
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def next(self) -> None:
        """Send the next request, if there is one."""
        request = next(self._work.requests, None)
        if request is None:
            self._work.one_has_ended()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        head = buffer.find(HEAD_END)
        if head < 0:
            return
        length = LENGTH.search(buffer, 0, head)
        if length is not None:
            if len(buffer) < head + 4 + int(length[1]):
                return
        elif buffer[9:12] != b"204" and not buffer.endswith(CHUNKED_END):
            return
        self._work.answered(time.perf_counter() - self._sent, int(buffer[9:12]), buffer[head + 4 :])
        self._buffer = b""
        self.next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._work.done.done():
            self._work.done.set_exception(error or ConnectionError("the server closed a connection"))


class _Work:
    """What the clients of one order share."""

    def __init__(self, order: Order) -> None:
        self.requests: Iterator[bytes] = iter([_encoded(request) for request in order.requests])
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.bodies: list[str] = []
        self._keep = order.keep_bodies
        self._running = order.clients

    def answered(self, seconds: float, status: int, body: bytes) -> None:
        self.latencies.append(seconds)
        self.statuses[status] += 1
        if self._keep or (status >= 400 and len(self.bodies) < 3):
            self.bodies.append(body.decode())

    def one_has_ended(self) -> None:
        self._running -= 1
        if not self._running and not self.done.done():
            self.done.set_result(None)


def _encoded(request: Request) -> bytes:
    body = request.body.encode()
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        f"User-Agent: python-neutronclient\r\n"
    )
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def _run(order: Order) -> Round:
    loop = asyncio.get_running_loop()
    work = _Work(order)
    clients = []
    for _ in range(order.clients):
        _, client = await loop.create_connection(lambda: _Client(work), "127.0.0.1", order.port)
        clients.append(client)
    began, cpu_began = time.monotonic(), time.process_time()
    for client in clients:
        client.next()
    async with asyncio.timeout(ROUND_TIMEOUT_S):
        await work.done
    seconds, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
    for client in clients:
        client._transport.abort()
    milliseconds = [latency * 1000 for latency in work.latencies]
    return Round(
        began=began,
        seconds=seconds,
        count=len(milliseconds),
        statuses=dict(work.statuses),
        median_ms=median(milliseconds),
        p99_ms=quantiles(milliseconds, n=100)[98] if len(milliseconds) > 1 else milliseconds[0],
        worst_ms=max(milliseconds),
        client_cpu_s=cpu_s,
        bodies=work.bodies,
    )


def main() -> None:
    """Carry out the orders that come in, until there are no more."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            order = msgspec.json.decode(line, type=Order)
            sys.stdout.buffer.write(msgspec.json.encode(runner.run(_run(order))) + b"\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
