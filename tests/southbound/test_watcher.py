"""Which hosts live, by a real Southbound that is written by hand as ovn-controller would write it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ovnest.sandbox.until import until
from ovnest.southbound import watcher
from ovnest.southbound.watcher import Hosts
from tests.ovsdb.servers import Server, standalone

pytestmark = pytest.mark.ovsdb
SCHEMA = Path("/usr/share/ovn/ovn-sb.ovsschema")


@pytest.fixture
async def southbound() -> AsyncIterator[Server]:
    """A Southbound with the chassis hv1, that has come as far as it should."""
    async with standalone(schema=SCHEMA) as server:
        await write(
            server,
            {"op": "insert", "table": "SB_Global", "row": {"nb_cfg": 5}},
            {
                "op": "insert",
                "table": "Encap",
                "row": {"type": "geneve", "ip": "192.0.2.1", "chassis_name": "hv1"},
                "uuid-name": "encap",
            },
            {
                "op": "insert",
                "table": "Chassis",
                "row": {"name": "hv1", "hostname": "hv1.example.org", "encaps": ["named-uuid", "encap"]},
            },
            {"op": "insert", "table": "Chassis_Private", "row": {"name": "hv1", "nb_cfg": 5}},
        )
        yield server


async def write(server: Server, *operations: object) -> None:
    request = json.dumps(["OVN_Southbound", *operations])
    process = await asyncio.create_subprocess_exec(
        "ovsdb-client", "transact", server.remote, request, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert b"error" not in said, said


def moved(table: str, nb_cfg: int) -> dict[str, object]:
    return {"op": "update", "table": table, "where": [], "row": {"nb_cfg": nb_cfg}}


async def test_a_chassis_is_known_by_its_name_and_host_name_until_it_leaves(southbound: Server) -> None:
    async with Hosts(southbound.remote, None) as seen:
        assert seen.names is None
        await seen.client.ready(10)
        assert seen.names == {"hv1", "hv1.example.org"}
        await write(southbound, {"op": "delete", "table": "Chassis", "where": []})

        async def nobody() -> bool:
            return seen.names == frozenset()

        await until("the chassis is gone", nobody)


async def test_a_chassis_that_does_not_follow_is_behind_after_a_while(
    southbound: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Hosts(southbound.remote, None) as seen:
        await seen.client.ready(10)
        assert seen.behind == frozenset()
        await write(southbound, moved("SB_Global", 6))

        async def is_late() -> bool:
            return bool(seen._late_since)

        await until("it is late", is_late)
        assert seen.behind == frozenset(), "not yet"
        monkeypatch.setattr(watcher, "BEHIND_AFTER_S", 0.0)
        assert seen.behind == {"hv1", "hv1.example.org"}
        await write(southbound, moved("Chassis_Private", 6))

        async def follows() -> bool:
            return not seen.behind

        await until("it follows again", follows)
