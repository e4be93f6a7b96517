"""OVSDB spoken by hand: the least that a client can do, over a blocking socket.

Transactions are encoded before the clock runs, and of a reply only its errors are looked at. So what is
measured with it is ovsdb-server, its disk, and two system calls a transaction.
"""

import socket
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from bench.rig.database import Served

NAME = "OVN_Northbound"


class RawClient:
    """One connection; `with RawClient(database) as raw:`."""

    def __init__(self, database: Served) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(database.socket))
        self._decoder = msgspec.json.Decoder()

    def one_at_a_time(self, transactions: Iterable[bytes]) -> None:
        """Send each once the one before it has been answered."""
        self.in_flight(transactions, 1)

    def in_flight(self, transactions: Iterable[bytes], count: int) -> None:
        """Keep `count` transactions unanswered, as long as there are so many.

        Raises:
            AssertionError: one was refused.
        """
        sock, buffer = self._socket, b""
        unanswered = 0
        for transaction in transactions:
            if unanswered == count:
                buffer, answered = self._some_replies(buffer)
                unanswered -= answered
            sock.sendall(transaction)
            unanswered += 1
        while unanswered:
            buffer, answered = self._some_replies(buffer)
            unanswered -= answered

    def _some_replies(self, buffer: bytes) -> tuple[bytes, int]:
        """Read until at least one reply is there; what is left of another, and how many there were."""
        while True:
            received = self._socket.recv(1 << 20)
            assert received, "ovsdb-server closed the connection"
            buffer += received
            # Replies follow one another without a separator; each ends with its error, null if it has none.
            *replies, rest = buffer.split(b',"error":null}')
            if replies:
                for reply in replies:
                    assert b'"error"' not in reply, reply
                return rest, len(replies)
            assert b'"result":null' not in rest, rest

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *failure: object) -> None:
        self._socket.close()


def transaction(operations: Sequence[Any], *, durable: bool = True) -> bytes:
    """A `transact` request on the wire; `durable`: answered only once it is on disk (RFC 7047, 5.2.8)."""
    last = [{"op": "commit", "durable": True}] if durable else []
    request = {"id": 0, "method": "transact", "params": [NAME, *operations, *last]}
    return msgspec.json.encode(request)
