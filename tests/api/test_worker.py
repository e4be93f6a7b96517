"""A worker whose client of the database has failed ends, so that whoever watches over it starts another."""

import asyncio

import pytest

from ovnest.api.listener import bound, parse_endpoint
from ovnest.api.worker import serve
from ovnest.config import Settings
from ovnest.ovsdb.session import Session
from ovnest.ovsdb.turns import Turns
from tests.http import Http
from tests.ovsdb.servers import standalone

pytestmark = [pytest.mark.api]


class Fault(Exception):
    """A bug of ours, where writes are made."""


async def test_a_fault_where_writes_are_made_ends_the_worker_and_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ready = asyncio.Event()
    async with standalone() as northbound:
        settings = Settings(northbound=northbound.remote, listen="127.0.0.1:0")
        with bound(parse_endpoint(settings.listen)) as sock:
            http = Http("http://{}:{}".format(*sock.getsockname()))
            serving = asyncio.create_task(serve(settings, [sock], asyncio.Event(), ready.set))
            await asyncio.wait_for(ready.wait(), 10)

            async def faulty(self: Turns, session: Session) -> None:
                raise Fault

            monkeypatch.setattr(Turns, "begin", faulty)
            answer = await http("POST", "/v2.0/networks", {"network": {}})
            assert (answer.status, answer.error) == (503, "ServiceUnavailable")
            await asyncio.wait({serving}, timeout=10)
            assert serving.done(), "it goes on, answering 503 to everybody"
        error = serving.exception()
    assert isinstance(error, ExceptionGroup)
    assert error.subgroup(Fault) is not None
    assert "event=client_failed" in caplog.text
