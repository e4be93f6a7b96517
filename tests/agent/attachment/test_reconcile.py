"""What the agent hears of the API while there is a stream of events, and while there is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import pytest

from ovnest.agent.attachment import reconcile
from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.journal import Journal
from ovnest.agent.attachment.nested import Nested
from ovnest.agent.attachment.reconcile import Reconciler
from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.attachment.result import Attached
from ovnest.agent.client.api import Api
from ovnest.agent.client.credential import endpoint
from ovnest.agent.vm.link import Links
from ovnest.api.events import STREAMS_OF_ONE_MAX
from ovnest.sandbox.until import until
from tests.agent.conftest import BOUNDS, BRIDGE
from tests.agent_site import Site, running_site
from tests.ovsdb.servers import Server as DatabaseServer

pytestmark = pytest.mark.api


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(tmp_path) as running:
        yield running


async def test_without_a_stream_the_agent_asks_at_intervals_and_hears_again_when_there_is_one(
    servers: Site, switch: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "LOOK_S", 0.5)
    network = (await servers.api.create("network"))["id"]
    await servers.api.create("subnet", network_id=network, ip_version=4, cidr="192.0.2.0/24")
    vm = await servers.vm(network)
    side = await servers.agent(vm)

    async def header() -> str:
        return f"Bearer {side.credential}"

    api = Api(endpoint(side.url, side.ca), header)
    async with Journal(switch.remote, BRIDGE) as journal, AsyncExitStack() as streams:
        engine = Engine(api, journal, Links(), Nested(vm), BOUNDS)
        reconciler = Reconciler(engine, api, vm, tmp_path / "events")

        async def reserved(name: str) -> Attached:
            key = Key(container=name, interface="eth0")
            return await engine.reserve(Attachment(key=key, network=network, door="plug"))

        async def devices() -> set[str]:
            return {recorded.device for recorded in journal.entries()}

        async def hears() -> bool:
            return engine.hears

        # An agent has a number of streams, and not one more.
        for _ in range(STREAMS_OF_ONE_MAX):
            stream = await streams.enter_async_context(side.events())
            assert stream.status == 200
        async with side.events() as one_more:
            assert one_more.status == 503

        web = await reserved("web")
        work = asyncio.create_task(reconciler.run())
        try:
            # Its tag is given to another port, which it sees when it looks: then its own device must go.
            assert web.tag is not None
            await servers.api.delete("port", web.port_id)
            profile = {"parent_name": vm, "tag": web.tag}
            await servers.api.create("port", network_id=network, **{"binding:profile": profile})
            assert not engine.hears
            await until("it has looked", devices, accept=lambda seen: web.device not in seen)

            await streams.aclose()
            await until("there is a stream", hears)
            db = await reserved("db")
            await servers.api.delete("port", db.port_id)
            began = monotonic()
            await until("it has heard", devices, accept=lambda seen: db.device not in seen)
            assert monotonic() - began < 1.0
        finally:
            work.cancel()
            api.close()
