"""A body that comes in chunks, put together strictly (RFC 9112, 7.1).

Strict is the point: a size is one to eight hexadecimal digits and nothing else, every line ends with
CR LF, extensions and trailers are read over but counted. What another server might read differently is
refused.
"""

import re

from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.http import HTTPRequestEntityTooLarge

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_LINE_BYTES = 1024
_TRAILER_BYTES = 8 * 1024
# So that a body of one-byte chunks cannot hold the loop: 1 MiB in chunks of 64 bytes still passes.
_CHUNKS = 16 * 1024


class ChunkedBody:
    """Takes bytes as they arrive, gives the body when it is whole."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._body = bytearray()
        self._chunks = 0
        self._trailer_bytes = 0
        self._in_trailers = False

    def feed(self, buffer: bytearray) -> bytes | None:
        """Take what can be taken from the front of `buffer`; the body, once its last byte is there.

        What follows the body stays in `buffer`.

        Raises:
            HTTPRequestEntityTooLarge: the body is, or says it will be, over the limit.
            HTTPBadRequest: it is not well-formed.
        """
        at = 0
        try:
            while (end := buffer.find(b"\r\n", at)) >= 0:
                line = bytes(buffer[at:end])
                if self._in_trailers:
                    at = end + 2
                    if not line:
                        return bytes(self._body)
                    self._pass_trailer(line)
                    continue
                size = self._size(line)
                if size == 0:
                    at = end + 2
                    self._in_trailers = True
                    continue
                start, stop = end + 2, end + 2 + size
                if len(buffer) < stop + 2:
                    # A line without its chunk stays, to be read again; the bound on a chunk is the body's.
                    if len(buffer) > stop and buffer[stop] != ord("\r"):
                        raise _malformed("a chunk has not its size")
                    return None
                if buffer[stop : stop + 2] != b"\r\n":
                    raise _malformed("a chunk has not its size")
                self._body += buffer[start:stop]
                self._chunks += 1
                at = stop + 2
            if len(buffer) - at > _LINE_BYTES:
                raise _malformed("a chunk's line is too long")
            return None
        finally:
            del buffer[:at]

    def _size(self, line: bytes) -> int:
        match = _SIZE_LINE.fullmatch(line)
        if match is None or len(line) > _LINE_BYTES:
            raise _malformed("a chunk's size is not a number")
        size = int(match[1], 16)
        if len(self._body) + size > self._limit_bytes:
            raise HTTPRequestEntityTooLarge(limit=self._limit_bytes)
        if self._chunks >= _CHUNKS:
            raise HTTPBadRequest(reason=f"The request's body has more than {_CHUNKS} chunks.")
        return size

    def _pass_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line) + 2
        if self._trailer_bytes > _TRAILER_BYTES or _TRAILER_LINE.fullmatch(line) is None:
            raise _malformed("its trailers")


def _malformed(what: str) -> HTTPBadRequest:
    return HTTPBadRequest(reason=f"The request's body is not well-formed: {what}.")
