"""A server to be attacked, on a Northbound of its own."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from ovnest.identity.key_ring import KeyRing, new_key
from tests.chassis_pki import authority
from tests.cleanliness import assert_clean
from tests.faults.judge import rows_clash
from tests.http import Http
from tests.ovsdb.servers import DATABASE, PATIENCE, run, standalone
from tests.serving import Server

SLOWEST_MS = 5000.0


class Target(Struct, frozen=True, kw_only=True):
    """The server under attack: how to ask it, and its access log."""

    url: str
    http: Http
    log: Path
    northbound: str

    def answered(self) -> list[dict[str, Any]]:
        """The access log, a line a request."""
        lines = self.log.read_text().split("\n")
        return [json.loads(line) for line in lines if line.startswith('{"peer"')]

    @asynccontextmanager
    async def unchanged(self) -> AsyncIterator[None]:
        """Fail if the database is not, to the last row, what it was before."""
        before = await self._dump()
        yield
        assert await self._dump() == before, "something was changed"

    async def rows(self, *tables: str) -> set[str]:
        """The UUIDs of all rows of these tables."""
        found = [await self._dump(table, "_uuid", "--no-headings", "--format=csv") for table in tables]
        return {line for text in found for line in text.split()}

    async def _dump(self, *words: str) -> str:
        return await run("ovsdb-client", "dump", self.northbound, DATABASE, *words)


@asynccontextmanager
async def attacked(directory: Path) -> AsyncIterator[Target]:
    """Afterwards the server still serves, has said no fault, was never slow, and left all as it should be."""
    log = directory / "log"
    KeyRing([new_key()]).write(directory / "keys.json", is_new=True)
    ca, _ = authority(directory)
    options = ["--log-format", "json", "--agent-keys", str(directory / "keys.json"), "--one-trust-domain"]
    options += ["--agent-url", "https://agents.example.org", "--tls-ca", str(ca)]
    async with standalone() as northbound:
        server = await Server.start("--northbound", northbound.remote, *options, log=log)
        try:
            target = Target(url=server.url, http=Http(server.url), log=log, northbound=northbound.remote)
            yield target
            await target.http.json(200, "GET", "/readyz")
            server.stop()
        finally:
            server.kill()
        said = [line for line in log.read_text().splitlines() if "ERROR" in line or "Traceback" in line]
        assert not said, "\n".join(said[:5])
        # 501 and 505 are the client's doing: a coding or a version of HTTP that is not spoken here.
        faults = [line for line in target.answered() if line["status"] in (500, 502, 503, 504)]
        assert not faults, faults[:5]
        slowest = max(target.answered(), key=lambda line: line["took_ms"])
        assert slowest["took_ms"] < SLOWEST_MS * PATIENCE, slowest
        assert not rows_clash(northbound.remote)
        await assert_clean(northbound.remote)


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[Target]:
    """A server for one test."""
    async with attacked(tmp_path) as target:
        yield target
