"""Where the servers are: `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`, several with commas between.

Source: ovsdb(7), "Connection Methods".
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_SUN_PATH_BYTES = 107  # unix(7): sun_path has 108, the last of them NUL
_DEFAULT_PORT = 6640

P = TypeVar("P", bound=asyncio.BaseProtocol)


@dataclass(frozen=True)
class Tls:
    """Our key and certificate, and the authority that the server's must come from.

    The server's name is not compared with its certificate, as no Open vSwitch program does: one authority
    is one circle of trust.
    """

    private_key: Path
    certificate: Path
    ca_certificate: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cafile=self.ca_certificate)
        context.load_cert_chain(self.certificate, self.private_key)
        return context


@dataclass(frozen=True)
class Remote:
    """One server's address."""

    method: str
    host: str
    port: int = 0

    def __str__(self) -> str:
        if self.method == "unix":
            return f"unix:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.method}:{host}:{self.port}"


def parse_remotes(text: str) -> tuple[Remote, ...]:
    """The servers in a list as `ovn-nbctl --db` takes it.

    Raises:
        ValueError: it is no such list.
    """
    remotes = tuple(_parse_remote(part.strip()) for part in text.split(",") if part.strip())
    if not remotes:
        raise ValueError("No server is named: say unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT.")
    return remotes


def _parse_remote(text: str) -> Remote:
    method, _, rest = text.partition(":")
    if method == "unix" and rest:
        if len(rest.encode()) > _SUN_PATH_BYTES:
            raise ValueError(f"{text}: a socket's path may have {_SUN_PATH_BYTES} bytes at most.")
        return Remote("unix", rest)
    if method in ("tcp", "ssl") and rest:
        host, port = rest, str(_DEFAULT_PORT)
        if rest.startswith("["):
            host, _, tail = rest[1:].partition("]")
            port = tail.removeprefix(":") or port
        elif rest.count(":") == 1:
            host, _, port = rest.partition(":")
        if host and port.isdecimal() and 0 < int(port) < 65_536:
            return Remote(method, host, int(port))
    raise ValueError(f"{text}: is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT.")


def check_tls(remotes: Sequence[Remote], tls: Tls | None) -> None:
    """Raises ValueError if a remote needs TLS and nothing is said of keys."""
    for remote in remotes:
        if remote.method == "ssl" and tls is None:
            raise ValueError(f"{remote}: needs a private key, a certificate and a CA certificate.")


async def connect(remote: Remote, tls: Tls | None, factory: Callable[[], P]) -> P:
    """A connection to `remote`, with a protocol that `factory` makes.

    Raises:
        OSError: none can be had (ssl.SSLError among them).
    """
    loop = asyncio.get_running_loop()
    if remote.method == "unix":
        _, protocol = await loop.create_unix_connection(factory, remote.host)
    else:
        context = tls.context() if remote.method == "ssl" and tls is not None else None
        _, protocol = await loop.create_connection(factory, remote.host, remote.port, ssl=context)
    return protocol
