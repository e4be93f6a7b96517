"""The engine on a real Open vSwitch database and a real server, without a switch, without OVN."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import Struct

from ovnest.agent.attachment.bounds import Bounds
from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.journal import Journal
from ovnest.agent.attachment.nested import Nested
from ovnest.agent.client.api import Api
from ovnest.agent.client.http import Endpoint
from ovnest.agent.vm.link import Links
from tests import asking
from tests.ovsdb.servers import Server as DatabaseServer
from tests.ovsdb.servers import run, standalone
from tests.serving import Server

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
BRIDGE = "br-vm"
BOUNDS = Bounds(plug_s=0.5, active_s=0.5, doubt_s=1.0, reserved_s=3.0)


class Site(Struct, frozen=True, kw_only=True):
    """An engine, and what it works with; `parent` is its parent port, `network` the id of a network."""

    engine: Engine
    journal: Journal
    switch: DatabaseServer
    api: asking.Api
    agent_api: Api
    parent: str
    network: str

    async def children(self) -> list[str]:
        """The ids of the ports under the parent."""
        ports = await self.api.list("port")
        return [each["id"] for each in ports if each["binding:profile"].get("parent_name") == self.parent]

    async def on_bridge(self) -> list[str]:
        """The ports of the bridge, as ovs-vsctl says."""
        return (await self.vsctl("list-ports", BRIDGE)).split()

    async def vsctl(self, *words: str) -> str:
        return await vsctl(self.switch, *words)


async def vsctl(server: DatabaseServer, *words: str) -> str:
    """What ovs-vsctl says of a database without an ovs-vswitchd."""
    return await run("ovs-vsctl", f"--db={server.remote}", "--no-wait", "--timeout=10", *words)


async def nobody() -> str | None:
    return None


@pytest.fixture
async def switch() -> AsyncIterator[DatabaseServer]:
    """A real Open vSwitch database with a bridge."""
    async with standalone(schema=SCHEMA) as server:
        await vsctl(server, "init", "--", "add-br", BRIDGE)
        yield server


@pytest.fixture
async def site(switch: DatabaseServer, tmp_path: Path) -> AsyncIterator[Site]:
    """An engine on it, and on a server with a network of its own."""
    async with standalone() as northbound:
        server = await Server.start("--northbound", northbound.remote, log=tmp_path / "server.log")
        try:
            api = asking.Api(server.url)
            network = (await api.create("network", name="blue"))["id"]
            await api.create("subnet", network_id=network, ip_version=4, cidr="192.0.2.0/24")
            parent = (await api.create("port", network_id=network))["id"]
            asked = Api(Endpoint(host="127.0.0.1", port=server.port), nobody)
            async with Journal(switch.remote, BRIDGE) as journal:
                yield Site(
                    engine=Engine(asked, journal, Links(), Nested(parent), BOUNDS),
                    journal=journal,
                    switch=switch,
                    api=api,
                    agent_api=asked,
                    parent=parent,
                    network=network,
                )
            asked.close()
        finally:
            await asyncio.to_thread(server.stop)
