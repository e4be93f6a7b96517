"""Kept texts: whatever happens, everything is shown as by a server that keeps none; and they are bounded."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from typing import Any, ClassVar

import msgspec
import pytest
from msgspec.structs import replace

from ovnest.api import kept
from ovnest.api.items import Items
from ovnest.api.kept import KeptTexts
from ovnest.api.query import attributes_of
from ovnest.api.requests import Peer, Request
from ovnest.api.resources import ResourceRoutes
from ovnest.api.store import Store
from ovnest.caller import Agent, Caller
from ovnest.config import Settings
from ovnest.errors import Refusal
from ovnest.operations import CATALOGUE, KINDS, Kind, agent_code
from ovnest.operations.port import KIND as PORTS
from ovnest.operations.steps.plugged import SILENT_AFTER_S
from ovnest.ovsdb import Replica, Row, RowUuid
from ovnest.policy import Policy
from ovnest.resources.agent_code import AgentCode, CreateAgentCode, PortReport, Report
from ovnest.southbound.chassis import ChassisSeen
from ovnest.transaction import Context, Looked, Tx
from tests.front_door import ADMIN, Body, FrontDoor
from tests.northbound_server import Northbound, running

pytestmark = pytest.mark.ovsdb

READY_TIMEOUT_S = 10.0
MEMBER = Caller(project_id="red", user_id="ann", roles=frozenset({"member", "reader"}))
CALLERS = (ADMIN, MEMBER, replace(MEMBER, project_id="blue"))
STEPS = 80
CONTEXT = Store(Settings(northbound="unix:/none"), Policy(CATALOGUE)).context(ADMIN)


class Surroundings:
    """What is beside the database, the same for all servers of a test."""

    def __init__(self) -> None:
        self.seconds = int(time.time())  # it stands still while two servers are compared
        self.southbound: ChassisSeen | None = None

    def apply(self, context: Context) -> Context:
        return replace(context, seconds=self.seconds, southbound=self.southbound)


class SurroundedStore(Store):
    """A store whose clock and hosts the test sets."""

    def __init__(self, remote: str, surroundings: Surroundings) -> None:
        super().__init__(Settings(northbound=remote, durable=False), Policy(CATALOGUE))
        self._surroundings = surroundings

    def context(self, caller: Caller) -> Context:
        return self._surroundings.apply(super().context(caller))


class PlainTx(Tx):
    """A look that notes nothing."""

    def looked(self) -> None:
        return None


class NoTexts(KeptTexts):
    """Each text is made anew, without anything of what keeping needs."""

    def look(self, context: Context) -> PlainTx:  # type: ignore[override]  # all that is asked of it, it has
        return PlainTx(self._replica, context)


class Shop:
    """The lists and shows of one store, as they are answered."""

    def __init__(self, store: Store, kinds: Sequence[Kind] = KINDS) -> None:
        self.store = store
        self._routes = {kind.resource.plural: ResourceRoutes(store, kind) for kind in kinds}

    async def get(self, caller: Caller, plural: str, key: str = "", query: str = "") -> Any:
        methods = self._routes[plural].routes([key] if key else [])
        assert methods is not None
        pairs = [
            (name, value) for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)
        ]
        request = Request(
            method="GET",
            path=f"/v2.0/{plural}",
            query=pairs,
            headers={"host": "api.example.org"},
            body=b"",
            peer=Peer(address="192.0.2.1"),
            request_id="req-1",
        )
        try:
            body = (await methods["GET"](request, caller)).body
        except Refusal as refusal:
            return refusal.kind
        return body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])

    async def everything(self) -> dict[tuple[str, ...], Any]:
        """All that three callers are answered: lists whole, narrow, of some fields, by pages; each alone."""
        found: dict[tuple[str, ...], Any] = {}
        keys: dict[str, set[str]] = {}
        for caller in CALLERS:
            for kind in KINDS:
                plural, key = kind.resource.plural, kind.resource.key
                sorted_by = f"limit=3&sort_key={key}&sort_dir=desc"
                for query in ("", f"fields={key}&fields=status", "project_id=red", sorted_by, "limit=2"):
                    answer = await self.get(caller, plural, query=query)
                    found[caller.project_id, plural, query] = answer
                    if not query and isinstance(answer, bytes):
                        listed = msgspec.json.decode(answer)[plural]
                        keys.setdefault(plural, set()).update(each[key] for each in listed)
                for one in sorted(keys.get(plural, ())):
                    found[caller.project_id, plural, one] = await self.get(caller, plural, one)
        return found


def _id_of(body: Body) -> str:
    key: str = body.get("id") or body["subject"]
    return key


class World:
    """Two servers that keep texts, one that keeps none, and a Northbound that anybody edits."""

    def __init__(
        self, northbound: Northbound, shops: list[Shop], surroundings: Surroundings, random: Random
    ) -> None:
        self.northbound = northbound
        self.kept, self.other, self.plain = shops
        self.surroundings = surroundings
        self.random = random
        self.doors = [FrontDoor(shop.store) for shop in (self.kept, self.other)]
        self.agents: dict[str, Agent] = {}

    @property
    def door(self) -> FrontDoor:
        """One server or the other."""
        return self.random.choice(self.doors)

    async def some(self, kind: str, **filters: list[str]) -> Body | None:
        found = await self.door.list(kind, **filters)
        return self.random.choice(sorted(found, key=_id_of)) if found else None

    async def differences(self) -> list[str]:
        """What is shown otherwise than without kept texts."""
        shown, wanted = await self.kept.everything(), await self.plain.everything()
        keys = shown.keys() | wanted.keys()
        return [
            f"{key}: {shown.get(key)} for {wanted.get(key)}"
            for key in keys
            if shown.get(key) != wanted.get(key)
        ]

    # What may happen

    async def make_network(self) -> None:
        project = self.random.choice(["red", "blue"])
        shared = self.random.random() < 0.3
        network = await self.door.create("network", project_id=project, shared=shared)
        await self.make_subnet(network["id"])
        await self.make_port(network["id"])

    async def make_subnet(self, network_id: str = "") -> None:
        network_id = network_id or (await self.some("network") or {"id": ""})["id"]
        third = self.random.randrange(250)
        await self.door.create(
            "subnet", network_id=network_id, cidr=f"10.0.{third}.0/24", ip_version=4, project_id="red"
        )

    async def make_port(self, network_id: str = "") -> None:
        network_id = network_id or (await self.some("network") or {"id": ""})["id"]
        project = self.random.choice(["red", "blue"])
        await self.door.create(
            "port", network_id=network_id, project_id=project, name=str(self.random.random())
        )

    async def make_child(self) -> None:
        parent = await self.some("port")
        if parent is not None:
            profile = {"parent_name": parent["id"]}
            await self.door.create(
                "port", network_id=parent["network_id"], project_id="red", **{"binding:profile": profile}
            )

    async def change(self) -> None:
        kind = self.random.choice(["network", "subnet", "port"])
        one = await self.some(kind)
        if one is not None:
            change = self.random.choice([{"name": "n"}, {"description": str(self.random.random())}])
            await self.door.update(kind, one["id"], **change)

    async def change_host(self) -> None:
        port = await self.some("port")
        if port is not None:
            host = self.random.choice(["", "hv1", "hv2"])
            enabled = self.random.random() < 0.7
            await self.door.update("port", port["id"], admin_state_up=enabled, **{"binding:host_id": host})

    async def remove(self) -> None:
        kind = self.random.choice(["network", "subnet", "port", "port", "agent_code"])
        one = await self.some(kind)
        if one is not None:
            query = {"cascade": "true"} if kind == "port" and self.random.random() < 0.5 else {}
            await self.door.delete(kind, _id_of(one), **query)

    async def permit_agent(self) -> None:
        port = await self.some("port")
        if port is not None:
            await self.permit(port["id"])

    async def permit(self, subject: str) -> None:
        def enroll(tx: Tx) -> AgentCode:
            grant = agent_code.create_agent_code(tx, CreateAgentCode(parent=subject))
            code = Agent(mode="nested", subject=subject, grant=grant.code, expires=grant.code_expires)
            return agent_code.enroll(tx, code, "") if self.random.random() < 0.7 else grant

        grant = await self.door.store.write(ADMIN, enroll)
        if grant.grant:
            self.agents[subject] = Agent(
                mode="nested", subject=subject, grant=grant.grant, generation=1, expires=2**40
            )

    async def report(self) -> None:
        for subject, agent in self.agents.items():
            ports = await self.door.list("port")
            mine = [port["id"] for port in ports if port["binding:profile"].get("parent_name") == subject]
            said = {key: PortReport(plugged=self.random.random() < 0.7, reason="x") for key in mine}
            report = Report(ports=said)
            await self.door.store.write(ADMIN, partial(agent_code.report, agent=agent, said=report))

    async def edit(self) -> None:
        """By hand, as OVN and people do it."""
        port = await self.some("port")
        subnet = await self.some("subnet")
        if port is None or subnet is None:
            return
        nbctl = self.northbound.nbctl
        match self.random.randrange(6):
            case 0 | 1:
                nbctl("set", "logical_switch_port", port["id"], f"up={self.random.choice(['true', 'false'])}")
            case 2:
                nbctl("set", "logical_switch_port", port["id"], 'external_ids:"neutron:port_name"=by-hand')
            case 3:
                nbctl("lsp-del", port["id"])
            case 4:
                nbctl("set", "dhcp_options", subnet["id"], 'external_ids:"ovnest:description"=by-hand')
            case 5:
                nbctl("clear", "logical_switch_port", port["id"], "parent_name")

    async def move_hosts(self) -> None:
        hosts = self.random.choice([frozenset({"hv1"}), frozenset({"hv1", "hv2"}), frozenset(), None])
        behind: frozenset[str] = self.random.choice([frozenset(), frozenset({"hv1"})])
        seen = None if hosts is None else ChassisSeen(names=hosts, hosts=hosts, behind=hosts & behind)
        self.surroundings.southbound = seen

    async def move_clock(self) -> None:
        self.surroundings.seconds += self.random.choice([1, 61, SILENT_AFTER_S + 1, 4000, -300])

    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        often = [self.make_child, self.change_host, self.report, self.edit]
        seldom = [self.make_network, self.make_subnet, self.make_port, self.change, self.remove]
        return [*often, *often, *seldom, self.permit_agent, self.move_hosts, self.move_clock]


@pytest.fixture(scope="module")
def northbound() -> Iterator[Northbound]:
    with running() as northbound:
        yield northbound


@pytest.fixture
async def world(northbound: Northbound) -> AsyncIterator[World]:
    surroundings = Surroundings()
    async with AsyncExitStack() as stack:
        shops = []
        for _ in range(3):
            store = await stack.enter_async_context(SurroundedStore(northbound.remote, surroundings))
            await store.client.ready(READY_TIMEOUT_S)
            shops.append(Shop(store))
        shops[-1].store.texts = NoTexts(shops[-1].store.client.replica)
        yield World(northbound, shops, surroundings, Random(0))  # noqa: S311  # what happens in a test is no secret
    northbound.clear()


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_everything_is_shown_as_without_kept_texts(world: World, seed: int) -> None:
    world.random.seed(seed)
    await world.make_network()
    await world.make_network()
    done: list[str] = []
    for _ in range(STEPS):
        step = world.random.choice(world.steps())
        try:
            await step()
        except Refusal as refusal:
            done.append(f"{step.__name__} refused: {refusal}")
        else:
            done.append(step.__name__)
        assert await world.differences() == [], done
    assert world.kept.store.texts.size_bytes > 0
    assert world.plain.store.texts.size_bytes == 0
    assert sum(" refused" not in each for each in done) > STEPS / 2


class Counted:
    """A kind that counts how often a body is made."""

    def __init__(self, kind: Kind) -> None:
        self.made = 0

        def computed(tx: Tx, facts: Any) -> Any:
            self.made += 1
            return kind.computed(tx, facts)

        self.kind = replace(kind, computed=computed)

    def since(self) -> int:
        """How many since this was last asked."""
        made, self.made = self.made, 0
        return made


@pytest.fixture
async def ports(world: World) -> list[str]:
    """The ids of ten ports, `0` to `9`."""
    door = world.doors[0]
    network = (await door.create("network"))["id"]
    await door.create("subnet", network_id=network, cidr="192.0.2.0/24", ip_version=4)
    wanted = [{"network_id": network, "name": str(number)} for number in range(10)]
    return [port["id"] for port in await door.create_many("port", *wanted)]


async def test_a_body_is_made_once_and_only_of_what_is_shown(world: World, ports: list[str]) -> None:
    counted = Counted(PORTS)
    shop = Shop(world.kept.store, [counted.kind])
    for query, made in (
        ("name=3", 1),
        ("name=3&status=DOWN", 1),
        ("fields=id&name=3", 0),
        ("limit=2&sort_key=name&sort_dir=desc", 2),
        ("", 7),
        ("", 0),
        ("fields=status", 0),
        ("limit=5", 0),
    ):
        await shop.get(ADMIN, "ports", query=query)
        assert counted.since() == made, query
    await shop.get(ADMIN, "ports", ports[0])
    assert counted.since() == 0
    await world.doors[1].update("port", ports[0], name="anew")
    assert b"anew" in await shop.get(ADMIN, "ports", ports[0])
    assert counted.since() == 1


async def test_a_port_is_silent_by_the_clock_alone(world: World, ports: list[str]) -> None:
    profile = {"binding:profile": {"parent_name": ports[0]}}
    network = (await world.doors[0].show("port", ports[0]))["network_id"]
    child = (await world.doors[0].create("port", network_id=network, **profile))["id"]
    world.northbound.nbctl("set", "logical_switch_port", ports[0], "up=true")
    world.random.random = lambda: 0.0  # type: ignore[method-assign]  # every chance comes true
    await world.permit(ports[0])
    await world.report()
    counted = Counted(PORTS)
    shop = Shop(world.kept.store, [counted.kind])
    reported = world.surroundings.seconds
    for after_s, reason, made in (
        (0, "", 1),
        (1, "", 0),
        (SILENT_AFTER_S, "", 0),
        (SILENT_AFTER_S + 1, f"agent-silent: for {SILENT_AFTER_S + 1} s", 1),
        (SILENT_AFTER_S + 1, f"agent-silent: for {SILENT_AFTER_S + 1} s", 0),
        (SILENT_AFTER_S + 2, f"agent-silent: for {SILENT_AFTER_S + 2} s", 1),
        (SILENT_AFTER_S, "", 1),
    ):
        world.surroundings.seconds = reported + after_s
        shown = msgspec.json.decode(await shop.get(ADMIN, "ports", child))["port"]
        assert shown["ovnest:status_reason"] == reason
        assert counted.since() == made, after_s


async def test_a_list_goes_on_with_the_rows_it_began_with(world: World, ports: list[str]) -> None:
    store = world.kept.store
    tx = await store.reading(ADMIN)
    items = Items(tx, PORTS, attributes_of(PORTS.resource.body), store.texts, of_many=True)
    begun = list(map(items.of, PORTS.list(tx, {})))
    await world.doors[0].update("port", ports[0], name="anew")
    await store.client.barrier()
    assert b'"anew"' in await world.kept.get(ADMIN, "ports", ports[0])
    assert not any(b'"anew"' in (item.text(frozenset()) or b"") for item in begun)
    assert b'"anew"' in await world.kept.get(ADMIN, "ports", ports[0])


# The bound


class Thing(Row, frozen=True, kw_only=True, gc=False):
    """A row."""

    TABLE: ClassVar[str] = "Thing"

    name: str = ""


NOTHING_LOOKED_AT = Looked(rows=(), places=(), outside=(), since=0, until=2**62, as_of=0)
TEXT = b"x" * 1000
ROOM = 10


def things(count: int) -> Replica:
    """A replica with so many rows, `0` …"""
    replica = Replica([Thing])
    replica.stage("Thing", {RowUuid(str(number)): {"insert": {}} for number in range(count)})
    list(replica.apply(whole=False))
    return replica


def bounded(replica: Replica) -> KeptTexts:
    return KeptTexts(replica, max_bytes=ROOM * (len(TEXT) + kept._BESIDE_BYTES))


def test_no_more_is_kept_than_may_be_and_the_oldest_goes() -> None:
    replica = things(50)
    texts = bounded(replica)
    shelf = texts.shelf("thing", frozenset())
    for row in replica.rows(Thing):
        texts.keep(shelf, row, TEXT, NOTHING_LOOKED_AT, of_many=False)
    assert len(shelf) == ROOM
    newest = list(replica.rows(Thing))[-ROOM:]
    assert all(shelf.find(row, CONTEXT) == TEXT for row in newest)
    texts.keep(shelf, newest[0], TEXT * 100, NOTHING_LOOKED_AT, of_many=False)
    assert texts.size_bytes <= ROOM * (len(TEXT) + kept._BESIDE_BYTES)


def test_a_list_that_is_too_long_pushes_out_what_is_gone_but_not_itself() -> None:
    replica = things(50)
    texts = bounded(replica)
    shelf, other = texts.shelf("thing", frozenset()), texts.shelf("thing", frozenset({"name"}))
    rows = list(replica.rows(Thing))
    for row in rows:
        texts.keep(shelf, row, TEXT, NOTHING_LOOKED_AT, of_many=True)
    assert [row for row in rows if shelf.find(row, CONTEXT)] == rows[:ROOM]

    replica.stage("Thing", {RowUuid("3"): {"delete": None}})
    list(replica.apply(whole=False))
    texts.keep(shelf, rows[20], TEXT, NOTHING_LOOKED_AT, of_many=True)
    assert [row.uuid for row in rows if shelf.find(row, CONTEXT)] == [*map(str, (0, 1, 2, *range(4, 10), 20))]

    for row in rows[30:]:
        texts.keep(other, row, TEXT, NOTHING_LOOKED_AT, of_many=True)
    assert len(shelf) + len(other) == ROOM
    assert min(len(shelf), len(other)) >= ROOM // 2 - 1


def test_what_is_not_the_row_as_it_is_now_is_not_kept() -> None:
    replica = things(1)
    texts = bounded(replica)
    shelf = texts.shelf("thing", frozenset())
    texts.keep(shelf, Thing(uuid=RowUuid("0")), TEXT, NOTHING_LOOKED_AT, of_many=False)
    assert len(shelf) == 0
