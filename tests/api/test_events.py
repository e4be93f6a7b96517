"""Events: what becomes of ports, to those who may see them, in order, and again after a break."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ovnest.api import events
from ovnest.api.events import Events, PortChange, Viewer
from ovnest.errors.http import HTTPServiceUnavailable
from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.ovsdb import Client, RowUuid
from ovnest.rows.port.lookups import PortOwner, port_owner
from ovnest.transaction import Tx
from tests.agent_side import AgentSide, Stream
from tests.agent_site import Site
from tests.serving import Server

pytestmark = [pytest.mark.api, pytest.mark.asyncio(loop_scope="module")]


@asynccontextmanager
async def watching(api_url: str, query: str = "", last_id: str = "") -> AsyncIterator[Stream]:
    """Events at the API's own listener."""
    async with AgentSide(api_url, "").events(query, last_id) as stream:
        yield stream


async def test_what_becomes_of_a_port_is_told_in_order_whichever_server_did_it(site: Site, lan: str) -> None:
    async with watching(site.api.url, f"?network_id={lan}") as stream:
        assert stream.status == 200
        assert stream.headers["content-type"] == "text/event-stream"
        port = await site.other_api.create("port", network_id=lan, name="web")
        made = await stream.next()
        assert (made.kind, made.data["port"]) == ("port.create", port)
        changed = await site.api.update("port", port["id"], name="new")
        told = await stream.next()
        assert (told.kind, told.data["port"]) == ("port.update", changed)
        await site.api.update("port", port["id"], description="in the document row")
        told = await stream.next()
        assert told.data["port"]["description"] == "in the document row"
        await site.other_api.delete("port", port["id"])
        gone = await stream.next()
        assert (gone.kind, gone.data) == ("port.delete", {"port": {"id": port["id"]}})


async def test_what_ovn_says_is_told_too(site: Site, lan: str) -> None:
    port = await site.api.create("port", network_id=lan)
    async with watching(site.api.url, f"?id={port['id']}") as stream:
        await nbctl(site, "set", "Logical_Switch_Port", port["id"], "up=true")
        told = await stream.next()
        assert (told.kind, told.data["port"]["status"]) == ("port.update", "ACTIVE")


async def nbctl(site: Site, *words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "ovn-nbctl", "--no-leader-only", f"--db={site.northbound}", *words
    )
    assert await process.wait() == 0


async def test_who_comes_back_goes_on_where_he_was(site: Site, lan: str) -> None:
    async with watching(site.api.url, f"?network_id={lan}") as stream:
        first = await site.api.create("port", network_id=lan)
        seen = await stream.next()
    second = await site.api.create("port", network_id=lan)
    await site.api.delete("port", first["id"])
    async with watching(site.api.url, f"?network_id={lan}", seen.id) as stream:
        told = [await stream.next(), await stream.next()]
    assert [(each.kind, each.data["port"]["id"]) for each in told] == [
        ("port.create", second["id"]),
        ("port.delete", first["id"]),
    ]


async def test_who_comes_back_before_the_first_event_misses_none(site: Site, lan: str) -> None:
    async with watching(site.api.url, f"?network_id={lan}") as stream:
        place = stream.last_id
    port = await site.api.create("port", network_id=lan)
    async with watching(site.api.url, f"?network_id={lan}", place) as stream:
        assert (await stream.next()).data["port"]["id"] == port["id"]


@pytest.mark.parametrize("last_id", ["ffffffff-1", "x", "-", "1", "{server}-999999999", "{server}--1"])
async def test_who_comes_from_elsewhere_is_told_to_list_again(site: Site, lan: str, last_id: str) -> None:
    async with watching(site.api.url) as stream:
        server = stream.last_id.partition("-")[0]
    async with watching(site.api.url, f"?network_id={lan}", last_id.format(server=server)) as stream:
        reset = await stream.next()
        assert (reset.kind, reset.data) == ("reset", {})
        port = await site.api.create("port", network_id=lan)
        assert (await stream.next()).data["port"]["id"] == port["id"]


async def test_another_server_does_not_know_the_place_and_says_so(site: Site, lan: str) -> None:
    async with watching(site.api.url) as stream:
        place = stream.last_id
    async with watching(site.other_api.url, "", place) as stream:
        assert (await stream.next()).kind == "reset"


async def test_a_port_that_leaves_what_is_watched_is_deleted_there_and_created_elsewhere(
    site: Site, lan: str
) -> None:
    port = await site.api.create("port", network_id=lan, device_id="a")
    async with watching(site.api.url, "?device_id=a") as left, watching(site.api.url, "?device_id=b") as came:
        await site.api.update("port", port["id"], device_id="b")
        assert (await left.next()).kind == "port.delete"
        assert (await came.next()).kind == "port.create"


async def test_a_filter_that_there_is_not_is_refused(site: Site) -> None:
    async with watching(site.api.url, "?name=x") as stream:
        assert stream.status == 400


async def test_others_see_only_what_policy_shows_them(tmp_path: Path, site: Site) -> None:
    own = (await site.api.create("network", project_id="red"))["id"]
    foreign = (await site.api.create("network", project_id="blue"))["id"]
    server = await Server.start("--northbound", site.northbound, "--trust-headers", log=tmp_path / "log")
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = "GET /v2.0/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Project-Id: red\r\nX-Roles: member\r\n\r\n"
        writer.write(head.encode())
        stream = await Stream.begun(reader)
        hidden = await site.api.create("port", network_id=foreign, project_id="blue")
        shown = await site.api.create("port", network_id=own, project_id="red")
        await site.api.delete("port", hidden["id"])
        await site.api.delete("port", shown["id"])
        told = [await stream.next(), await stream.next()]
        assert [each.data["port"]["id"] for each in told] == [shown["id"]] * 2
        assert "binding:host_id" not in told[0].data["port"]
        writer.close()
    finally:
        server.stop()


# Agents


async def test_an_agent_hears_of_its_own_ports_within_a_second_and_of_no_others(
    site: Site, lan: str, vm: str, agent: AgentSide
) -> None:
    port = await agent.create_port(lan)
    other_vm = await site.vm(lan)
    profile = {"binding:profile": {"parent_name": other_vm}}
    loop = asyncio.get_running_loop()
    async with agent.events() as stream:
        other = await site.api.create("port", network_id=lan, **profile)
        await site.api.delete("port", other["id"])
        await site.api.update("port", vm, name="renamed")
        began = loop.time()
        await site.other_api.delete("port", port["id"])
        told = await stream.next()
        assert loop.time() - began < 1.0
        assert (told.kind, told.data) == ("port.delete", {"port": {"id": port["id"]}})


async def test_a_port_moved_under_another_parent_is_deleted_for_its_agent(
    site: Site, lan: str, agent: AgentSide
) -> None:
    port = await agent.create_port(lan)
    other_vm = await site.vm(lan)
    theirs = await site.agent(other_vm)
    async with agent.events() as left, theirs.events() as came:
        profile = {"binding:profile": {"parent_name": other_vm}}
        await site.api.update("port", port["id"], **profile)
        assert (await left.next()).kind == "port.delete"
        assert (await came.next()).kind == "port.create"


async def test_an_agents_own_report_is_told_where_it_changes_something(
    site: Site, lan: str, agent: AgentSide
) -> None:
    port = await agent.create_port(lan)
    async with watching(site.api.url, f"?network_id={lan}") as stream:
        report = {"ports": {port["id"]: {"plugged": True}}}
        await agent.must(200, "POST", "/agent/v1/report", report)
        told = await stream.next()
        assert (told.kind, told.data["port"]["ovnest:plugged"]) == ("port.update", True)


async def test_a_renewal_ends_the_stream_and_the_new_credential_goes_on_from_there(
    site: Site, lan: str, agent: AgentSide
) -> None:
    async with agent.events() as stream:
        await agent.create_port(lan, name="before")
        place = (await stream.next()).id
        newer = agent.holding((await agent.renew("n1")).body["credential"])
        assert await stream.has_ended()
    await newer.create_port(lan, name="after")
    async with newer.events("", place) as stream:
        assert (await stream.next()).data["port"]["name"] == "after"


async def test_a_client_that_leaves_leaves_nothing_behind_and_a_server_ends_with_streams_open(
    tmp_path: Path, site: Site
) -> None:
    server = await Server.start("--northbound", site.northbound, log=tmp_path / "log")
    try:
        for _ in range(20):
            async with watching(server.url):
                pass
        async with watching(server.url) as stream:
            server.stop()
            assert await stream.has_ended()
    finally:
        server.kill()
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said
    assert "cancelled" not in said


# One process's ring, without HTTP


class Everything(Viewer):
    """Sees every row, and shows its id."""

    def look(self) -> Tx:
        return None  # type: ignore[return-value]  # nothing is looked up

    def sees(self, tx: Tx, port: PortOwner) -> bool:
        return True

    def shown(self, tx: Tx, port_id: str) -> bytes | None:
        return f'"{port_id}"'.encode()


def port_row(number: int) -> LogicalSwitchPort:
    uuid = RowUuid(f"00000000-0000-4000-8000-{number:012d}")
    ids = {"neutron:port_name": "", "neutron:network_name": "neutron-x"}
    return LogicalSwitchPort(uuid=uuid, name=uuid, external_ids=ids)


@pytest.fixture
def hub() -> Events:
    """A ring that is fed by hand; its client is never started."""
    made = Events(Client("unix:/none", "OVN_Northbound", tables=[LogicalSwitchPort]))
    made.follow()
    return made


def feed(hub: Events, *numbers: int) -> None:
    hub._changed([(None, port_row(number)) for number in numbers])


async def begun(hub: Events, last_id: str | None = None) -> tuple[Any, str]:
    """A stream that has begun, and the id that it began with."""
    body = hub.response(Everything(), [], last_id).body
    assert not isinstance(body, bytes)
    first = (await anext(body)).decode()
    return body, first.partition("id: ")[2].strip()


async def test_what_is_no_longer_in_the_ring_is_not_passed_over_in_silence(
    hub: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, place = await begun(hub)
    await stream.aclose()
    for start in range(0, events.RING, 512):
        feed(hub, *range(start, start + 512))
    stream, _ = await begun(hub, place)
    count = 0
    while count < events.RING:
        count += (await anext(stream)).count(b"port.create")
    assert count == events.RING
    await stream.aclose()
    feed(hub, 1)
    stream, _ = await begun(hub, place)
    assert b"event: reset" in await anext(stream)
    await stream.aclose()


async def test_a_client_too_slow_to_follow_is_told_to_list_again(hub: Events) -> None:
    stream, _ = await begun(hub)
    for start in range(0, events.QUEUE + 512, 512):
        feed(hub, *range(start, start + 512))
    assert b"event: reset" in await anext(stream)
    feed(hub, 7)
    assert b"port.create" in await anext(stream)
    await stream.aclose()


async def test_a_database_changed_whole_is_told_as_a_reset_also_to_who_comes_back(hub: Events) -> None:
    stream, place = await begun(hub)
    feed(hub, *range(events.RING + 1))
    assert b"event: reset" in await anext(stream)
    again, _ = await begun(hub, place)
    assert b"event: reset" in await anext(again)
    await stream.aclose()
    await again.aclose()


async def test_a_quiet_stream_is_kept_alive_with_an_id_to_go_on_from(
    hub: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)
    stream, place = await begun(hub)
    assert await anext(stream) == f": alive\nid: {place}\n\n".encode()
    await stream.aclose()


async def test_there_are_no_more_streams_than_there_may_be(
    hub: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "STREAMS_MAX", 2)
    streams = [(await begun(hub))[0] for _ in range(2)]
    with pytest.raises(HTTPServiceUnavailable):
        hub.response(Everything(), [], None)
    await streams[0].aclose()
    await begun(hub)
    assert PortChange(number=1, before=None, after=port_owner(port_row(1))).subjects() == set()
