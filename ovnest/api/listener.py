"""The HTTP server: listening sockets, deadlines, and an orderly end.

listener = Listener(handler, Limits(), AccessLog(print))
await listener.listen(TcpEndpoint(host="127.0.0.1", port=9696))
...
await listener.drain(timeout_s=30)
"""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import stat

from msgspec import Struct

from ovnest.api.access_log import AccessLog
from ovnest.api.limits import Limits
from ovnest.api.protocol import Connection, Handler, Service

_log = logging.getLogger(__name__)
_BACKLOG = 1024


class TcpEndpoint(Struct, frozen=True, kw_only=True):
    """An address to listen on. Port 0: the system chooses; `is_shared`: several processes listen on it."""

    host: str
    port: int
    is_shared: bool = False


class UnixEndpoint(Struct, frozen=True, kw_only=True):
    """A Unix socket to listen on; who may connect is the file's mode."""

    path: str
    mode: int = 0o660


Endpoint = TcpEndpoint | UnixEndpoint


def parse_endpoint(text: str) -> Endpoint:
    """`unix:/run/x.sock`, `192.0.2.1:9696` or `[2001:db8::1]:9696` as an endpoint.

    Raises:
        ValueError: it is none of these.
    """
    if text.startswith("unix:") and len(text) > len("unix:"):
        return UnixEndpoint(path=text.removeprefix("unix:"))
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(
            f"'{text}' is not an address to listen on. Write 127.0.0.1:9696, [::1]:9696 or unix:/path."
        )
    return TcpEndpoint(host=host, port=int(port))


class Listener:
    """Serves `handler` on any number of endpoints."""

    def __init__(self, handler: Handler, limits: Limits, access_log: AccessLog) -> None:
        self._limits = limits
        self._access_log = access_log
        self._service = Service(handler, limits, access_log)
        self._servers: list[asyncio.Server] = []
        self._unix_paths: list[tuple[str, int]] = []
        self._watch: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._service.connections)

    @property
    def requests_in_flight(self) -> int:
        """How many requests are being answered."""
        return len(self._service.answers)

    async def listen(self, endpoint: Endpoint, tls: ssl.SSLContext | None = None) -> Endpoint:
        """Listen on `endpoint`; gives it back with the port that the system chose.

        Raises:
            OSError: it cannot be bound, for one because another server listens there.
        """
        return await self.serve_socket(bound(endpoint), tls)

    async def serve_socket(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> Endpoint:
        """Listen on a socket that is already bound."""
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        if self._watch is None:
            self._watch = loop.create_task(self._watch_deadlines())
        name = sock.getsockname()
        # Until the handshake is done no deadline of ours counts: who says nothing is cut off by this.
        handshake_s = self._limits.head_timeout_s if tls is not None else None
        if sock.family == socket.AF_UNIX:
            server: asyncio.Server = await loop.create_unix_server(
                self._connection,
                sock=sock,
                ssl=tls,
                backlog=_BACKLOG,
                ssl_handshake_timeout=handshake_s,
            )
            self._unix_paths.append((name, os.stat(name).st_ino))
            self._servers.append(server)
            return UnixEndpoint(path=name)
        server = await loop.create_server(
            self._connection, sock=sock, ssl=tls, backlog=_BACKLOG, ssl_handshake_timeout=handshake_s
        )
        self._servers.append(server)
        return TcpEndpoint(host=name[0], port=name[1])

    async def drain(self, timeout_s: float) -> int:
        """Take no new connections, let requests in flight end, then close everything.

        Gives the number of requests that still ran after `timeout_s` and were cancelled: 0 is a clean end.
        """
        service = self._service
        service.is_draining = True
        for server in self._servers:
            server.close()
        self._remove_unix_paths()
        for connection in list(service.connections):
            connection.close_if_idle()

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_ended(), timeout_s)

        left = [*service.answers, *service.watches]
        if left:
            _log.warning(
                "requests cancelled after the drain's bound: count=%d timeout_s=%s", len(left), timeout_s
            )
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for connection in list(service.connections):
            connection.abort()
        await self._stop_watch()
        self._access_log.flush()
        return len(left)

    async def _all_ended(self) -> None:
        """Return once no client is connected, and what clients that have left began is done as well."""
        service = self._service
        if service.connections:
            await service.all_left.wait()
        if service.answers or service.watches:
            await asyncio.wait(service.answers | service.watches)

    def _connection(self) -> Connection:
        return Connection(self._service)

    async def _watch_deadlines(self) -> None:
        """Look at every connection's deadline a few times in the shortest of them.

        One look at all is cheaper than a timer for each request.
        """
        limits = self._limits
        shortest_s = min(
            limits.head_timeout_s,
            limits.body_timeout_s,
            limits.idle_timeout_s,
            limits.write_timeout_s,
            limits.linger_s,
        )
        every_s = min(max(shortest_s / 4, 0.01), 1.0)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(every_s)
            now = loop.time()
            for connection in list(self._service.connections):
                connection.check_deadline(now)

    async def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None

    def _remove_unix_paths(self) -> None:
        """Remove our sockets' files, but not one that another server has put there since."""
        for path, inode in self._unix_paths:
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_ino == inode:
                    os.unlink(path)
        self._unix_paths.clear()


def bound(endpoint: Endpoint) -> socket.socket:
    """A socket that is bound to `endpoint` and not yet listening.

    Raises:
        OSError: it cannot be bound.
    """
    return _bound_unix(endpoint) if isinstance(endpoint, UnixEndpoint) else _bound_tcp(endpoint)


def _bound_tcp(endpoint: TcpEndpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if endpoint.is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((endpoint.host, endpoint.port))
    except BaseException:
        sock.close()
        raise
    return sock


def _bound_unix(endpoint: UnixEndpoint) -> socket.socket:
    _remove_stale(endpoint.path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(endpoint.path)
        os.chmod(endpoint.path, endpoint.mode)  # nobody can connect before listen(2)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale(path: str) -> None:
    """Remove the socket file a killed server left. Where a server listens it stays, and bind(2) fails."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
