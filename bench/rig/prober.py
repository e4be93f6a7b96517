"""Pings from containers, sent as the frames that leave their VM: when does each get its first answer?

`Prober(...)` is the handle; `python -m bench.rig.prober DEVICE` the process, in the VM's namespace. It sends
each container's ICMP echo requests, with the container's MAC, address and tag, on the VM's NIC, and says when
the first reply came. So a hundred containers need no hundred namespaces, and no ping(8) that takes
milliseconds to start.

Source: RFC 792 (echo); IEEE 802.1Q (tag).
"""

import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from bench.rig.checksum import checksum

ETH_P_ALL = 3
VLAN, IPV4, ICMP = 0x8100, 0x0800, 1
ECHO_REQUEST, ECHO_REPLY = 8, 0
READ_BYTES = 4096


class Container(Struct, frozen=True, kw_only=True):
    """What a container sends with."""

    mac: str
    address: str
    tag: int


class Order(Struct, frozen=True, kw_only=True):
    """Ping this target from each container, so often, until all are answered or the time is over."""

    containers: Sequence[Container]
    target_mac: str
    target_address: str
    interval_s: float
    timeout_s: float


class Prober:
    """The process in the VM's namespace; `enter` is the command line that enters it."""

    def __init__(self, enter: Sequence[str], device: str) -> None:
        self._process = subprocess.Popen(
            [*enter, sys.executable, "-m", "bench.rig.prober", device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def begin(self, order: Order) -> None:
        """Start sending; the first frames are out when this returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == b"begun\n"

    def answered(self) -> dict[str, float]:
        """By container's address, the time (`time.monotonic`) of the first reply; waits for the last.

        Raises:
            AssertionError: some container got none in time.
        """
        assert self._process.stdout is not None
        found = msgspec.json.decode(self._process.stdout.readline(), type=dict[str, float])
        silent = [address for address, when in found.items() if not when]
        assert not silent, f"{len(silent)} containers get no answer, {silent[0]} for one"
        return found

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def probe(sock: socket.socket, order: Order) -> None:
    """Carry an order out."""
    requests = {container.address: _request(container, order) for container in order.containers}
    waiting = {_wire_mac(container.mac): container.address for container in order.containers}
    answered = dict.fromkeys(requests, 0.0)
    end, next_round, begun = time.monotonic() + order.timeout_s, 0.0, False
    while waiting and (now := time.monotonic()) < end:
        if now >= next_round:
            for address in waiting.values():
                sock.send(requests[address])
            next_round = now + order.interval_s
            if not begun:
                begun = True
                sys.stdout.write("begun\n")
                sys.stdout.flush()
        if not select.select([sock], [], [], max(0, next_round - now))[0]:
            continue
        frame = sock.recv(READ_BYTES)
        if frame[:6] in waiting and _is_reply(frame):
            answered[waiting.pop(frame[:6])] = time.monotonic()
    sys.stdout.buffer.write(msgspec.json.encode(answered) + b"\n")
    sys.stdout.flush()


def _request(container: Container, order: Order) -> bytes:
    ethernet = _wire_mac(order.target_mac) + _wire_mac(container.mac)
    ethernet += struct.pack("!HHH", VLAN, container.tag, IPV4)
    echo = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, container.tag, 1) + b"first ping"
    echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
    source, target = (socket.inet_aton(each) for each in (container.address, order.target_address))
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(echo), 0, 0, 64, ICMP, 0) + source + target
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet + head + echo


def _is_reply(frame: bytes) -> bool:
    """Whether it is an ICMP echo reply; the kernel has taken the tag off what it hands us."""
    return frame[12:14] == IPV4.to_bytes(2, "big") and frame[23] == ICMP and frame[34] == ECHO_REPLY


def _wire_mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def main() -> None:
    """Carry out the orders that come in, until there are no more."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as sock:
        sock.bind((sys.argv[1], 0))
        for line in sys.stdin.buffer:
            probe(sock, msgspec.json.decode(line, type=Order))


if __name__ == "__main__":
    main()
