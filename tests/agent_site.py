"""Two servers on one Northbound with one key ring, and agents of VMs on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovnest.identity.key_ring import KeyRing, new_key
from tests.agent_side import AgentSide, Answer, certificate, url_for_agents
from tests.asking import Api
from tests.cleanliness import assert_clean
from tests.ovsdb.servers import standalone
from tests.serving import Server


class Site(Struct, frozen=True, kw_only=True):
    """Two servers on one Northbound, with one key ring: the API, and where agents go."""

    directory: Path
    northbound: str
    api: Api
    other_api: Api
    side: AgentSide
    other_side: AgentSide
    servers: tuple[Server, Server]

    @property
    def ring(self) -> Path:
        return self.directory / "keys.json"

    async def code(self, parent: str, **wanted: Any) -> str:
        """A code for the agent of that parent."""
        code: str = (await self.new_code(parent=parent, **wanted))["code"]
        return code

    async def new_code(self, **wanted: Any) -> dict[str, Any]:
        answer = await self.api.ask("POST", "/v2.0/agent-codes", {"agent_code": wanted})
        assert answer.status == 201, answer
        made: dict[str, Any] = answer.body["agent_code"]
        return made

    async def vm(self, network_id: str, **attributes: Any) -> str:
        """The id of a new VM's port."""
        key: str = (await self.api.create("port", network_id=network_id, **attributes))["id"]
        return key

    async def agent(self, parent: str, **wanted: Any) -> AgentSide:
        """An enrolled agent of that parent."""
        return await self.side.enrolled(await self.code(parent, **wanted))

    async def state(self, subject: str) -> dict[str, Any]:
        answer = await self.other_api.ask("GET", f"/v2.0/agent-codes/{subject}")
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body["agent_code"]
        return found


@asynccontextmanager
async def running_site(directory: Path) -> AsyncIterator[Site]:
    """A site with an empty Northbound, which must be clean at the end, and its logs without secrets."""
    KeyRing([new_key()]).write(directory / "keys.json", is_new=True)
    cert, key = certificate(directory, "server")
    options = ["--agent-listen", "127.0.0.1:0", "--agent-keys", str(directory / "keys.json")]
    options += ["--tls-cert", str(cert), "--tls-key", str(key), "--parent-delete", "cascade"]
    options += ["--one-trust-domain"]
    async with standalone() as northbound:
        one = await Server.start("--northbound", northbound.remote, *options, log=directory / "one.log")
        try:
            two = await Server.start("--northbound", northbound.remote, *options, log=directory / "two.log")
            try:
                yield Site(
                    directory=directory,
                    northbound=northbound.remote,
                    api=Api(one.url),
                    other_api=Api(two.url),
                    side=AgentSide(await url_for_agents(one), cert.read_text()),
                    other_side=AgentSide(await url_for_agents(two), cert.read_text()),
                    servers=(one, two),
                )
                await assert_clean(northbound.remote, parent_delete="cascade")
            finally:
                two.stop()
        finally:
            one.stop()
    for log in ("one.log", "two.log"):
        said = (directory / log).read_text()
        assert "Traceback" not in said
        assert "ovnest1." not in said, "a code or a credential stands in the log"


def refused(answer: Answer, status: int, kind: str) -> str:
    """What the refusal says; it must be this one."""
    assert (answer.status, answer.error) == (status, kind), answer
    message: str = answer.body["NeutronError"]["message"]
    return message
