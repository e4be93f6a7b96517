"""The engine where no packet is needed: reservations, what the journal says, what is undone."""

import asyncio
import os
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from ovnest.agent.attachment.entry import QUARANTINE_TAG
from ovnest.agent.attachment.reconcile import Reconciler
from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.attachment.states import Event, State
from ovnest.agent.errors import ApiRefused, NotAttached, NotPlugged, SwitchAway
from ovnest.sandbox.until import until
from tests.agent.conftest import BOUNDS, BRIDGE, Site

pytestmark = pytest.mark.api

KEY = Key("pool", "0a:00:00:00:00:07")


def reservation(site: Site, **more: Any) -> Attachment:
    return Attachment(key=KEY, network=site.network, door="docker", **more)


async def test_a_reservation_has_a_port_and_a_tagged_place_on_the_bridge(site: Site) -> None:
    reserved = await site.engine.reserve(reservation(site, mac="0a:00:00:00:00:07"))
    assert await site.children() == [reserved.port_id]
    assert reserved.mac == "0a:00:00:00:00:07"
    assert await site.on_bridge() == [reserved.device]
    assert (await site.vsctl("get", "Port", reserved.device, "tag")).strip() == str(reserved.tag)
    assert await site.engine.reserve(reservation(site)) == reserved, "the same again is answered the same"


async def test_a_reservation_that_nobody_adopts_is_given_back(site: Site) -> None:
    await site.engine.reserve(reservation(site))
    (recorded,) = site.journal.entries()
    assert recorded.entry.state is State.RESERVED
    assert await site.engine.finish(recorded, Event.EXPIRED)
    assert await site.children() == await site.on_bridge() == []


async def test_a_reservation_is_given_back_by_itself_when_its_time_is_over(
    site: Site, tmp_path: Path
) -> None:
    work = asyncio.create_task(
        Reconciler(site.engine, site.agent_api, site.parent, tmp_path / "events").run()
    )
    try:
        await site.engine.reserve(reservation(site))
        began = monotonic()
        await until("it is given back", site.children, accept=lambda seen: not seen)
        took_s = monotonic() - began
        await until("its place is free", site.on_bridge, accept=lambda seen: not seen)
    finally:
        work.cancel()
    # The journal has whole seconds, so it may be one early.
    assert BOUNDS.reserved_s - 1 <= took_s < BOUNDS.reserved_s + 2


async def test_what_was_not_reserved_cannot_be_adopted(site: Site) -> None:
    wanted = Attachment(key=Key("endpoint", "eth0"), network=site.network, door="docker", adopts=KEY)
    with pytest.raises(NotAttached, match="there is no reservation pool/"):
        await site.engine.attach(wanted)
    assert await site.on_bridge() == []


async def test_an_adopted_reservation_that_cannot_be_plugged_is_gone_whole(site: Site) -> None:
    # Without an ovs-vswitchd no device is ever on the bridge.
    await site.engine.reserve(reservation(site))
    wanted = Attachment(key=Key("endpoint", "eth0"), network=site.network, door="docker", adopts=KEY)
    with pytest.raises(NotPlugged, match="is ovs-vswitchd running"):
        await site.engine.attach(wanted)
    assert await site.children() == await site.on_bridge() == []
    assert not [name for name in os.listdir("/sys/class/net") if name.startswith(("ovn", "ovp"))]


async def test_what_the_api_refuses_leaves_nothing(site: Site) -> None:
    with pytest.raises(ApiRefused, match=r"198\.51\.100\.7"):
        await site.engine.reserve(reservation(site, addresses=("198.51.100.7",)))
    assert await site.children() == await site.on_bridge() == []


async def test_before_it_has_a_tag_a_port_of_the_bridge_leads_nowhere(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def look(*_asked: object) -> None:
        (device,) = await site.on_bridge()
        seen.append((await site.vsctl("get", "Port", device, "tag")).strip())
        raise ApiRefused(409, "OverQuota", "for this test")

    monkeypatch.setattr(site.agent_api, "create_port", look)
    with pytest.raises(ApiRefused):
        await site.engine.reserve(reservation(site))
    assert seen == [str(QUARANTINE_TAG)]


async def test_entries_of_another_agent_and_ports_of_nobody_are_not_ours(site: Site) -> None:
    await site.engine.reserve(reservation(site))
    (recorded,) = site.journal.entries()
    await site.vsctl("set", "Port", recorded.device, "external_ids:ovnest\\:agent=somebody")
    await site.vsctl("add-port", BRIDGE, "eth9")
    await site.journal.current()
    assert site.journal.entries() == site.journal.of_key(KEY) == []
    assert await site.engine.detach(KEY)
    assert set(await site.on_bridge()) == {recorded.device, "eth9"}


async def test_with_its_database_away_the_agent_says_so(site: Site) -> None:
    await site.switch.kill()
    with pytest.raises(SwitchAway):
        await site.engine.reserve(reservation(site))
    assert await site.children() == []
    await site.switch.start()
    await site.engine.reserve(reservation(site))
    assert len(await site.children()) == 1
