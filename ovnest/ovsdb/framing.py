"""A stream of bytes cut into messages, and a long message cut into pieces while it arrives.

A monitor's first reply holds the whole database, 84 MB for 50,000 ports. Waiting for its end and decoding
it then would stop the loop for a second. So of a message that is not complete yet, the rows of a table that
are complete are taken out as a `Piece`; the message itself, which comes in the end, then lacks them.

Regular expressions find the ends, 100 MB/s at C's speed; each is possessive, so none ever goes back. Nearly
always there is no need to look: what has arrived is a message, or two with a brace at each side between them.

Source: RFC 7047, 4 (JSON-RPC without delimiters); ovsdb-server(7), 4.1.12 (`<table-updates2>`).
"""

import re
from typing import Final, NamedTuple

_PLAIN: Final = rb'(?:[^"{}]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"{}]*+'
"""Everything up to the next brace that is not in a string."""

_SKIP: Final = re.compile(rb'(?:[^"{}]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"{}]*+', re.DOTALL)
_ROWS: Final = re.compile(
    rb'(?:\s*+,?\s*+"[^"]*+"\s*+:\s*+\{\s*+"\w++"\s*+:\s*+(?:null|\{' + _PLAIN + rb"\})\s*+\})++", re.DOTALL
)
"""Complete members of a `<table-update2>`: `"<uuid>":{"initial":{…}},…`."""


def _balanced(depth: int) -> bytes:
    """An expression for an object that holds objects, `depth` of them within each other."""
    inside = _PLAIN if depth == 0 else _PLAIN + rb"(?:" + _balanced(depth - 1) + _PLAIN + rb")*+"
    return rb"\{" + inside + rb"\}"


_SHORT: Final = re.compile(rb"\s*+" + _balanced(6), re.DOTALL)
"""A complete message: an update's objects stand within each other five deep."""

_LONG_BYTES: Final = 64 * 1024
"""A message that is longer is cut even if it has arrived whole."""

_PATIENCE_BYTES: Final = 128 * 1024
"""So much of a message may arrive before it is looked at, if it does not seem to be complete."""

_TABLE_DEPTH: Final = 3
"""Braces open inside a `<table-update2>`: the message, the `<table-updates2>`, the table."""


_ENDS: Final = (b"}", b" ", b"\n", b"\r", b"\t")
"""What can be the last byte of what has arrived if that ends with a message."""


class Piece(NamedTuple):
    """Rows of one table, cut out of an unfinished message: a JSON object, UUID to `<row-update2>`."""

    table: str
    rows: bytes


class NotJson(ValueError):
    """The peer does not speak JSON-RPC."""


class Framer:
    """Takes bytes as they come, gives messages (`bytes`) and pieces.

    Pieces always belong to the next message that is given.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._scanned = 0  # all before is scanned, and it is not within a string
        self._depth = 0
        self._text_from = 0  # where the text before the next brace begins
        self._in_updates = False  # the object at depth 2 is a <table-updates2>
        self._table: bytes | None = None  # the table whose rows we are among
        self._rows_from = 0
        self._rows_to = 0
        self._cut = False  # pieces of this message have been taken out

    def feed(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data

    def guess(self) -> bytes | None:
        """What is probably the next message, found without reading it; None if nothing looks like one.

        If it decodes, it is the message, since no JSON text is the beginning of another; say so by `took`.
        """
        buffer = self._buffer
        if self._scanned or self._depth or len(buffer) > 2 * _PATIENCE_BYTES:
            return None
        end = buffer.find(b'}{"') + 1
        if end:
            return buffer[:end]
        return buffer if buffer.endswith(b"}") else None

    def took(self, guess: bytes) -> None:
        """The guess was right."""
        self._buffer = self._buffer[len(guess) :]

    def next(self) -> bytes | Piece | None:
        """The next message or piece; None if more bytes are needed first."""
        buffer = self._buffer
        if not buffer:
            return None
        fresh = self._scanned == 0 and self._depth == 0
        if fresh and len(buffer) < _PATIENCE_BYTES and buffer[-1:] not in _ENDS:
            return None
        if fresh and len(buffer) <= _LONG_BYTES:
            short = _SHORT.match(buffer)
            if short is not None:
                end = short.end()
                self._buffer = buffer[end:]
                return buffer if end == len(buffer) else buffer[:end]
        while True:
            if self._depth == _TABLE_DEPTH and self._table is not None:
                rows = _ROWS.match(buffer, self._scanned)
                if rows is not None:
                    self._scanned = self._text_from = self._rows_to = rows.end()
            at = _SKIP.match(buffer, self._scanned)
            assert at is not None  # noqa: S101 - the expression matches the empty string
            brace = self._scanned = at.end()
            found = buffer[brace : brace + 1]
            if found == b"{":
                if self._depth == 0 and buffer[:brace].strip():
                    raise NotJson(f"not a JSON-RPC message: {buffer[:80]!r}")
                self._open(brace)
            elif found == b"}":
                done = self._close(brace)
                if done is not None:
                    return done
            else:
                return self._take_rows()

    def _open(self, brace: int) -> None:
        before = self._buffer[self._text_from : brace].rstrip()
        self._depth += 1
        self._scanned = self._text_from = brace + 1
        if self._depth == 2:
            self._in_updates = before.endswith(b",")
        elif self._depth == _TABLE_DEPTH and self._in_updates and before.endswith(b":"):
            self._table = before.rsplit(b'"', 2)[-2]
            self._rows_from = self._rows_to = self._scanned

    def _close(self, brace: int) -> bytes | Piece | None:
        if self._depth == _TABLE_DEPTH and (self._cut or brace > _LONG_BYTES):
            piece = self._take_rows()
            if piece is not None:
                return piece
        self._depth -= 1
        self._scanned = self._text_from = brace + 1
        if self._depth == _TABLE_DEPTH and self._table is not None:
            self._rows_to = self._scanned
        elif self._depth == _TABLE_DEPTH - 1:
            self._table = None
        elif self._depth == 0:
            message, self._buffer = self._buffer[: self._scanned], self._buffer[self._scanned :]
            self._scanned = self._text_from = 0
            self._cut = False
            return message
        elif self._depth < 0:
            raise NotJson("a closing brace without an opening one")
        return None

    def _take_rows(self) -> Piece | None:
        """The complete rows of the table we are in, cut out of the buffer; None if there are none."""
        if self._table is None or self._rows_to == self._rows_from:
            return None
        rows = self._buffer[self._rows_from : self._rows_to].lstrip(b", \t\r\n")
        size = self._rows_to - self._rows_from
        self._buffer = self._buffer[: self._rows_from] + self._buffer[self._rows_to :]
        self._scanned -= size
        self._text_from = max(self._text_from - size, self._rows_from)
        self._rows_to = self._rows_from
        self._cut = True
        return Piece(self._table.decode(), b"{" + rows + b"}")
