"""The access log: one line a request, as text or JSON. It is the audit trail.

A line has the path but never the query, a header or a body: those are where secrets are. Lines are
written at the end of the loop's turn, all of that turn in one write; a killed server loses at most those.
"""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

import msgspec
from msgspec import Struct


class AccessRecord(Struct, frozen=True, kw_only=True):
    """One request as it is logged; `size_bytes` is what of the answer's body was given to the connection."""

    peer: str
    method: str
    path: str
    status: int
    size_bytes: int
    took_ms: float
    project_id: str
    request_id: str


class _JsonLine(AccessRecord, frozen=True, kw_only=True):
    time: str


_FORGES = re.compile(r'[\s"\\]')
Write = Callable[[str], object]


class AccessLog:
    """Formats records and hands them to `write` in batches; with None nothing is kept."""

    def __init__(self, write: Write | None, *, as_json: bool = False) -> None:
        self._write = write
        self._format = _json_line if as_json else _text_line
        self._lines: list[str] = []

    def add(self, record: AccessRecord) -> None:
        """Log `record`, at the end of this turn of the running loop."""
        if self._write is None:
            return
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(self._format(record))

    def flush(self) -> None:
        """Write what was added."""
        lines, self._lines = self._lines, []
        if lines and self._write is not None:
            self._write("".join(lines))


def _text_line(record: AccessRecord) -> str:
    return (
        f'{_now()} {record.peer} "{record.method} {_path(record)}" {record.status} {record.size_bytes} B '
        f"{record.took_ms:.1f} ms project={record.project_id or '-'} {record.request_id}\n"
    )


def _json_line(record: AccessRecord) -> str:
    fields = msgspec.structs.asdict(record)
    fields["path"] = _path(record)
    fields["took_ms"] = round(record.took_ms, 3)
    return msgspec.json.encode(_JsonLine(time=_now(), **fields)).decode() + "\n"


def _path(record: AccessRecord) -> str:
    # What a decoded path holds could forge a line or its fields, or be a control character that a terminal
    # obeys; JSON lets some of those stand.
    path = record.path
    return path if path.isprintable() and not _FORGES.search(path) else quote(path)


def _now() -> str:
    seconds, fraction = divmod(time.time(), 1)
    return f"{_second(int(seconds))}.{int(fraction * 1000):03d}+00:00"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
