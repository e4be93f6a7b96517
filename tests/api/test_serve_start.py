"""`ovnest serve` as a process: where it listens, and what it refuses to start with."""

import json
import stat
from pathlib import Path

import pytest

from ovnest.northbound.ledger import LEDGER
from tests.api.starting import Starter
from tests.http import Http
from tests.ovsdb.servers import SCHEMA, run_directory, standalone
from tests.ovsdb.servers import Server as Northbound

pytestmark = [pytest.mark.api]

each_number_of_workers = pytest.mark.parametrize("workers", [1, 2])


# Where it listens


async def test_it_listens_on_a_unix_socket_for_its_group_alone_and_takes_it_away(
    own_northbound: Northbound, start: Starter
) -> None:
    async with run_directory() as directory:
        path = directory / "api.sock"
        options = ("--northbound", own_northbound.remote)
        server = await start(*options, listen=f"unix:{path}")
        assert server.url == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        http = Http(server.url)
        network = await http.create("network")
        listed = await http("GET", "/v2.0/networks", None, Host="whatever.example.org")
        assert listed.body == {"networks": [network]}, "no browser reaches a Unix socket, so any name will do"
        with pytest.raises(
            AssertionError, match=r"status 1: .*cannot listen on unix:\S+: Address already in use"
        ):
            await start(*options, listen=f"unix:{path}")
        assert await http.list("network") == [network], "the first one is served still"

        server.kill()
        assert path.exists()
        again = await start(*options, listen=f"unix:{path}")
        assert await http.list("network") == [network], "a socket that a killed server left is replaced"
        again.stop()
        assert not path.exists()


async def test_it_listens_on_ipv6_loopback(own_northbound: Northbound, start: Starter) -> None:
    server = await start("--northbound", own_northbound.remote, listen="[::1]:0")
    assert server.url.startswith("http://[::1]:")
    http = Http(server.url)
    listed = await http.json(200, "GET", "/v2.0/")
    assert f"{server.url}/v2.0/networks" in str(listed)


async def test_an_address_that_another_has_is_status_1(own_northbound: Northbound, start: Starter) -> None:
    server = await start("--northbound", own_northbound.remote)
    taken = f"127.0.0.1:{server.port}"
    with pytest.raises(AssertionError, match=f"status 1: .*cannot listen on {taken}: Address already in use"):
        await start("--northbound", own_northbound.remote, listen=taken)


async def test_it_is_called_by_loopbacks_names_or_one_that_it_was_given(
    own_northbound: Northbound, start: Starter
) -> None:
    server = await start("--northbound", own_northbound.remote, "--allowed-host", "api.example.org")
    http = Http(server.url)
    for host in (
        "127.0.0.1",
        "localhost",
        f"localhost:{server.port}",
        "[::1]:80",
        "api.example.org",
        "API.example.org:1",
    ):
        assert (await http("GET", "/v2.0/networks", None, Host=host)).status == 200, host
    for host in ("example.org", "api.example.org.evil.example", "127.0.0.1.evil.example"):
        refused = await http("GET", "/v2.0/networks", None, Host=host)
        assert (refused.status, refused.error) == (403, "HTTPForbidden"), host
        assert "--allowed-host" in refused.message
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        refused = await http("POST", "/v2.0/networks", {"network": {}}, Content_Type=kind)
        assert (refused.status, refused.error) == (415, "HTTPUnsupportedMediaType"), kind
    page = await http("POST", "/v2.0/networks", {"network": {}}, Origin="http://evil.example")
    assert page.status == 403
    assert await http.list("network") == []


# What it refuses to start with


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--listen", "0.0.0.0:9696"), ("0.0.0.0:9696", "loopback", "127.0.0.1:9696")),
        (("--listen", "192.0.2.1:0"), ("192.0.2.1:0", "loopback")),
        (("--listen", "spam"), ("spam", "127.0.0.1:9696")),
        (("--workers", "0"), ("--workers", "0")),
        (("--workers", "x"), ("--workers", "x")),
        (("--base-mac", "01:00:00:00:00:00"), ("--base-mac",)),
        (("--physical-mtu", "1"), ("--physical-mtu",)),
        (("--northbound", "spam:x"), ("spam:x",)),
        (("--northbound", "ssl:192.0.2.1:6641"), ("private",)),
        (("--northbound", ""), ("--northbound",)),
        (("--northbound", "unix:/x", "--private-key", "key.pem"), ("--certificate", "together")),
        (("--northbound", "unix:/x", "--embedded", "/proc/x"), ("--embedded", "leave --northbound out")),
    ],
)  # fmt: skip
async def test_a_setting_that_cannot_be_is_status_2_and_said(
    start: Starter, options: tuple[str, ...], words: tuple[str, ...]
) -> None:
    listen = options[1] if options[0] == "--listen" else "127.0.0.1:0"
    rest = () if options[0] == "--listen" else options
    with pytest.raises(AssertionError, match="ended with status 2") as told:
        await start(*rest, listen=listen)
    for word in words:
        assert word in str(told.value)
    assert "Traceback" not in str(told.value)


async def test_a_misspelt_variable_is_status_2_and_the_nearest_is_said(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVNEST_NORTBOUND", "unix:/nowhere")
    with pytest.raises(AssertionError, match=r"status 2: .*OVNEST_NORTBOUND.*Did you mean OVNEST_NORTHBOUND"):
        await start()


@each_number_of_workers
async def test_a_northbound_that_a_newer_release_has_written_is_status_1(
    own_northbound: Northbound, start: Starter, workers: int
) -> None:
    first = await start("--northbound", own_northbound.remote)
    await Http(first.url).create("network")
    first.stop()
    await own_northbound.nbctl("set", "Copp", LEDGER.uuid, "external_ids:ovnest\\:layout=99")
    with pytest.raises(AssertionError, match="ended with status 1") as told:
        await start("--northbound", own_northbound.remote, "--workers", str(workers))
    assert "layout 99" in str(told.value)
    assert "Traceback" not in str(told.value)


async def test_a_running_server_stops_writing_when_a_newer_release_takes_over(
    own_northbound: Northbound, start: Starter
) -> None:
    http = Http((await start("--northbound", own_northbound.remote)).url)
    await http.create("network", name="before")
    await own_northbound.nbctl("set", "Copp", LEDGER.uuid, "external_ids:ovnest\\:layout=99")
    for method, body in (("GET", None), ("POST", {"network": {"name": "after"}})):
        refused = await http(method, "/v2.0/networks", body)
        assert (refused.status, refused.error) == (503, "ServiceUnavailable")
        assert "layout 99" in refused.message
    assert "after" not in await own_northbound.nbctl(
        "--bare", "--columns=external_ids", "list", "Logical_Switch"
    )


async def test_a_northbound_without_a_table_that_is_needed_is_status_1_that_names_it(
    start: Starter, tmp_path: Path
) -> None:
    schema = json.loads(SCHEMA.read_text())
    del schema["tables"]["Copp"]
    for table in schema["tables"].values():
        table["columns"].pop("copp", None)
    del schema["cksum"]
    older = tmp_path / "older.ovsschema"
    older.write_text(json.dumps(schema))
    async with standalone(schema=older) as northbound:
        with pytest.raises(AssertionError, match="ended with status 1") as told:
            await start("--northbound", northbound.remote)
        assert "Copp" in str(told.value)
        assert "Traceback" not in str(told.value)
