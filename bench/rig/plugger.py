"""Programs that plug containers, and a ping from each container as soon as its program has ended.

`Plugger(...)` is the handle; `python -m bench.rig.plugger` the process, in the VM's namespace. It starts all
programs of an order at once, as many runtimes and shells do, and pings by a socket that it has in each
container's namespace: no ping(8), which takes milliseconds to start.

Source: RFC 792 (echo); setns(2); pidfd_open(2).
"""

import ctypes
import os
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.rig.checksum import checksum

CLONE_NEWNET = 0x40000000
ICMP, ECHO_REQUEST, ECHO_REPLY = 1, 8, 0
READ_BYTES = 4096
IP_HEADER_WORD_BYTES = 4
DEVICE = "eth0"
NEIGHBOUR_RETRANS_MS = 4
"""The kernel asks again for a silent neighbour after so long: one tick of its clock, instead of 1 s."""


class Job(Struct, frozen=True, kw_only=True):
    """A program to be started, and the namespace that it plugs."""

    argv: Sequence[str]
    environment: dict[str, str]
    stdin: str
    netns: str


class Order(Struct, frozen=True, kw_only=True):
    """Start these at once. `target`: the address to ping, so often; None: ping nothing."""

    jobs: Sequence[Job]
    target: str | None
    interval_s: float
    timeout_s: float


class Outcome(Struct, kw_only=True):
    """What became of a job: seconds since the order began, to its program's end and to the first answer.

    `cpu_s` is what the program and those that it started took the processor.
    """

    ended_s: float = 0.0
    answered_s: float = 0.0
    cpu_s: float = 0.0
    status: int = -1
    output: str = ""


class Plugger:
    """The process in a VM's namespace; `enter` is the command line that enters it."""

    def __init__(self, enter: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*enter, sys.executable, "-m", "bench.rig.plugger"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, order: Order) -> list[Outcome]:
        """Carry an order out.

        Raises:
            AssertionError: a program failed, or a container got no answer in time.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        outcomes = msgspec.json.decode(self._process.stdout.readline(), type=list[Outcome])
        for job, outcome in zip(order.jobs, outcomes, strict=True):
            assert outcome.status == 0, (job.argv, outcome)
            assert order.target is None or outcome.answered_s, f"{job.netns} gets no answer: {outcome}"
        return outcomes

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class _Run:
    """One order being carried out."""

    def __init__(self, order: Order, pings: dict[str, socket.socket]) -> None:
        self._order = order
        self._sockets = [pings[job.netns] for job in order.jobs]
        self._outcomes = [Outcome() for _ in order.jobs]
        self._programs: list[subprocess.Popen[bytes]] = []
        self._pinging: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._began = 0.0

    def carry_out(self) -> list[Outcome]:
        for ping in self._sockets:
            _forget(ping)
        self._began = time.monotonic()
        for number, job in enumerate(self._order.jobs):
            self._start(number, job)
        next_round = 0.0
        end = self._began + self._order.timeout_s
        while self._selector.get_map() and (now := time.monotonic()) < end:
            if now >= next_round:
                for number in self._pinging:
                    self._ping(number)
                next_round = now + self._order.interval_s
            for key, _ in self._selector.select(max(0.0, next_round - now) if self._pinging else 1.0):
                kind, number = key.data
                if kind == "ended":
                    self._ended(number, key.fd)
                else:
                    self._heard(number)
        return self._outcomes

    def _start(self, number: int, job: Job) -> None:
        program = subprocess.Popen(
            job.argv,
            env=job.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._programs.append(program)
        assert program.stdin is not None
        program.stdin.write(job.stdin.encode())
        program.stdin.close()
        self._selector.register(os.pidfd_open(program.pid), selectors.EVENT_READ, ("ended", number))

    def _ended(self, number: int, pidfd: int) -> None:
        outcome, program = self._outcomes[number], self._programs[number]
        outcome.ended_s = time.monotonic() - self._began
        _, status, used = os.wait4(program.pid, 0)
        outcome.status = program.returncode = os.waitstatus_to_exitcode(status)
        outcome.cpu_s = used.ru_utime + used.ru_stime
        assert program.stdout is not None
        outcome.output = program.stdout.read().decode(errors="replace")
        program.stdout.close()
        self._selector.unregister(pidfd)
        os.close(pidfd)
        if outcome.status == 0 and self._order.target is not None:
            _hurry_neighbours(self._order.jobs[number].netns)
            self._selector.register(self._sockets[number], selectors.EVENT_READ, ("heard", number))
            self._pinging.add(number)
            self._ping(number)

    def _ping(self, number: int) -> None:
        assert self._order.target is not None
        try:
            self._sockets[number].sendto(_echo(number), (self._order.target, 0))
        except OSError as error:
            # No route yet, or a neighbour that does not answer yet: the next one may fare better.
            self._outcomes[number].output += f" {error.strerror}"

    def _heard(self, number: int) -> None:
        packet = self._sockets[number].recv(READ_BYTES)
        if packet[(packet[0] & 0xF) * IP_HEADER_WORD_BYTES] != ECHO_REPLY:
            return
        self._outcomes[number].answered_s = time.monotonic() - self._began
        self._selector.unregister(self._sockets[number])
        self._pinging.discard(number)


def _echo(number: int) -> bytes:
    packet = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, number, 1) + b"first ping"
    return packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]


def _forget(ping: socket.socket) -> None:
    """Read away what came since the last order."""
    while True:
        try:
            ping.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return


def _sockets(paths: Sequence[str], known: dict[str, socket.socket]) -> None:
    """Have a socket in each of these namespaces."""
    for path in paths:
        if path not in known:
            with _inside(path):
                known[path] = socket.socket(socket.AF_INET, socket.SOCK_RAW, ICMP)


def _hurry_neighbours(path: str) -> None:
    with _inside(path):
        Path(f"/proc/sys/net/ipv4/neigh/{DEVICE}/retrans_time_ms").write_text(str(NEIGHBOUR_RETRANS_MS))


@contextmanager
def _inside(path: str) -> Iterator[None]:
    """This process is in that namespace, for a moment."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    try:
        _enter(there)
        yield
    finally:
        _enter(home)
        os.close(there)
        os.close(home)


def _enter(namespace: int) -> None:
    assert _libc.setns(namespace, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Carry out the orders that come in, until there are no more."""
    sockets: dict[str, socket.socket] = {}
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        _sockets([job.netns for job in order.jobs], sockets)
        sys.stdout.buffer.write(msgspec.json.encode(_Run(order, sockets).carry_out()) + b"\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
