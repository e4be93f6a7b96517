"""Response, what a handler gives back, and its head on the wire (RFC 9112, 4 and 5)."""

import re
import time
from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

REQUEST_ID_HEADER = "X-Openstack-Request-Id"
_BODILESS = frozenset({204, 304})
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_BREAKS_THE_HEAD = re.compile(r"[\r\n\0]")


class Response(Struct, frozen=True, kw_only=True):
    """One answer. Bytes go out with their length, an iterator's chunks as fast as the client takes them.

    `project_id` is the caller's, for the access log; it is not sent. An `is_watch` has no end of its own: it
    does not count as a request in flight, and ends when its client goes away.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes | AsyncIterator[bytes] = b""
    project_id: str = ""
    is_watch: bool = False


def json_response(status: int, value: Any, project_id: str = "") -> Response:
    """`value` as a JSON answer."""
    return Response(
        status=status,
        headers={"Content-Type": "application/json"},
        body=msgspec.json.encode(value),
        project_id=project_id,
    )


class ResponseHeads:
    """Writes heads; keeps the Date header of the current second.

    Raises ValueError for a header that would break the head: a fault of ours, never sent.
    """

    def __init__(self) -> None:
        self._second = 0
        self._date = ""

    def head(self, response: Response, request_id: str, *, framing: str, connection: str) -> bytes:
        """The head of `response`; `framing` and `connection` are whole header lines, or empty."""
        lines = [f"{name}: {value}" for name, value in response.headers.items()]
        if any(map(_BREAKS_THE_HEAD.search, lines)):
            raise ValueError(f"a line break in a response header: {lines!r}")
        lines.append(f"{REQUEST_ID_HEADER}: {request_id}")
        fields = "\r\n".join(lines)
        status_line = _STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} \r\n"
        text = f"{status_line}{self._date_line()}{framing}{connection}{fields}\r\n\r\n"
        return text.encode("latin-1")

    def _date_line(self) -> str:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._date = f"Date: {formatdate(now, usegmt=True)}\r\n"
        return self._date


def has_no_body(status: int) -> bool:
    """Whether an answer of this status never has a body, nor says its length (RFC 9110, 15.3.5, 15.4.5)."""
    return status in _BODILESS or status < 200
