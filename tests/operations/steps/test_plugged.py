"""Why a container port does not work: each reason, in the order in which they matter."""

import msgspec
import pytest
from msgspec.structs import replace

from ovnest.caller import Agent
from ovnest.northbound.tables import LogicalSwitch, LogicalSwitchPort
from ovnest.operations import agent_code
from ovnest.operations.port import KIND as PORTS
from ovnest.operations.steps.plugged import SILENT_AFTER_S
from ovnest.ovsdb import RowUuid, Transaction
from ovnest.resources.agent_code import AgentCode, CreateAgentCode, Plugged, PortReport, Report
from ovnest.resources.port import PortBody
from ovnest.southbound.chassis import ChassisSeen
from ovnest.transaction import Tx
from tests.front_door import ADMIN, Body, FrontDoor
from tests.operations.conftest import Expectations

pytestmark = pytest.mark.ovsdb


class World:
    """A VM's port with a container port under it, and an agent that has just enrolled."""

    def __init__(self, door: FrontDoor, vm: str, web: str, grant: AgentCode) -> None:
        self.door = door
        self.vm = vm
        self.web = web
        self.agent = Agent(
            mode="nested", subject=vm, grant=grant.grant, generation=1, expires=grant.renewed_at + 10**6
        )

    async def says(self, plugged: bool, reason: str = "") -> None:
        said = Report(ports={self.web: PortReport(plugged=plugged, reason=reason)})
        await self.door.store.write(ADMIN, lambda tx: agent_code.report(tx, self.agent, said))

    async def shown(self, **context: object) -> tuple[bool | None, str]:
        """`ovnest:plugged` and the reason, where the context is otherwise as given."""
        present = replace(self.door.store.context(ADMIN), **context)
        await self.door.store.client.barrier()
        tx = Tx(self.door.store.client.replica, present)
        body = PORTS.body(tx, PORTS.show(tx, self.web))
        assert isinstance(body, PortBody)
        assert body.plugged is None or isinstance(body.plugged, bool)
        assert isinstance(body.status_reason, str)
        return body.plugged, body.status_reason

    async def up(self, port_id: str, *, is_up: bool = True) -> None:
        def change(transaction: Transaction) -> None:
            row = transaction.find(LogicalSwitchPort, RowUuid(port_id))
            assert row is not None
            transaction.update(row, up=is_up)

        await self.door.store.client.execute(change)


@pytest.fixture
async def world(door: FrontDoor, network: Body, subnet: Body) -> World:
    vm = (await door.create("port", network_id=network["id"]))["id"]
    profile = {"binding:profile": {"parent_name": vm}}
    web = (await door.create("port", network_id=network["id"], **profile))["id"]

    def enroll(tx: Tx) -> AgentCode:
        grant = agent_code.create_agent_code(tx, CreateAgentCode(parent=vm))
        code = Agent(mode="nested", subject=vm, grant=grant.code, expires=grant.code_expires)
        return agent_code.enroll(tx, code, "")

    made = World(door, vm, web, await door.store.write(ADMIN, enroll))
    await made.up(vm)
    return made


async def test_a_plugged_port_under_a_bound_parent_has_nothing_wrong(world: World) -> None:
    await world.says(True)
    assert await world.shown() == (True, "")


async def test_what_the_agent_says_is_the_reason(world: World) -> None:
    assert await world.shown() == (False, "not-plugged: the agent does not know it")
    await world.says(False, "no device of that name")
    assert await world.shown() == (False, "not-plugged: no device of that name")


async def test_a_silent_agent_is_not_taken_at_its_last_word(world: World) -> None:
    await world.says(True)
    later = world.door.store.context(ADMIN).seconds + SILENT_AFTER_S + 5
    plugged, reason = await world.shown(seconds=later)
    assert plugged is True
    assert reason.startswith("agent-silent: for 20")


async def test_an_unbound_parent_comes_before_what_the_agent_says(world: World) -> None:
    await world.says(False, "x")
    await world.up(world.vm, is_up=False)
    assert await world.shown() == (False, "parent-unbound")


async def test_a_parents_host_that_is_gone_or_behind_is_named(world: World) -> None:
    await world.says(True)
    await world.door.update("port", world.vm, **{"binding:host_id": "hv1"})
    hv1, hv2 = (frozenset({name}) for name in ("hv1", "hv2"))
    assert await world.shown(southbound=ChassisSeen(hosts=hv2)) == (True, "parent-chassis-gone: hv1")
    assert await world.shown(southbound=ChassisSeen(hosts=hv1)) == (True, "")
    behind = ChassisSeen(hosts=hv1, behind=hv1)
    assert await world.shown(southbound=behind) == (True, "parent-chassis-behind: hv1")


async def test_a_parent_that_somebody_has_taken_out_of_the_northbound_is_named(
    world: World, check: Expectations
) -> None:
    check.leaves("no-parent", "orphan")
    await world.says(True)

    def drop(transaction: Transaction) -> None:
        for switch in transaction.rows(LogicalSwitch):
            transaction.change_references(LogicalSwitch, switch.uuid, "ports", remove=[RowUuid(world.vm)])

    await world.door.store.client.execute(drop)
    assert (await world.shown())[1] == "no-parent"


async def test_a_disabled_port_is_disabled_whatever_else_is_wrong(world: World) -> None:
    await world.door.update("port", world.web, admin_state_up=False)
    await world.up(world.vm, is_up=False)
    assert (await world.shown())[1] == "disabled"


async def test_since_when_an_agent_says_so_stays_while_it_says_the_same(world: World) -> None:
    await world.says(True)
    first = await said_of(world)
    seq = await world.door.seq()
    await world.says(True)
    assert await said_of(world) == first
    assert await world.door.seq() == seq, "the same said again at once is not written"
    await world.says(False, "gone")
    assert (await said_of(world)).reason == "gone"


async def said_of(world: World) -> Plugged:
    grant = await world.door.store.read(ADMIN, lambda tx: tx.get(AgentCode, world.vm))
    return msgspec.json.decode(grant.plugged[world.web], type=Plugged)


async def test_the_agents_words_touch_no_port(world: World) -> None:
    before = await world.door.row(LogicalSwitchPort, world.web)
    await world.says(True)
    await world.says(False, "x")
    assert await world.door.row(LogicalSwitchPort, world.web) == before
    assert (
        await world.door.row(LogicalSwitchPort, world.vm)
    ).external_ids.keys() == before.external_ids.keys()


async def test_a_list_of_ports_reads_one_key_for_each_and_not_the_row_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.says(True)

    def no_grant(*arguments: object) -> None:
        raise AssertionError("the whole row was read")

    monkeypatch.setattr("ovnest.rows.document.read_document", no_grant)
    assert await world.shown() == (True, "")
