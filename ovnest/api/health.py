"""Whether the server lives, and whether it can answer: for probes, without identity.

`/healthz` answers as long as the loop runs. `/readyz` is 503 until the Northbound has been read, and again
while it is away, and says why.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from msgspec import Struct

from ovnest.api.requests import Request
from ovnest.api.responses import Response, json_response
from ovnest.caller import Caller
from ovnest.ovsdb import Status

OpenHandle = Callable[[Request, Caller | None], Awaitable[Response]]


class Database(Protocol):
    """What knows how the Northbound is."""

    @property
    def status(self) -> Status: ...


class Readiness(Struct, frozen=True, kw_only=True):
    """The answer of `/readyz`; `reason` is empty when all is well."""

    ready: bool
    reason: str


class Health:
    """The routes of the two probes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._routes: dict[str, Mapping[str, OpenHandle]] = {
            "/healthz": {"GET": self._alive},
            "/readyz": {"GET": self._ready},
        }

    def routes(self, path: str) -> Mapping[str, OpenHandle] | None:
        """The methods of `path`; None when it is not a probe's."""
        return self._routes.get(path)

    async def _alive(self, request: Request, caller: Caller | None) -> Response:
        return json_response(200, {"alive": True})

    async def _ready(self, request: Request, caller: Caller | None) -> Response:
        status = self._database.status
        is_ready = status.ready and status.connected
        reason = "" if is_ready else status.reason or "the Northbound database is not connected"
        return json_response(200 if is_ready else 503, Readiness(ready=is_ready, reason=reason))
