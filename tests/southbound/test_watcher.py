"""Which chassis there are, by a real Southbound that is written by hand as ovn-controller would write it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ovnest.sandbox.until import until
from ovnest.southbound import watcher
from ovnest.southbound.chassis import ChassisSeen
from ovnest.southbound.watcher import ChassisWatcher
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


def behind(chassis: ChassisWatcher) -> frozenset[str]:
    seen = chassis.seen
    assert seen is not None
    return seen.behind


def moved(table: str, nb_cfg: int) -> dict[str, object]:
    return {"op": "update", "table": table, "where": [], "row": {"nb_cfg": nb_cfg}}


async def test_a_chassis_is_known_by_its_name_and_host_name_until_it_leaves(southbound: Server) -> None:
    async with ChassisWatcher(southbound.remote, None) as chassis:
        assert chassis.seen is None
        await chassis.client.ready(10)
        assert chassis.seen == ChassisSeen(
            names=frozenset({"hv1"}), hosts=frozenset({"hv1", "hv1.example.org"})
        )
        await write(southbound, {"op": "delete", "table": "Chassis", "where": []})

        async def nobody() -> bool:
            return chassis.seen == ChassisSeen()

        await until("the chassis is gone", nobody)


async def test_a_chassis_that_does_not_follow_is_behind_after_a_while(
    southbound: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ChassisWatcher(southbound.remote, None) as chassis:
        await chassis.client.ready(10)
        assert behind(chassis) == frozenset()
        await write(southbound, moved("SB_Global", 6))

        async def is_late() -> bool:
            return bool(chassis._late_since)

        await until("it is late", is_late)
        assert behind(chassis) == frozenset(), "not yet"
        monkeypatch.setattr(watcher, "BEHIND_AFTER_S", 0.0)
        assert behind(chassis) == {"hv1", "hv1.example.org"}
        await write(southbound, moved("Chassis_Private", 6))

        async def follows() -> bool:
            return not behind(chassis)

        await until("it follows again", follows)
