"""How long a small request takes until its answer is there: by UDP, and by TCP on one connection.

`Answerer(...)` is what answers, in a namespace; `measure(...)` asks from another. Both are processes of their
own: `python -m bench.rig.turnaround answer ADDRESS`, and `… ask ADDRESS COUNT`.
"""

import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import msgspec
from msgspec import Struct

PORT = 7007
REQUEST = b"x" * 64
READ_BYTES = 4096
LOST_S = 1.0
WARM_UP = 50
ENDED_S = 10.0


class Times(Struct, frozen=True, kw_only=True):
    """Microseconds."""

    udp_median_us: float
    udp_p99_us: float
    tcp_median_us: float
    tcp_p99_us: float


class Answerer:
    """Answers at `address` while the context lasts; `enter` is the command line that enters its namespace."""

    def __init__(self, enter: Sequence[str], address: str) -> None:
        self._argv = [*enter, sys.executable, "-m", "bench.rig.turnaround", "answer", address]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def __exit__(self, *failure: object) -> None:
        self._process.kill()
        self._process.communicate(timeout=ENDED_S)


def measure(enter: Sequence[str], address: str, count: int) -> Times:
    """Ask so often, by each protocol, from the namespace that `enter` enters."""
    argv = [*enter, sys.executable, "-m", "bench.rig.turnaround", "ask", address, str(count)]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Times)


def answer(address: str) -> None:
    """Send back whatever comes, until killed."""
    selector = selectors.DefaultSelector()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((address, PORT))
    connections = socket.create_server((address, PORT))
    for each in (datagrams, connections):
        selector.register(each, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            sock = key.fileobj
            if sock is connections:
                connection, _ = connections.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ)
            elif sock is datagrams:
                data, sender = datagrams.recvfrom(READ_BYTES)
                datagrams.sendto(data, sender)
            elif data := sock.recv(READ_BYTES):
                sock.sendall(data)
            else:
                selector.unregister(sock)
                sock.close()


def ask(address: str, count: int) -> Times:
    """Ask so often, by each protocol."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(LOST_S)
        datagrams.connect((address, PORT))
        udp = _times(lambda: _datagram(datagrams), count)
    with socket.create_connection((address, PORT)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tcp = _times(lambda: _round_trip(connection), count)
    return Times(
        udp_median_us=median(udp), udp_p99_us=_p99(udp), tcp_median_us=median(tcp), tcp_p99_us=_p99(tcp)
    )


def _datagram(datagrams: socket.socket) -> None:
    datagrams.send(REQUEST)
    datagrams.recv(READ_BYTES)


def _round_trip(connection: socket.socket) -> None:
    connection.sendall(REQUEST)
    left = len(REQUEST)
    while left:
        left -= len(connection.recv(left))


def _times(once: Callable[[], None], count: int) -> list[float]:
    taken = []
    for number in range(WARM_UP + count):
        began = time.perf_counter_ns()
        once()
        if number >= WARM_UP:
            taken.append((time.perf_counter_ns() - began) / 1000)
    return taken


def _p99(values: list[float]) -> float:
    return sorted(values)[-(-len(values) * 99 // 100) - 1]


def main() -> None:
    """Answer, or ask."""
    if sys.argv[1] == "answer":
        answer(sys.argv[2])
    sys.stdout.buffer.write(msgspec.json.encode(ask(sys.argv[2], int(sys.argv[3]))))


if __name__ == "__main__":
    main()
