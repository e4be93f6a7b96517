"""The two probes, with a real client of a database that is not there."""

from pathlib import Path

import msgspec

from ovnest.api.health import Health
from ovnest.api.requests import Request
from ovnest.api.responses import Response
from ovnest.ovsdb import Client
from ovnest.rows import HOMES
from tests.api.wire import serving


async def test_without_a_northbound_the_server_lives_but_is_not_ready_and_says_why(tmp_path: Path) -> None:
    async with Client(f"unix:{tmp_path}/absent.sock", "OVN_Northbound", tables=HOMES.row_types) as client:
        health = Health(client)

        async def handler(request: Request) -> Response:
            methods = health.routes(request.path)
            assert methods is not None
            return await methods["GET"](request, None)

        async with serving(handler) as wire:
            alive = await wire.ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            ready = await wire.ask(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (alive.status, msgspec.json.decode(alive.body)) == (200, {"alive": True})
    assert ready.status == 503
    answer = msgspec.json.decode(ready.body)
    assert answer["ready"] is False
    assert answer["reason"]
    assert health.routes("/v2.0/networks") is None
