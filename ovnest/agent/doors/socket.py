"""How programs in the VM talk to the agent: a Unix socket, a line of JSON each way, files handed over.

One connection, one request. Only root may connect: the socket is root's alone, and the kernel says who is
at the other end.

Source: unix(7), SCM_RIGHTS and SO_PEERCRED.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

REQUEST_BYTES = 1 << 20
FILES_MAX = 2
REQUEST_TIMEOUT_S = 10.0
BACKLOG = 256
SOCKET_MODE = 0o600

_log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], list[int]], Awaitable[dict[str, Any]]]
"""Answers a request with its open files; it never closes those."""


def listen(path: Path) -> socket.socket:
    """The socket at `path`; one that nobody serves any more is replaced.

    Raises:
        OSError: another process serves it, or it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists():
            _refuse_if_served(path)
            path.unlink()
        mask = os.umask(0o777 & ~SOCKET_MODE)
        try:
            sock.bind(str(path))
        finally:
            os.umask(mask)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _refuse_if_served(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
    raise OSError(f"another agent serves {path}")


async def serve(sock: socket.socket, handler: Handler) -> None:
    """Answer requests until cancelled; those under way are then cancelled, too."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        while True:
            connection, _ = await loop.sock_accept(sock)
            connection.setblocking(False)
            tasks.create_task(_answer(connection, handler))


async def _answer(connection: socket.socket, handler: Handler) -> None:
    files: list[int] = []
    with connection:
        try:
            if not _is_root(connection):
                raise PermissionError("the client is not root")
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                line = await _receive(connection, files)
            request = msgspec.json.decode(line, type=dict[str, Any])
            reply = await handler(request, files)
            await asyncio.get_running_loop().sock_sendall(connection, msgspec.json.encode(reply) + b"\n")
        except (OSError, TimeoutError, ValueError) as error:
            _log.warning("event=local_request_failed reason=%r", error)
        except Exception:
            # The end of a request: the client sees the connection close.
            _log.exception("event=local_request_failed")
        finally:
            for fd in files:
                os.close(fd)


def _is_root(connection: socket.socket) -> bool:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.geteuid())


async def _receive(connection: socket.socket, files: list[int]) -> bytes:
    """A line, without its end; the files that came with it are put into `files`."""
    received = bytearray()
    while not received.endswith(b"\n"):
        try:
            part, fds, _, _ = socket.recv_fds(connection, REQUEST_BYTES, FILES_MAX)
        except BlockingIOError:
            await _readable(connection)
            continue
        files += fds
        if not part:
            raise ConnectionError("the client has gone")
        received += part
        if len(received) > REQUEST_BYTES:
            raise ValueError("the request is too long")
    return bytes(received[:-1])


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connection, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection)


def ask(path: Path, request: dict[str, Any], files: tuple[int, ...] = (), timeout_s: float = 120.0) -> Any:
    """What the agent at `path` answers to `request`; for programs, not for the agent itself.

    Raises:
        OSError: no agent answers there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        sock.connect(str(path))
        line = msgspec.json.encode(request) + b"\n"
        rest = line[socket.send_fds(sock, [line], list(files)) :]
        if rest:  # else the agent may have answered already, and not listen any more
            sock.sendall(rest)
        answer = bytearray()
        while not answer.endswith(b"\n"):
            part = sock.recv(1 << 16)
            if not part:
                raise ConnectionError("the agent has closed the connection without an answer")
            answer += part
    return msgspec.json.decode(bytes(answer))


def remove(path: Path) -> None:
    """Take the socket's file away, if it is there."""
    with suppress(FileNotFoundError):
        path.unlink()
