import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ovnest.api.store import Store
from ovnest.config import Settings
from ovnest.operations import CATALOGUE
from ovnest.policy import Policy
from ovnest.rows import HOMES
from ovnest.sandbox.until import patience
from tests.front_door import FrontDoor
from tests.northbound_server import Northbound, running

pytestmark = pytest.mark.ovsdb

TIMEOUT_S = 30.0


@pytest.fixture
def northbound() -> Iterator[Northbound]:
    with running() as server:
        yield server


def said(northbound: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """What `ovnest check` says of that database."""
    command = [sys.executable, "-m", "ovnest", "check", "--northbound", northbound, *options]
    # Without asyncio's debug mode, which tells of slow turns on a busy machine among what we compare.
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONASYNCIODEBUG"}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S * patience(),
        check=False,
        env=surroundings,
    )


def filled(northbound: Northbound) -> dict[str, Any]:
    """A container port and what it needs; the ids of its parent and its own."""

    async def fill() -> dict[str, Any]:
        async with Store(Settings(northbound=northbound.remote), Policy(CATALOGUE)) as store:
            await store.client.ready(TIMEOUT_S)
            door = FrontDoor(store)
            network = await door.create("network")
            await door.create("subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4)
            vm = await door.create("port", network_id=network["id"])
            profile = {"parent_name": vm["id"], "tag": 42}
            web = await door.create("port", network_id=network["id"], **{"binding:profile": profile})
            return {"vm": vm["id"], "web": web["id"]}

    return asyncio.run(fill())


def test_a_clean_database_is_said_to_be_so_and_nothing_is_written(northbound: Northbound) -> None:
    done = said(northbound.remote)
    assert (done.returncode, done.stdout, done.stderr) == (0, "The Northbound is as it should be.\n", "")
    for table in HOMES.row_types:
        assert northbound.nbctl("list", table.TABLE) == "", "a look leaves nothing behind"
    filled(northbound)
    before = northbound.nbctl("list", "Copp")
    assert said(northbound.remote).returncode == 0
    assert json.loads(said(northbound.remote, "--json").stdout) == {"repaired": [], "left": []}
    assert northbound.nbctl("list", "Copp") == before


def test_findings_are_listed_with_what_is_there_and_what_should_be(northbound: Northbound) -> None:
    ids = filled(northbound)
    northbound.nbctl("lsp-set-addresses", ids["web"], "dynamic")
    northbound.nbctl("set", "Logical_Switch_Port", ids["web"], "external_ids:neutron\\:mtu=9")
    done = said(northbound.remote)
    assert done.returncode == 1
    assert "Found: 2" in done.stdout
    assert f'differs: Logical_Switch_Port {ids["web"]} addresses: has ["dynamic"]' in done.stdout
    # Of a map just the keys that differ.
    assert 'has {"neutron:mtu":"9"}, should have {"neutron:mtu":""}' in done.stdout
    assert "--repair puts it right" in done.stdout
    (first, second) = json.loads(said(northbound.remote, "--json").stdout)["left"]
    assert {first["column"], second["column"]} == {"addresses", "external_ids"}
    assert {first["kind"], first["row"]} == {"differs", ids["web"]}


def test_a_repair_says_what_it_repaired_and_what_it_left(northbound: Northbound) -> None:
    ids = filled(northbound)
    northbound.nbctl("lsp-set-addresses", ids["web"], "dynamic")
    northbound.nbctl("lsp-set-type", ids["vm"], "virtual")
    done = said(northbound.remote, "--repair")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Repaired: 2" in done.stdout
    assert "dynamic" not in northbound.nbctl("lsp-get-addresses", ids["web"])
    assert said(northbound.remote).returncode == 0

    northbound.nbctl("set", "Logical_Switch_Port", ids["web"], "tag=7", "parent_name=nobody")
    done = said(northbound.remote, "--repair", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert [finding["kind"] for finding in report["repaired"]] == ["differs"]
    assert [finding["kind"] for finding in report["left"]] == ["no-parent"]
    assert northbound.nbctl("lsp-get-tag", ids["web"]) == "42"
    assert "not repaired: it is for people to decide" in said(northbound.remote).stdout


def test_a_database_that_is_not_there_is_no_clean_one() -> None:
    done = said("unix:/tmp/no-such.sock", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ovnest check: ")
    done = said("unix:/tmp/x.sock,nonsense")
    assert done.returncode == 2
