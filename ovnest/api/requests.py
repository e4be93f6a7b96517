"""Request, what a handler gets, and reading a request's head off the wire.

A head is read only when it is whole, each by a parser of its own (llhttp; making one takes 0.5 µs): no
state is left from one request to the next, and where a request ends is decided here alone. Everything
ambiguous is refused: it is by two servers reading one request differently that requests are smuggled.

Source: RFC 9112, 3 (target), 5 (fields), 6.3 (length); RFC 9110, 10.1.1 (Expect).
"""

import os
from urllib.parse import parse_qsl, unquote_to_bytes

import httptools
from msgspec import Struct

from ovnest.api.limits import Limits
from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.http import (
    HTTPExpectationFailed,
    HTTPNotFound,
    HTTPNotImplemented,
    HTTPRequestHeaderFieldsTooLarge,
    HTTPVersionNotSupported,
)

HEAD_END = b"\r\n\r\n"
# Of these a second one is refused: which of the two counts is what two servers could disagree on.
_SINGLE = frozenset(
    {"host", "content-length", "content-type", "content-encoding", "transfer-encoding", "expect"}
    | {"authorization", "x-auth-token", "x-project-id", "x-user-id", "x-roles"}
)

# How clients write the names that nearly every request has; others are decoded.
_COMMON = ("Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Content-Type", "Content-Length")
_NAMES = {name.encode(): name.lower() for name in _COMMON}


class Peer(Struct, frozen=True, kw_only=True):
    """Who is at the other end: `address` for people, and what decides whom to trust."""

    address: str
    is_unix: bool = False
    is_tls: bool = False
    uid: int | None = None


class Request(Struct, frozen=True, kw_only=True):
    """One request, whole. Header names are in lower case; `path` is decoded; `query` in the order it came."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    peer: Peer
    request_id: str


def new_request_id() -> str:
    """An id that no other request has: a random UUID (RFC 9562, 5.4), in a quarter of `uuid.uuid4`'s time."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"req-{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


class Head(Struct, frozen=True, kw_only=True):
    """What a request's head says. `body_length` None means that the body comes in chunks."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    keep_alive: bool
    is_http_1_0: bool
    body_length: int | None
    expects_continue: bool


class _Fields:
    """What the parser calls back with."""

    def __init__(self) -> None:
        self.target = b""
        self.pairs: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name, value))

    def on_headers_complete(self) -> None:
        self.is_complete = True


def parse_head(block: bytes, limits: Limits) -> Head:
    """The head in `block`, which ends with the first empty line.

    Raises:
        HTTPBadRequest: it is not HTTP, or can be read in two ways.
        HTTPNotFound: its path has an encoded slash; no path of ours has.
        HTTPRequestHeaderFieldsTooLarge: it has too many headers.
        HTTPVersionNotSupported, HTTPNotImplemented, HTTPExpectationFailed: it asks for what is not done here.
    """
    fields = _Fields()
    parser = httptools.HttpRequestParser(fields)
    try:
        parser.feed_data(block)
    except httptools.HttpParserUpgrade:
        pass  # an Upgrade is an offer, and we decline by answering in HTTP/1.1 (RFC 9110, 7.8)
    except httptools.HttpParserError as error:
        raise HTTPBadRequest(reason=f"The request is not valid HTTP: {error}.") from error

    version = parser.get_http_version()
    if version not in ("1.0", "1.1"):
        raise HTTPVersionNotSupported(version=version)
    if not fields.is_complete or block.count(b"\n") != block.count(b"\r\n"):
        raise HTTPBadRequest(reason="The request is not valid HTTP: a line does not end with CR LF.")
    if len(fields.pairs) > limits.head_fields:
        raise HTTPRequestHeaderFieldsTooLarge(bytes=limits.head_bytes, fields=limits.head_fields)

    headers = _headers(fields.pairs)
    if "host" not in headers and version == "1.1":
        raise HTTPBadRequest(reason="The request has no Host header.")
    target = fields.target
    if not target.startswith(b"/"):
        host, target = _split_url(target)
        headers["host"] = host or headers.get("host", "")
    path, query = _path_and_query(target)
    body_length = _body_length(headers, version)
    return Head(
        method=parser.get_method().decode("ascii"),
        path=path,
        query=query,
        headers=headers,
        keep_alive=_keep_alive(headers, version),
        is_http_1_0=version == "1.0",
        body_length=body_length,
        expects_continue=_expects_continue(headers, version) and body_length != 0,
    )


def _headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = _NAMES.get(raw_name) or raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1").strip(" \t")
        if name in headers:
            if name in _SINGLE:
                raise HTTPBadRequest(
                    reason=f"The request has more than one {raw_name.decode('latin-1')} header."
                )
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _split_url(url: bytes) -> tuple[str, bytes]:
    """Host and target of a whole URL, as a proxy may send it; overrules the Host header (RFC 9112, 3.2.2)."""
    if url == b"*":
        return "", url
    scheme, separator, rest = url.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        raise HTTPBadRequest(reason="The request's target is not a path.")
    end = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
    target = rest[end:]
    return rest[:end].decode("latin-1"), target if target.startswith(b"/") else b"/" + target


def _path_and_query(target: bytes) -> tuple[str, list[tuple[str, str]]]:
    if b"#" in target:
        raise HTTPBadRequest(reason="The request's target has a fragment.")
    raw_path, _, raw_query = target.partition(b"?")
    if b"%2f" in raw_path.lower():  # a proxy in front may not have taken it for a separator, so nor do we
        raise HTTPNotFound
    try:
        path = (unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path).decode("utf-8")
        query = (
            parse_qsl(raw_query.decode("ascii"), keep_blank_values=True, errors="strict") if raw_query else []
        )
    except ValueError as error:
        raise HTTPBadRequest(reason="The request's path or query is not UTF-8.") from error
    return path, query


def _body_length(headers: dict[str, str], version: str) -> int | None:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is None:
        return int(length) if length is not None else 0  # llhttp has refused all but digits
    if length is not None or version == "1.0":
        raise HTTPBadRequest(reason="The length of the request's body can be read in two ways.")
    if coding.lower() != "chunked":
        raise HTTPNotImplemented(message=f"The transfer coding '{coding}' is not supported; 'chunked' is.")
    return None


def _keep_alive(headers: dict[str, str], version: str) -> bool:
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    if version == "1.0":
        return "keep-alive" in options
    return "close" not in options


def _expects_continue(headers: dict[str, str], version: str) -> bool:
    expectation = headers.get("expect")
    if expectation is None or version == "1.0":
        return False
    if expectation.lower() != "100-continue":
        raise HTTPExpectationFailed(expectation=expectation)
    return True
