"""`ovnest serve` and its database: a backup put back, the ledger deleted, an OVN central of its own."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from ovnest.northbound.ledger import LEDGER
from ovnest.sandbox.until import until
from tests.api.starting import Starter
from tests.cleanliness import assert_clean
from tests.http import Answer, Http
from tests.ovsdb.servers import DATABASE, run
from tests.ovsdb.servers import Server as Northbound

pytestmark = [pytest.mark.api]


async def test_a_restored_backup_is_what_the_api_shows_and_goes_on_with(
    own_northbound: Northbound, start: Starter
) -> None:
    http = Http((await start("--northbound", own_northbound.remote)).url)
    kept = await http.create("network", name="in the backup")
    backup = own_northbound.directory / "nb.backup"
    await run("/bin/sh", "-c", f"ovsdb-client backup {own_northbound.remote} {DATABASE} > {backup}")
    for number in range(5):
        await http.create("network", name=f"after the backup {number}")
    await own_northbound.kill(signal.SIGTERM)
    shutil.copy(backup, own_northbound.database)
    await own_northbound.start()

    async def listed() -> Answer:
        return await http("GET", "/v2.0/networks")

    answer = await until("it answers", listed, accept=lambda seen: seen.status == 200)
    assert answer.body == {"networks": [kept]}

    async def written() -> Answer:
        return await http("POST", "/v2.0/networks", {"network": {"name": "on we go"}})

    answer = await until("it writes", written, accept=lambda seen: seen.status == 201)
    assert await http.list("network", f"?id={answer.body['network']['id']}") == [answer.body["network"]]
    await assert_clean(own_northbound.remote)


async def test_a_deleted_ledger_does_no_harm(own_northbound: Northbound, start: Starter) -> None:
    http = Http((await start("--northbound", own_northbound.remote)).url)
    network = await http.create("network")
    await own_northbound.nbctl("destroy", "Copp", LEDGER.uuid)

    async def written() -> Answer:
        return await http("POST", "/v2.0/ports", {"port": {"network_id": network["id"]}})

    answer = await until("it writes", written, accept=lambda seen: seen.status == 201)
    assert await http.list("port") == [answer.body["port"]]
    await assert_clean(own_northbound.remote)


async def test_with_an_embedded_central_everything_is_there_after_a_restart_even_from_a_kill(
    start: Starter,
) -> None:
    directory = Path(tempfile.mkdtemp(prefix="ovx", dir="/tmp"))
    try:
        server = await start("--embedded", str(directory / "ovn"))
        http = Http(server.url)
        network = await http.create("network", name="kept")
        vm = await http.create("port", network_id=network["id"])
        await until("northd carries it to the Southbound", lambda: _bound_for(directory, vm["id"]))
        server.stop()
        assert not _daemons(directory), "its children end with it"

        server = await start("--embedded", str(directory / "ovn"), listen=f"127.0.0.1:{server.port}")
        assert await http.list("network") == [network]
        child = await http.create(
            "port", network_id=network["id"], binding__profile={"parent_name": vm["id"]}
        )
        server.kill()
        await until("its children end though it was killed", lambda: _ended(directory))

        server = await start("--embedded", str(directory / "ovn"), listen=f"127.0.0.1:{server.port}")
        ports = await http.list("port", "?sort_key=created_at&sort_dir=asc")
        assert {port["id"] for port in ports} == {vm["id"], child["id"]}
        with pytest.raises(AssertionError, match=r"status 1: .*another process runs OVN's central part in"):
            await start("--embedded", str(directory / "ovn"))
        await assert_clean(f"unix:{directory}/ovn/nb.sock")
        server.stop()
    finally:
        shutil.rmtree(directory)


async def _bound_for(directory: Path, port: str) -> bool:
    database = f"--db=unix:{directory}/ovn/sb.sock"
    return bool(
        (await run("ovn-sbctl", database, "--bare", "find", "Port_Binding", f"logical_port={port}")).strip()
    )


async def _ended(directory: Path) -> bool:
    return not _daemons(directory)


def _daemons(directory: Path) -> list[int]:
    """The processes that have the directory in their command line (proc(5))."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(directory).encode() in words:
                found.append(int(entry.name))
    return found
