"""Identity `none`: who can reach the server is an administrator of the one project `default`.

So only this machine's own users may reach it, by a Unix socket or over loopback, and no web page that one
of them looks at: a browser sends to loopback what any page tells it to. How such requests are told:
`docs/decisions/0003-identity-none.md`.

With `trust_headers` a proxy in front says who asks, by the headers that Keystone's middleware sets.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol

from ovnest.caller import Caller
from ovnest.config import BadSetting, Settings
from ovnest.errors.policy import NotFromHere, Unauthorized, UnsupportedMediaType

PROJECT = "default"
IMPLIED_ROLES = {"admin": "manager", "manager": "member", "member": "reader"}  # as Keystone sets them up
ROLES_MAX = 100

_ID = re.compile(r"[\x21-\x7e]{1,255}")
_ROLE = re.compile(r"[\x20-\x7e]{1,255}")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]*)?")


class Peer(Protocol):
    """Who is at the other end of the connection; `is_unix`: of a Unix socket, where no browser can send."""

    @property
    def is_unix(self) -> bool: ...


class NoIdentity:
    """Everybody is an administrator; or, with `trust_headers`, who the headers say."""

    def __init__(self, settings: Settings) -> None:
        """Uses `listen`, `trust_headers` and `allowed_host`.

        Raises:
            BadSetting: `listen` is neither loopback nor a Unix socket.
        """
        check_listen(settings.listen)
        self._trust_headers = settings.trust_headers
        self._allowed_hosts = frozenset(map(host_name, settings.allowed_host)) - {""}

    def identify(self, headers: Mapping[str, str], peer: Peer, request_id: str = "") -> Caller:
        """The caller of a request with these headers, whose names are in lower case.

        Raises:
            NotFromHere: a web page may have sent it, or it calls the server by a name that is not its own.
            UnsupportedMediaType: it has a body that is not said to be JSON.
            Unauthorized: headers are trusted, and they do not say who asks.
        """
        _refuse_browsers(headers)
        if not peer.is_unix:
            self._check_host(headers.get("host", ""))
        _check_content_type(headers)
        if self._trust_headers:
            return _named(headers, request_id)
        return Caller(project_id=PROJECT, roles=_EVERYBODY, request_id=request_id)

    def _check_host(self, host: str) -> None:
        # A page of evil.example reads our answers if its name resolves to 127.0.0.1 (DNS rebinding); but its
        # requests then say Host: evil.example.
        name = host_name(host)
        if not is_loopback(name) and name not in self._allowed_hosts:
            raise NotFromHere(
                reason=f"The server is not called {host or 'nothing'!r}. Call it 127.0.0.1 or localhost, or "
                f"start it with --allowed-host {name or 'NAME'}."
            )


def check_listen(listen: str) -> None:
    """Refuse to make administrators of a whole network.

    Raises:
        BadSetting: that listen address is neither loopback nor a Unix socket.
    """
    if not is_local(listen):
        raise BadSetting(
            f"--listen {listen}: with --identity none everybody is an administrator, so it must be "
            "loopback or a Unix socket, such as 127.0.0.1:9696, [::1]:9696 or unix:/run/ovnest.sock."
        )


def is_local(listen: str) -> bool:
    """Whether only this machine's own processes can connect to that listen address."""
    return listen.startswith("unix:") or is_loopback(host_name(listen))


@lru_cache(maxsize=64)
def is_loopback(name: str) -> bool:
    """Whether that host is loopback, by its name or its address."""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """The name or address in a Host header or listen address, in lower case; empty if there is none."""
    match = _HOST.fullmatch(host.strip().lower())
    return match[1].strip("[]").removesuffix(".") if match else ""


def with_implied(roles: Iterable[str]) -> frozenset[str]:
    """The roles in lower case, and those that they imply as Keystone sets them up."""
    found: set[str] = set()
    for role in roles:
        name: str | None = role.lower()
        while name is not None and name not in found:
            found.add(name)
            name = IMPLIED_ROLES.get(name)
    return frozenset(found)


_EVERYBODY = with_implied(("admin",))


def _refuse_browsers(headers: Mapping[str, str]) -> None:
    # Browsers name the page that sends, on all but plain GETs (Origin) or on everything (Sec-Fetch-Site: the
    # user's own typing is "none"). Clients of the API send neither.
    if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        origin = headers.get("origin", "another site")
        raise NotFromHere(reason=f"A web page ({origin}) sent this request; the API is not for web pages.")


def _check_content_type(headers: Mapping[str, str]) -> None:
    # A form or a script on a page can send text/plain and the like without asking us first, JSON cannot.
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    content_type = headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(content_type=content_type or "missing")


def _named(headers: Mapping[str, str], request_id: str) -> Caller:
    # A proxy that forgets a header must not make administrators of its users: without one, nobody asks.
    if headers.get("x-identity-status", "Confirmed") != "Confirmed":
        raise Unauthorized(reason="The proxy in front says that it does not know who asks.")
    project_id, user_id = headers.get("x-project-id", ""), headers.get("x-user-id", "")
    if not _ID.fullmatch(project_id) or (user_id and not _ID.fullmatch(user_id)):
        raise Unauthorized(
            reason="The server trusts headers to say who asks (--trust-headers), and this request has no "
            "valid X-Project-Id, X-User-Id and X-Roles. The proxy in front has to set them."
        )
    roles = [role for part in headers.get("x-roles", "").split(",") if (role := part.strip())]
    if len(roles) > ROLES_MAX or not all(map(_ROLE.fullmatch, roles)):
        raise Unauthorized(reason=f"X-Roles has more than {ROLES_MAX} roles, or one that is no plain text.")
    return Caller(project_id=project_id, user_id=user_id, roles=with_implied(roles), request_id=request_id)
