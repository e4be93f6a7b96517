"""What the check finds, and what a repair puts right: each kind of finding, made by ovn-nbctl."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from ovnest.northbound.names import LEDGER_UUID, document_uuid, port_dhcp_uuid
from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Row
from ovnest.rows.finding import LEFT, REPAIRED, Finding
from ovnest.transaction import Tx
from ovnest.transaction.check import find_all, repair
from tests.cleanliness import assert_clean, findings_in
from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound
from tests.operations.conftest import Expectations

pytestmark = pytest.mark.ovsdb


class Things:
    """A vlan network with a subnet, a VM's port with DHCP options of its own, and two containers."""

    def __init__(self, door: FrontDoor, server: Northbound) -> None:
        self.door = door
        self.server = server

    async def make(self) -> "Things":
        door = self.door
        provider = {"network_type": "vlan", "physical_network": "p", "segmentation_id": 5}
        vlan = {f"provider:{name}": value for name, value in provider.items()}
        self.network = await door.create("network", name="n", description="d", **vlan)
        self.subnet = await door.create(
            "subnet", network_id=self.network["id"], cidr="192.0.2.0/24", ip_version=4, name="s"
        )
        self.vm = await door.create(
            "port",
            network_id=self.network["id"],
            name="vm",
            description="d",
            extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1000"}],
        )
        self.web = await self.container(42)
        self.db = await self.container(43)
        self.own = port_dhcp_uuid(self.vm["id"], 4)
        return self

    async def container(self, tag: int) -> Body:
        profile = {"parent_name": self.vm["id"], "tag": tag}
        return await self.door.create("port", network_id=self.network["id"], **{"binding:profile": profile})

    def set(self, table: str, row: str, *columns: str) -> None:
        self.server.nbctl("set", table, row, *columns)

    async def found(self) -> list[Finding]:
        return await findings_in(self.server.remote)

    async def kinds(self) -> list[str]:
        return [finding.kind for finding in await self.found()]

    async def repair(self) -> None:
        """Repair all that is found, one operation a finding."""
        for finding in await self.found():
            await self.door.store.write(self.door.caller, partial(repair, found=finding))

    async def shown(self) -> list[Any]:
        return [await self.door.list(kind) for kind in ("network", "subnet", "port")]

    async def rows(self) -> dict[tuple[type[Row], str], Row]:
        """All rows but the ledger and what remembers tags."""
        await self.door.store.client.barrier()
        replica = self.door.store.client.replica
        tables: tuple[type[Row], ...] = (LogicalSwitch, LogicalSwitchPort, DhcpOptions, Document)
        rows = [row for table in tables for row in replica.rows(table)]
        kept = [row for row in rows if not (isinstance(row, Document) and ":port:" not in row.name)]
        return {(type(row), row.uuid): row for row in kept}


@pytest.fixture
async def things(door: FrontDoor, server: Northbound) -> Things:
    return await Things(door, server).make()


async def test_what_the_api_made_is_clean_and_a_repair_of_it_writes_nothing(things: Things) -> None:
    assert await things.found() == []
    before = await things.door.seq()
    await things.repair()
    assert await things.door.seq() == before


Spoil = Callable[[Things], object]
SPOILED: dict[str, tuple[Spoil, str, str]] = {
    "a switch's option": (
        lambda t: t.set("Logical_Switch", t.network["id"], "other_config:mcast_snoop=true"),
        "Logical_Switch", "other_config",
    ),
    "a localnet port's tag": (
        lambda t: t.server.nbctl("clear", "Logical_Switch_Port", _localnet(t), "tag"),
        "Logical_Switch_Port", "tag",
    ),
    "a localnet port": (
        lambda t: t.server.nbctl("lsp-del", _localnet(t)), "Logical_Switch_Port", "",
    ),
    "a subnet's DHCP options": (
        lambda t: t.set("DHCP_Options", t.subnet["id"], "options:router=192.0.2.99", "options:theirs=1"),
        "DHCP_Options", "options",
    ),
    "a port's addresses": (
        lambda t: t.server.nbctl("lsp-set-addresses", t.web["id"], "dynamic"),
        "Logical_Switch_Port", "addresses",
    ),
    "a port's port security": (
        lambda t: t.server.nbctl("lsp-set-port-security", t.web["id"], "02:00:00:00:00:01"),
        "Logical_Switch_Port", "port_security",
    ),
    "a port's DHCP options": (
        lambda t: t.server.nbctl("clear", "Logical_Switch_Port", t.web["id"], "dhcpv4_options"),
        "Logical_Switch_Port", "dhcpv4_options",
    ),
    "a port's type": (
        lambda t: t.server.nbctl("lsp-set-type", t.web["id"], "virtual"), "Logical_Switch_Port", "type",
    ),
    "a port's derived key": (
        lambda t: t.set("Logical_Switch_Port", t.web["id"], "external_ids:neutron\\:mtu=1"),
        "Logical_Switch_Port", "external_ids",
    ),
    "a requested chassis of a container port": (
        lambda t: t.server.nbctl(
            "lsp-set-options", t.web["id"], "requested-chassis=hv1", "virtual-ip=192.0.2.1"
        ),
        "Logical_Switch_Port", "options",
    ),
    "a container port's tag": (
        lambda t: t.set("Logical_Switch_Port", t.web["id"], "tag=99"), "Logical_Switch_Port", "tag",
    ),
    "a tag without a request, as releases up to 2025.2 wrote it": (
        lambda t: t.server.nbctl("clear", "Logical_Switch_Port", t.web["id"], "tag_request"),
        "Logical_Switch_Port", "tag_request",
    ),
    "a port's own DHCP options": (
        lambda t: t.set("DHCP_Options", t.own, "options:mtu=1"), "DHCP_Options", "options",
    ),
    "a missing row of a port's own DHCP options": (
        lambda t: t.server.nbctl("dhcp-options-del", t.own), "DHCP_Options", "",
    ),
    "a row of DHCP options that the port does not ask for": (
        lambda t: t.server.nbctl(
            "create", "DHCP_Options", "cidr=192.0.2.0/24", f"external_ids:port_id={t.web['id']}"
        ),
        "DHCP_Options", "",
    ),
}  # fmt: skip


def _localnet(things: Things) -> str:
    rows = things.door.store.client.replica.rows(LogicalSwitchPort)
    return next(row.uuid for row in rows if row.type == "localnet")


@pytest.mark.parametrize("what", SPOILED)
async def test_derived_columns_are_put_right_and_facts_left_alone(things: Things, what: str) -> None:
    spoil, table, column = SPOILED[what]
    shown, rows = await things.shown(), await things.rows()
    spoil(things)
    found = await things.found()
    assert {(finding.kind, finding.table) for finding in found} >= {("differs", table)}
    assert column in {finding.column for finding in found}
    assert all(finding.repairable for finding in found)
    await things.repair()
    await assert_clean(things.server.remote)
    # A host that somebody asked for by hand is a fact, and is kept.
    if "chassis" not in what:
        assert await things.shown() == shown
        assert await things.rows() == rows
    before = await things.door.seq()
    await things.repair()
    assert await things.door.seq() == before


async def test_a_port_in_the_wrong_switch_is_put_back(things: Things) -> None:
    other = await things.door.create("network")
    things.set("Logical_Switch", other["id"], f"ports={things.web['id']}")
    (finding,) = await things.found()
    assert (finding.kind, finding.row) == ("not-a-member", things.web["id"])
    assert finding.there == sorted([other["id"], things.network["id"]])
    await things.repair()
    assert await things.found() == []
    assert things.server.nbctl("get", "Logical_Switch", other["id"], "ports") == "[]"

    things.set("Logical_Switch", other["id"], f"ports={things.web['id']}")
    things.server.nbctl("remove", "Logical_Switch", things.network["id"], "ports", things.web["id"])
    assert await things.kinds() == ["not-a-member"]
    await things.repair()
    assert await things.found() == []


async def test_what_a_port_deleted_by_hand_leaves_behind_is_taken_away(things: Things) -> None:
    await things.door.delete("port", things.db["id"])
    await things.door.delete("port", things.web["id"])
    assert await things.door.find_row(Document, document_uuid("vlan-tags", things.vm["id"]))
    things.server.nbctl("lsp-del", things.vm["id"])
    found = await things.found()
    assert [(finding.kind, finding.table) for finding in found] == [
        ("orphan", "DHCP_Options"),
        ("orphan", "Copp"),
        ("orphan", "Copp"),
    ]
    await things.repair()
    assert await things.found() == []
    assert await things.door.find_row(DhcpOptions, things.own) is None


def _named_twice(table: str, key: str) -> Spoil:
    def spoil(things: Things) -> None:
        value = things.server.nbctl("get", table, things.web["id"], f"external_ids:{key}")
        things.set(table, things.db["id"], f"external_ids:{key}={value}")

    return spoil


def _foreign_tag_only(things: Things) -> None:
    things.server.nbctl("lsp-add", f"neutron-{things.network['id']}", "theirs", things.vm["id"], "77")
    things.set("Logical_Switch_Port", "theirs", "tag=77")
    things.server.nbctl("clear", "Logical_Switch_Port", "theirs", "tag_request")


LEFT_ALONE: dict[str, tuple[Spoil, set[str]]] = {
    "two containers with one tag": (
        lambda t: t.set("Logical_Switch_Port", t.db["id"], "tag_request=42", "tag=42"),
        {"duplicate-tag"},
    ),
    "a row of somebody else's with a container's tag": (
        lambda t: t.server.nbctl("lsp-add", f"neutron-{t.network['id']}", "theirs", t.vm["id"], "42"),
        {"duplicate-tag"},
    ),
    "two ports with one address": (
        _named_twice("Logical_Switch_Port", "neutron\\:cidrs"), {"duplicate-address", "differs"},
    ),
    "two ports with one MAC address": (
        _named_twice("Logical_Switch_Port", "ovnest\\:mac_address"), {"duplicate-mac", "differs"},
    ),
    "somebody else's tag that northd may take away": (
        _foreign_tag_only,
        {"tag-without-request"},
    ),
    "a parent that is gone": (
        lambda t: t.set("Logical_Switch_Port", t.web["id"], "parent_name=nobody"), {"no-parent"},
    ),
    "a parent that is a container": (
        lambda t: t.set("Logical_Switch_Port", t.web["id"], f"parent_name={t.db['id']}"), {"no-parent"},
    ),
    "a number that is none": (
        lambda t: t.set("Logical_Switch", t.network["id"], "external_ids:neutron\\:mtu=large"),
        {"not-understood"},
    ),
    "a switch of a Neutron's": (
        lambda t: t.server.nbctl(
            "create", "Logical_Switch", "name=neutron-x", "external_ids:neutron\\:network_name=x"
        ),
        {"not-understood"},
    ),
    "a network without its name": (
        lambda t: t.server.nbctl(
            "remove", "Logical_Switch", t.network["id"], "external_ids", "neutron\\:network_name",
            "ovnest\\:project_id",
        ),
        {"not-understood"},
    ),
    "a subnet without its network": (
        lambda t: t.server.nbctl(
            "remove", "DHCP_Options", t.subnet["id"], "external_ids", "neutron\\:network_id"
        ),
        {"not-understood"},
    ),
    "pools that are none": (
        lambda t: t.set(
            "DHCP_Options", t.subnet["id"], "external_ids:ovnest\\:allocation_pools=everything"
        ),
        {"not-understood"},
    ),
    "a port under another name": (
        lambda t: t.set("Logical_Switch_Port", t.web["id"], "name=web"), {"not-understood"},
    ),
    "a port without a MAC address": (
        lambda t: t.server.nbctl(
            "remove", "Logical_Switch_Port", t.web["id"], "external_ids", "ovnest\\:mac_address"
        ),
        {"not-understood"},
    ),
    "an address of no subnet": (
        lambda t: t.set(
            "Logical_Switch_Port", t.web["id"], "external_ids:neutron\\:cidrs=198.51.100.1/24"
        ),
        {"not-understood"},
    ),
    "a document that is no JSON": (
        lambda t: t.set("Copp", document_uuid("port", t.vm["id"]), "external_ids:tags=[blue"),
        {"not-understood"},
    ),
    "a document of a kind that is none": (
        lambda t: t.server.nbctl(
            "create", "Copp", 'name="ovnest:magic:1"', "external_ids:ovnest\\:kind=magic"
        ),
        {"not-understood"},
    ),
    "a document whose _uuid is not its own": (
        lambda t: t.server.nbctl(
            "create", "Copp", f'name="ovnest:port:{t.web["id"]}"', "external_ids:ovnest\\:kind=port"
        ),
        {"not-understood"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LEFT_ALONE)
async def test_what_people_have_to_decide_is_said_and_left(
    things: Things, what: str, check: Expectations
) -> None:
    spoil, kinds = LEFT_ALONE[what]
    spoil(things)
    assert set(await things.kinds()) == kinds
    await things.repair()
    left = await things.found()
    assert {finding.kind for finding in left} == kinds & LEFT.keys()
    assert not any(finding.repairable for finding in left)
    check.leaves(*(kinds & LEFT.keys()))


async def test_rows_that_cannot_be_understood_break_no_list(things: Things, check: Expectations) -> None:
    things.set("Logical_Switch_Port", things.web["id"], "external_ids:neutron\\:revision_number=x")
    things.set("Copp", document_uuid("port", things.vm["id"]), "external_ids:tags=[blue")
    ids = [port["id"] for port in await things.door.list("port")]
    assert ids == [things.db["id"]]
    assert len(await things.door.list("network")) == len(await things.door.list("subnet")) == 1
    check.leaves("not-understood")


async def test_a_layout_that_is_not_known_is_said(things: Things) -> None:
    things.set("Copp", LEDGER_UUID, "external_ids:ovnest\\:layout=9")
    await things.door.seq()
    store = things.door.store
    found = find_all(Tx(store.client.replica, store.context(things.door.caller)))
    assert [(finding.kind, finding.name) for finding in found] == [("not-understood", "ovnest:ledger")]
    async with Refused(503, "ServiceUnavailable", "layout 9"):
        await things.door.list("port")
    async with Refused(503, "ServiceUnavailable", "layout 9"):
        await things.door.create("network")
    things.set("Copp", LEDGER_UUID, "external_ids:ovnest\\:layout=1")


async def test_rows_of_others_are_nobodys_business(things: Things, server: Northbound) -> None:
    server.nbctl("ls-add", "theirs")
    server.nbctl("lsp-add", "theirs", "p1")
    server.nbctl("lsp-set-addresses", "p1", "unknown")
    server.nbctl("lsp-add", "theirs", "p2", "p1", "5")
    server.nbctl("dhcp-options-create", "192.0.2.0/24", "k=v")
    server.nbctl("create", "Copp", "name=theirs")
    server.nbctl("lsp-add", f"neutron-{things.network['id']}", "p3")
    server.nbctl("lr-add", "router")
    assert await things.found() == []


def test_every_kind_of_finding_is_either_repaired_or_left() -> None:
    assert REPAIRED.keys().isdisjoint(LEFT)
    made = {kind for _, kinds in LEFT_ALONE.values() for kind in kinds}
    assert made | {"differs", "not-a-member", "orphan"} == REPAIRED.keys() | LEFT.keys()
