"""A Northbound that the release before has written: how it is served, and upgraded while it is served.

`tests/data/layout-1.db` is the database's file as ovsdb-server left it; `layout-1.json` is what that release
showed of it, and when. Three VMs have or had containers: of vm1's tags 2 and 4 are freed and 5 was the last.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ovnest.api import store as store_module
from ovnest.api.store import Store
from ovnest.cli import upgrade as verb
from ovnest.cli.upgrade import upgrade
from ovnest.config import Settings
from ovnest.northbound.ledger import LAYOUT, LAYOUT_KEY
from ovnest.northbound.names import LEDGER_UUID, document_uuid
from ovnest.northbound.tables import Document
from ovnest.operations import CATALOGUE
from ovnest.policy import Policy
from ovnest.resources.agent_code import AgentCode
from ovnest.sandbox.until import patience
from tests.cleanliness import assert_clean, findings_in
from tests.front_door import ADMIN, Body, FrontDoor, Refused
from tests.northbound_server import Northbound, running

pytestmark = pytest.mark.ovsdb

DATA = Path(__file__).parents[1] / "data"
SAVED: dict[str, Any] = json.loads((DATA / "layout-1.json").read_text())
VM1, VM2, VM3 = (
    next(port["id"] for port in SAVED["port"] if port["name"] == name) for name in ("vm1", "vm2", "vm3")
)
PRIVATE = next(network["id"] for network in SAVED["network"] if network["name"] == "private")
READY_TIMEOUT_S = 10.0
TIMEOUT_S = 30.0
HOLD_DOWN_S = 601


@pytest.fixture
def northbound() -> Iterator[Northbound]:
    with running(DATA / "layout-1.db") as server:
        yield server


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock of servers in this process; `seconds` is when the release before showed what it did."""
    clock = SimpleNamespace(seconds=SAVED["seconds"])
    monkeypatch.setattr(store_module, "time", SimpleNamespace(time=lambda: clock.seconds))
    return clock


@pytest.fixture
async def door(northbound: Northbound, clock: SimpleNamespace) -> AsyncIterator[FrontDoor]:
    """A server of this release, by its front door; in the end the check finds nothing."""
    async with Store(settings(northbound), Policy(CATALOGUE)) as store:
        await store.ready(READY_TIMEOUT_S)
        yield FrontDoor(store)
    await assert_clean(northbound.remote)


def settings(northbound: Northbound) -> Settings:
    return Settings(northbound=northbound.remote, durable=False)


def said(northbound: Northbound, *options: str) -> tuple[int, str]:
    """The status of `ovnest upgrade`, and what it said, of its failure too."""
    command = [sys.executable, "-m", "ovnest", "upgrade", "--northbound", northbound.remote, *options]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S * patience(),
        check=False,
        env={**os.environ, "PYTHONASYNCIODEBUG": "0"},  # it says on stderr what took 0.1 s on a busy machine
    )
    return done.returncode, done.stdout + done.stderr


async def container(door: FrontDoor, parent: str, **more: Any) -> Body:
    profile = {"parent_name": parent, **more}
    return await door.create("port", network_id=PRIVATE, **{"binding:profile": profile})


async def tag(door: FrontDoor, parent: str) -> int:
    """The tag that a new container port of that parent is given."""
    given: int = (await container(door, parent))["binding:profile"]["tag"]
    return given


async def tag_rows(door: FrontDoor) -> dict[str, dict[str, str]]:
    """What is remembered of tags, by the names of the rows."""
    await door.store.client.barrier()
    return {
        row.name: {key: value for key, value in row.external_ids.items() if key != "ovnest:kind"}
        for row in door.store.client.replica.rows(Document)
        if "tags:" in row.name
    }


def remembered(name: str) -> dict[str, dict[str, str]]:
    """What the release before remembered of tags, where rows are called so."""
    when = str(SAVED["seconds"])
    return {
        f"ovnest:{name}:{VM1}": {"last": "5", "freed.2": when, "freed.4": when},
        f"ovnest:{name}:{VM2}": {"last": "1"},
        f"ovnest:{name}:{VM3}": {"last": "1", "freed.1": when},
    }


async def layout(door: FrontDoor) -> str:
    return (await door.row(Document, LEDGER_UUID)).external_ids[LAYOUT_KEY]


async def assert_shows_the_same(door: FrontDoor) -> None:
    """Everything that the release before showed is shown, and nothing beside it."""
    for kind in ("network", "subnet", "port"):
        shown = {body["id"]: body for body in await door.list(kind)}
        was = {body["id"]: body for body in SAVED[kind]}
        assert shown.keys() == was.keys()
        for key, body in was.items():  # a later release may show more of each
            assert {name: shown[key][name] for name in body} == body
    codes = await door.store.read(ADMIN, lambda tx: list(tx.all(AgentCode)))
    assert {(code.id, bool(code.grant)) for code in codes} == {
        (code["subject"], code["state"] == "enrolled") for code in SAVED["agent_code"]
    }


async def test_a_northbound_of_the_release_before_is_served_as_it_was(door: FrontDoor) -> None:
    await assert_shows_the_same(door)
    assert await tag_rows(door) == remembered("tags")
    assert await layout(door) == "1"


async def test_freed_tags_are_held_down_and_the_next_one_is_chosen_as_before(
    door: FrontDoor, clock: SimpleNamespace
) -> None:
    assert [await tag(door, VM1) for _ in range(2)] == [6, 7], "2 and 4 are free, but not yet"
    assert await tag(door, VM3) == 2, "1 was freed"
    assert (await container(door, VM1, tag=2))["binding:profile"]["tag"] == 2, "asked for, it is given"
    async with Refused(409, "TagInUse"):
        await container(door, VM1, tag=42)
    clock.seconds += HOLD_DOWN_S
    assert await tag(door, VM1) == 8


async def test_rows_stay_as_the_release_before_reads_them_until_the_upgrade(
    door: FrontDoor, northbound: Northbound
) -> None:
    await tag(door, VM1)
    fresh = (await door.create("port", network_id=PRIVATE))["id"]
    await tag(door, fresh)
    rows = await tag_rows(door)
    assert rows.keys() == {*remembered("tags"), f"ovnest:tags:{fresh}"}
    assert rows[f"ovnest:tags:{VM1}"]["last"] == "6"
    assert await layout(door) == "1"
    assert await findings_in(northbound.remote) == []


async def test_after_the_upgrade_every_row_has_its_new_name_and_all_else_is_as_it_was(
    door: FrontDoor, northbound: Northbound
) -> None:
    def others() -> set[str]:
        tables = ("Logical_Switch", "Logical_Switch_Port", "DHCP_Options")
        return {northbound.nbctl("--format=csv", "list", table) for table in tables}

    before = others()
    status, words = await asyncio.to_thread(said, northbound)
    assert (status, words) == (0, "The Northbound has layout 2. 3 rows written anew.\n")
    assert await tag_rows(door) == remembered("vlan-tags")
    assert await layout(door) == str(LAYOUT)
    assert others() == before
    await assert_shows_the_same(door)
    assert await findings_in(northbound.remote) == []
    assert [await tag(door, VM1) for _ in range(2)] == [6, 7]
    assert (await tag_rows(door)).keys() == remembered("vlan-tags").keys()

    seq = await door.seq()
    status, words = await asyncio.to_thread(said, northbound)
    assert (status, words) == (0, "The Northbound has layout 2 already: nothing is to be done.\n")
    assert await door.seq() == seq, "and nothing was written"


async def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    door: FrontDoor, northbound: Northbound
) -> None:
    before = northbound.nbctl("list", "Copp")
    status, words = await asyncio.to_thread(said, northbound, "--dry-run")
    assert status == 1
    assert words == "The Northbound has layout 1. It would have layout 2, and 3 rows would be written anew.\n"
    status, words = await asyncio.to_thread(said, northbound, "--dry-run", "--json")
    assert json.loads(words) == {"before": 1, "layout": 1, "rewritten": 0, "left": 3}
    assert northbound.nbctl("list", "Copp") == before


async def test_rows_are_rewritten_so_many_in_a_transaction(
    door: FrontDoor, northbound: Northbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "AT_ONCE", 2)
    before = await door.seq()
    report = await upgrade(settings(northbound))
    assert (report.before, report.layout, report.rewritten, report.left) == (1, 2, 3, 0)
    assert await door.seq() == before + 3, "the number, two rows, one row"


async def test_a_row_that_was_not_rewritten_is_read_and_is_rewritten_with_its_next_change(
    door: FrontDoor, northbound: Northbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def dies(tx: object, some: object) -> int:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(verb, "rewrite", dies)
        with pytest.raises(Killed):
            await upgrade(settings(northbound))
    assert await layout(door) == "2"
    assert await tag_rows(door) == remembered("tags")
    await assert_shows_the_same(door)
    assert await tag(door, VM1) == 6
    old, new = remembered("tags"), remembered("vlan-tags")
    assert (await tag_rows(door)).keys() == {*new} & {f"ovnest:vlan-tags:{VM1}"} | {*old} - {
        f"ovnest:tags:{VM1}"
    }
    assert {finding.kind for finding in await findings_in(northbound.remote)} == {"differs"}
    status, words = await asyncio.to_thread(said, northbound, "--dry-run")
    assert (status, words) == (1, "The Northbound has layout 2. 2 rows would be written anew.\n")
    status, words = await asyncio.to_thread(said, northbound)
    assert (status, words) == (0, "The Northbound has layout 2. 2 rows written anew.\n")
    assert (await tag_rows(door)).keys() == new.keys()


async def test_servers_that_write_meanwhile_give_no_tag_twice_and_leave_no_row_behind(
    door: FrontDoor, northbound: Northbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "AT_ONCE", 1)
    given: list[int] = []
    upgraded = asyncio.Event()

    async def keep_making() -> None:
        for after in count():
            given.append(await tag(door, VM1))
            if upgraded.is_set() and after > 5:
                return
            if after == 40:  # four of them have 250 addresses
                await upgraded.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(keep_making())
        report = await upgrade(settings(northbound))
        upgraded.set()
    assert report.before == 1
    assert len(set(given)) == len(given)
    assert not {2, 4} & set(given), "they were freed a moment ago"
    assert (await tag_rows(door)).keys() == remembered("vlan-tags").keys()


async def test_a_row_that_cannot_be_read_is_left_and_said(northbound: Northbound) -> None:
    row = document_uuid("tags", VM1)
    northbound.nbctl("set", "Copp", row, "external_ids:last=many")
    status, words = await asyncio.to_thread(said, northbound)
    assert status == 1
    assert (
        words == "The Northbound has layout 2. 2 rows written anew; 1 row left: `ovnest check` says more.\n"
    )
    (found,) = await findings_in(northbound.remote)
    assert (found.kind, found.name) == ("not-understood", f"ovnest:tags:{VM1}")
    northbound.nbctl("set", "Copp", row, "external_ids:last=5")
    assert (await asyncio.to_thread(said, northbound))[0] == 0
    await assert_clean(northbound.remote)


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
async def test_a_layout_that_nobody_knows_is_refused_and_left(
    northbound: Northbound, options: tuple[str, ...]
) -> None:
    northbound.nbctl("set", "Copp", LEDGER_UUID, "external_ids:ovnest\\:layout=9")
    before = northbound.nbctl("list", "Copp")
    status, words = await asyncio.to_thread(said, northbound, *options)
    assert status == 2
    assert words.startswith(
        "ovnest upgrade: The Northbound database has layout 9, and this release knows 1, 2"
    )
    assert northbound.nbctl("list", "Copp") == before


def test_a_database_that_is_not_there_is_not_upgraded(tmp_path: Path) -> None:
    status, words = said(Northbound(tmp_path))
    assert status == 2
    assert words.startswith("ovnest upgrade: ")


def test_an_empty_northbound_needs_no_upgrade() -> None:
    with running() as empty:
        assert said(empty, "--dry-run") == (
            0,
            "The Northbound has layout 2 already: nothing is to be done.\n",
        )
        assert empty.nbctl("list", "Copp") == "", "a look leaves nothing behind"
