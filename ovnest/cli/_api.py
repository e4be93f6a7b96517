"""The API asked over HTTP by the standard library alone, for the verbs that are clients of it."""

import argparse
import json
import os
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

DEFAULT = "http://127.0.0.1:9696"
TIMEOUT_S = 30.0
UNIX = "unix:"


class ApiError(Exception):
    """The API could not be asked, or refused; the message is for people."""


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """The API at an http or https URL, or at unix:PATH."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self._headers = {"X-Auth-Token": token} if token else {}

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's body; None where it has none.

        Raises:
            ApiError: it cannot be reached, or it refused.
        """
        headers = dict(self._headers)
        content = None
        if body is not None:
            content = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection, prefix = self._connection()
        target = f"{prefix}{path}{'?' + urlencode(query) if query else ''}"
        try:
            connection.request(method, target, content, headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, HTTPException) as error:
            raise ApiError(f"{self.url} cannot be asked: {error}") from error
        finally:
            connection.close()
        found = _decoded(said)
        if answer.status >= 400:
            raise ApiError(_reason(found) or f"{self.url} answered {answer.status} {answer.reason}")
        return found

    def find(self, kind: str, wanted: str) -> dict[str, Any]:
        """The one `kind` ("port") of that id or name.

        Raises:
            ApiError: there is none, or there are several of that name.
        """
        for field in ("id", "name"):
            found = self.ask("GET", f"/v2.0/{kind}s", query={field: wanted})[f"{kind}s"]
            if len(found) == 1:
                one: dict[str, Any] = found[0]
                return one
            if found:
                raise ApiError(f"There are {len(found)} {kind}s named {wanted}. Say which by its id.")
        raise ApiError(f"There is no {kind} {wanted}.")

    def _connection(self) -> tuple[HTTPConnection, str]:
        if self.url.startswith(UNIX):
            return _UnixConnection(self.url.removeprefix(UNIX), TIMEOUT_S), ""
        where = urlsplit(self.url)
        kinds = {"http": HTTPConnection, "https": HTTPSConnection}
        if where.scheme not in kinds or where.hostname is None:
            raise ApiError(f"{self.url} is not where an API can be: http://HOST:PORT, or unix:PATH")
        return kinds[where.scheme](where.hostname, where.port, timeout=TIMEOUT_S), where.path


def add_api_options(parser: argparse.ArgumentParser) -> None:
    """`--api`, and how to write the answer."""
    parser.add_argument(
        "--api",
        metavar="URL",
        default=os.environ.get("OS_ENDPOINT") or DEFAULT,
        help=f"where the API is: http://HOST:PORT or unix:PATH (default: OS_ENDPOINT, else {DEFAULT})",
    )
    parser.add_argument("--json", action="store_true", help="write the answer as JSON")


def api_of(arguments: argparse.Namespace) -> Api:
    """The API that the options name, asked with the token in OS_TOKEN if there is one."""
    return Api(arguments.api, os.environ.get("OS_TOKEN", ""))


def quoted(part: str) -> str:
    """A part of a path."""
    return quote(part, safe="")


def table(rows: list[list[str]]) -> str:
    """Rows in columns as wide as they need; the first row is the heads."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _decoded(said: bytes) -> Any:
    try:
        return json.loads(said) if said else None
    except ValueError as error:
        raise ApiError("The answer is not JSON; is that an API of ovnest?") from error


def _reason(found: Any) -> str:
    if isinstance(found, dict) and isinstance(found.get("NeutronError"), dict):
        return str(found["NeutronError"].get("message", ""))
    return ""
