import re
from functools import partial
from typing import Any

import pytest

from ovnest.northbound.tables import AddressSet
from ovnest.operations import CATALOGUE
from ovnest.ovsdb import RowUuid
from ovnest.policy import Policy
from ovnest.resources.address_group import ADDRESSES_MAX, Addresses
from ovnest.rows.address_group import second_address_set
from ovnest.transaction import Tx
from ovnest.transaction.check import repair
from tests.cleanliness import findings_in
from tests.front_door import Body, FrontDoor, Refused
from tests.kinds import BY_NAME
from tests.northbound_server import Northbound
from tests.operations.conftest import NOBODY, Expectations

pytestmark = pytest.mark.ovsdb

KIND = "address_group"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MIXED = ["192.0.2.0/24", "198.51.100.7/32", "2001:db8:1::1/128", "2001:db8::/32"]


async def made(door: FrontDoor, *addresses: str) -> Body:
    return await door.create(KIND, name="g", addresses=list(addresses))


async def second(door: FrontDoor, group: Body) -> AddressSet:
    return await door.row(AddressSet, second_address_set(group["id"]))


async def repair_all(door: FrontDoor, server: Northbound) -> None:
    for finding in await findings_in(server.remote):
        await door.store.write(door.caller, partial(repair, found=finding))


async def test_a_group_of_nothing_but_defaults_is_shown_whole(door: FrontDoor) -> None:
    group = await door.create(KIND)
    assert TIME.fullmatch(group["created_at"])
    assert group == {
        "id": group["id"],
        "name": "",
        "tenant_id": "default",
        "project_id": "default",
        "description": "",
        "addresses": [],
        "created_at": group["created_at"],
        "updated_at": group["created_at"],
        "revision_number": 1,
    }
    assert await door.show(KIND, group["id"]) == group
    assert await door.list(KIND) == [group]


async def test_it_stands_in_two_sets_named_as_ml2_ovn_names_them(door: FrontDoor, server: Northbound) -> None:
    given = {"name": 'Grüße "x"', "description": "about it", "project_id": "other"}
    group = await door.create(KIND, **given, addresses=MIXED[::-1])
    assert {name: group[name] for name in given} == given
    assert group["addresses"] == MIXED
    stem = f"ag_{group['id'].replace('-', '_')}"
    first, other = await door.row(AddressSet, group["id"]), await second(door, group)
    assert (first.name, other.name) == (f"{stem}_ip4", f"{stem}_ip6")
    assert (first.addresses, other.addresses) == (tuple(MIXED[:2]), tuple(MIXED[2:]))
    assert other.external_ids == {
        "neutron:address_group_id": group["id"],
        "neutron:revision_number": "1",
    }
    assert other.external_ids.items() <= first.external_ids.items()
    assert server.nbctl("get", "Address_Set", f"{stem}_ip6", "_uuid") == other.uuid
    await door.delete(KIND, group["id"])
    assert await door.find_row(AddressSet, first.uuid) is None
    assert await door.find_row(AddressSet, other.uuid) is None


async def test_both_sets_are_there_even_when_empty(door: FrontDoor) -> None:
    group = await made(door, "192.0.2.1/32")
    assert (await second(door, group)).addresses == ()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (["192.0.2.1"], ["192.0.2.1/32"]),
        (["2001:DB8::1"], ["2001:db8::1/128"]),
        (["192.0.2.77/24"], ["192.0.2.0/24"]),
        (["2001:db8::5/64"], ["2001:db8::/64"]),
        (["192.0.2.1", "192.0.2.1/32"], ["192.0.2.1/32"]),
        (["0.0.0.0/0", "::/0"], ["0.0.0.0/0", "::/0"]),
        (None, []),
    ],
)
async def test_addresses_are_shown_as_cidrs_without_host_bits(
    door: FrontDoor, sent: list[str] | None, shown: list[str]
) -> None:
    group = await door.create(KIND, addresses=sent)
    assert group["addresses"] == shown
    empty = await door.create(KIND)
    added = await door.act(KIND, empty["id"], "add_addresses", addresses=sent)
    assert added["addresses"] == shown


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ("192.0.2.1", "is not a list"),
        (["192.0.2.256"], "'192.0.2.256' is not a valid IP address"),
        (["192.0.2.0/33"], "'192.0.2.0/33' is not a valid IP subnet"),
        (["192.0.2.0/255.255.255.0"], "is not a valid IP subnet"),
        (["fe80::1%eth0"], "fe80::1%eth0"),
        ([""], "is not a valid IP address"),
        ([5], "5 is not a valid string"),
        (["192.0.2.1-192.0.2.9"], "192.0.2.1-192.0.2.9"),
        (["192.0.2.1"] * (ADDRESSES_MAX + 1), f"at most {ADDRESSES_MAX} are allowed"),
    ],
)
async def test_what_is_no_address_is_refused(door: FrontDoor, addresses: Any, words: str) -> None:
    async with Refused(400, "HTTPBadRequest", "Invalid input for addresses", words):
        await door.create(KIND, addresses=addresses)
    group = await door.create(KIND)
    for action in ("add_addresses", "remove_addresses"):
        async with Refused(400, "HTTPBadRequest", "Invalid input for addresses", words):
            await door.act(KIND, group["id"], action, addresses=addresses)
    assert await door.list(KIND) == [group]


async def test_an_address_that_a_new_group_is_given_twice_is_refused(door: FrontDoor) -> None:
    async with Refused(400, "HTTPBadRequest", "Duplicate items in the list: '192.0.2.1/32'"):
        await door.create(KIND, addresses=["192.0.2.1/32", "192.0.2.2/32", "192.0.2.1/32"])


async def test_addresses_are_added_and_taken_out(door: FrontDoor) -> None:
    group = await made(door, *MIXED[:1])
    added = await door.act(KIND, group["id"], "add_addresses", addresses=[MIXED[2], MIXED[1], MIXED[1]])
    assert added == {
        **group,
        "addresses": MIXED[:3],
        "revision_number": 2,
        "updated_at": added["updated_at"],
    }
    assert (await second(door, group)).external_ids["neutron:revision_number"] == "2"
    taken = await door.act(KIND, group["id"], "remove_addresses", addresses=[MIXED[0], "2001:DB8:1::1"])
    assert (taken["addresses"], taken["revision_number"]) == ([MIXED[1]], 3)
    assert await door.show(KIND, group["id"]) == taken
    before = await door.seq()
    for action in ("add_addresses", "remove_addresses"):
        assert await door.act(KIND, group["id"], action, addresses=[]) == taken
    assert await door.seq() == before


async def test_what_is_there_is_not_added_and_what_is_not_there_not_taken_out(door: FrontDoor) -> None:
    group = await made(door, *MIXED[:2])
    async with Refused(400, "AddressesAlreadyExist") as told:
        await door.act(KIND, group["id"], "add_addresses", addresses=["192.0.2.9/24", "203.0.113.1"])
    assert told.message == (f"Addresses ['192.0.2.0/24'] already exist in the address group {group['id']}.")
    async with Refused(404, "AddressesNotFound") as told:
        await door.act(KIND, group["id"], "remove_addresses", addresses=[MIXED[0], "203.0.113.1"])
    assert told.message == (f"Addresses ['203.0.113.1/32'] not found in the address group {group['id']}.")
    many = [f"203.0.113.{number}" for number in range(12)]
    async with Refused(404, "AddressesNotFound", "203.0.113.10/32", "'] and 2 more not found"):
        await door.act(KIND, group["id"], "remove_addresses", addresses=many)
    assert await door.show(KIND, group["id"]) == group, "all or none"


async def test_an_action_without_addresses_is_refused(door: FrontDoor) -> None:
    group = await made(door)
    async with Refused(400, "HTTPBadRequest", "'addresses' not specified"):
        await door.act(KIND, group["id"], "add_addresses")
    async with Refused(400, "HTTPBadRequest", "Unrecognized attribute(s) 'colour'"):
        await door.act(KIND, group["id"], "add_addresses", addresses=[], colour="x")


async def test_an_update_changes_name_and_description_and_no_addresses(door: FrontDoor) -> None:
    group = await made(door, *MIXED)
    changed = await door.update(KIND, group["id"], name="h", description="d")
    expected = {"name": "h", "description": "d", "revision_number": 2, "updated_at": changed["updated_at"]}
    assert changed == {**group, **expected}
    for name in ("addresses", "id", "project_id", "revision_number"):
        async with Refused(400, "HTTPBadRequest", f"Cannot update read-only attribute {name}"):
            await door.update(KIND, group["id"], **{name: ["192.0.2.1"]})
    for name in ("shared", "tags"):
        async with Refused(400, "HTTPBadRequest", "Unrecognized attribute", name):
            await door.update(KIND, group["id"], **{name: True})
    before = await door.seq()
    assert await door.update(KIND, group["id"], name="h") == changed
    assert await door.seq() == before


async def test_a_group_has_a_bound(door: FrontDoor) -> None:
    full = [f"10.{number >> 8}.{number & 255}.0/24" for number in range(ADDRESSES_MAX)]
    group = await made(door, *full[1:])
    async with Refused(400, "InvalidInput", str(ADDRESSES_MAX)):
        await door.act(KIND, group["id"], "add_addresses", addresses=["192.0.2.1", "192.0.2.2"])
    assert len((await door.act(KIND, group["id"], "add_addresses", addresses=full[:1]))["addresses"]) == (
        ADDRESSES_MAX
    )


async def test_one_address_more_in_a_large_group_sends_one_element(door: FrontDoor) -> None:
    group = await made(door, *(f"10.{number >> 8}.{number & 255}.0/24" for number in range(5000)))
    add, remove = BY_NAME[KIND].actions

    def sent_by(do: Any, *cidrs: str) -> Any:
        def operation(tx: Tx) -> list[tuple[str, str, int]]:
            do(tx, group["id"], Addresses(addresses=cidrs))
            everything: list[Any] = tx.staging._stage.operations
            staged = [each for each in everything if each.table == AddressSet.TABLE]
            mutations = [mutation for each in staged for mutation in getattr(each, "mutations", ())]
            assert not any(getattr(each, "row", {}) for each in staged), "no column is written whole"
            return [(column, how, value) for column, how, value in mutations if column == "addresses"]

        return operation

    sent = await door.store.write(door.caller, sent_by(add.do, "192.0.2.1/32"))
    assert sent == [("addresses", "insert", "192.0.2.1/32")] or sent == [
        ("addresses", "insert", ("set", ["192.0.2.1/32"]))
    ]
    sent = await door.store.write(door.caller, sent_by(remove.do, "192.0.2.1/32", "10.0.0.0/24"))
    assert sent == [("addresses", "delete", ("set", ["10.0.0.0/24", "192.0.2.1/32"]))]
    assert len((await door.show(KIND, group["id"]))["addresses"]) == 4999


async def test_what_is_not_there_is_not_found(door: FrontDoor) -> None:
    group = await made(door)
    other = second_address_set(group["id"])  # a row, and no group
    for key in (NOBODY, "x", "", "g", other):
        for doing in (
            door.show(KIND, key),
            door.update(KIND, key, name="x"),
            door.delete(KIND, key),
            door.act(KIND, key, "add_addresses", addresses=[]),
            door.act(KIND, key, "remove_addresses", addresses=[]),
        ):
            async with Refused(404, "AddressGroupNotFound", f"Address group {key} could not be found."):
                await doing
    assert await door.list(KIND, id=[NOBODY, group["id"], other]) == [group]


async def test_each_project_has_its_own(door: FrontDoor) -> None:
    red, blue = door.of("red"), door.of("blue")
    theirs = await red.create(KIND, name="theirs", addresses=["192.0.2.1"])
    mine = await blue.create(KIND, name="mine")
    assert [each["name"] for each in await blue.list(KIND)] == ["mine"]
    assert {each["name"] for each in await door.list(KIND)} == {"theirs", "mine"}
    for doing in (
        blue.show(KIND, theirs["id"]),
        blue.update(KIND, theirs["id"], name="x"),
        blue.delete(KIND, theirs["id"]),
        blue.act(KIND, theirs["id"], "add_addresses", addresses=["192.0.2.2"]),
    ):
        async with Refused(404, "AddressGroupNotFound"):
            await doing
    async with Refused(400, "HTTPBadRequest", "admin"):
        await blue.create(KIND, project_id="red")
    reader = door.of("blue", "reader")
    assert await reader.show(KIND, mine["id"]) == mine
    for rule, doing in (
        ("create_address_group", reader.create(KIND)),
        ("update_address_group", reader.update(KIND, mine["id"], name="x")),
        ("delete_address_group", reader.delete(KIND, mine["id"])),
        ("add_addresses", reader.act(KIND, mine["id"], "add_addresses", addresses=["192.0.2.2"])),
        ("remove_addresses", reader.act(KIND, mine["id"], "remove_addresses", addresses=[])),
    ):
        async with Refused(403, "PolicyNotAuthorized", f"rule:{rule} "):
            await doing


async def test_a_policy_file_decides_the_actions_by_their_own_rules(door: FrontDoor) -> None:
    group = await door.create(KIND, project_id="blue")
    blue = door.of("blue")
    door.store.policy = Policy(CATALOGUE, {"add_addresses": "rule:admin_only"})
    async with Refused(403, "PolicyNotAuthorized", "rule:add_addresses "):
        await blue.act(KIND, group["id"], "add_addresses", addresses=["192.0.2.1"])
    await blue.update(KIND, group["id"], name="x")
    await door.act(KIND, group["id"], "add_addresses", addresses=["192.0.2.1"])
    await blue.act(KIND, group["id"], "remove_addresses", addresses=["192.0.2.1"])


async def test_an_address_that_a_hand_adds_is_in_the_group(door: FrontDoor, server: Northbound) -> None:
    group = await made(door, *MIXED)
    first, other = await door.row(AddressSet, group["id"]), await second(door, group)
    server.nbctl("add", "Address_Set", first.name, "addresses", '"203.0.113.0/24"')
    server.nbctl("remove", "Address_Set", other.name, "addresses", '"2001:db8::/32"')
    expected = [*MIXED[:2], "203.0.113.0/24", MIXED[2]]
    assert (await door.show(KIND, group["id"]))["addresses"] == expected
    assert await findings_in(server.remote) == []
    taken = await door.act(KIND, group["id"], "remove_addresses", addresses=["203.0.113.0/24"])
    assert taken["addresses"] == MIXED[:3]


async def test_another_notation_and_the_other_set_are_understood_and_put_right(
    door: FrontDoor, server: Northbound
) -> None:
    group = await made(door)
    first, other = await door.row(AddressSet, group["id"]), await second(door, group)
    server.nbctl("add", "Address_Set", first.name, "addresses", "192.0.2.9/24", '"2001:DB8::1"')
    server.nbctl("add", "Address_Set", other.name, "addresses", "198.51.100.1")
    expected = ["192.0.2.0/24", "198.51.100.1/32", "2001:db8::1/128"]
    assert (await door.show(KIND, group["id"]))["addresses"] == expected
    found = await findings_in(server.remote)
    assert {(each.kind, each.name, each.column) for each in found} == {
        ("differs", first.name, "addresses"),
        ("differs", other.name, "addresses"),
    }
    await repair_all(door, server)
    assert (await door.row(AddressSet, group["id"])).addresses == tuple(expected[:2])
    assert (await second(door, group)).addresses == ("2001:db8::1/128",)
    shown = await door.show(KIND, group["id"])
    assert (shown["addresses"], shown["revision_number"]) == (expected, 1)


@pytest.mark.parametrize("which", ["_ip4", "_ip6"])
async def test_a_set_with_something_else_in_it_is_left_out_and_named(
    door: FrontDoor, server: Northbound, check: Expectations, which: str
) -> None:
    whole, broken = await made(door), await made(door, *MIXED)
    name = f"ag_{broken['id'].replace('-', '_')}{which}"
    server.nbctl("add", "Address_Set", name, "addresses", '"fa:16:3e:00:00:01"')
    assert await door.list(KIND) == [whole]
    (finding,) = await findings_in(server.remote)
    assert (finding.kind, finding.row) == ("not-understood", broken["id"])
    assert "fa:16:3e:00:00:01" in finding.text
    await repair_all(door, server)
    check.leaves("not-understood")
    server.nbctl("remove", "Address_Set", name, "addresses", '"fa:16:3e:00:00:01"')
    assert await door.show(KIND, broken["id"]) == broken
    server.nbctl("add", "Address_Set", name, "addresses", '"fa:16:3e:00:00:01"')


async def test_a_second_set_that_is_missing_or_spoilt_is_repaired(
    door: FrontDoor, server: Northbound
) -> None:
    group = await made(door, *MIXED)
    before = await second(door, group)
    keys = "external_ids:neutron\\:address_group_id=x", "external_ids:neutron\\:revision_number=9"
    for spoil in (
        ("set", "Address_Set", before.uuid, "name=other"),
        ("set", "Address_Set", before.uuid, *keys),
        ("set", "Address_Set", before.uuid, "name=other", *keys),
        ("set", "Address_Set", before.uuid, "external_ids:ovnest\\:name=x"),
        ("clear", "Address_Set", before.uuid, "external_ids"),
    ):
        server.nbctl(*spoil)
        found = await findings_in(server.remote)
        assert {each.kind for each in found} == {"differs"} or "name=other" in spoil, spoil
        await repair_all(door, server)
        assert await second(door, group) == before, spoil
    server.nbctl("set", "Address_Set", before.uuid, "external_ids:theirs=1")
    assert await findings_in(server.remote) == []
    await door.update(KIND, group["id"], name="x")
    assert (await second(door, group)).external_ids["theirs"] == "1"

    server.nbctl("destroy", "Address_Set", before.uuid)
    (finding,) = await findings_in(server.remote)
    assert (finding.kind, finding.row, finding.text) == ("differs", before.uuid, "it is missing")
    await repair_all(door, server)
    assert (await second(door, group)).name == before.name
    assert (await door.show(KIND, group["id"]))["addresses"] == MIXED[:2], "its addresses were there alone"


async def test_a_second_set_whose_group_is_gone_is_taken_away(door: FrontDoor, server: Northbound) -> None:
    group = await made(door, *MIXED)
    server.nbctl("destroy", "Address_Set", group["id"])
    (finding,) = await findings_in(server.remote)
    other = second_address_set(group["id"])
    assert (finding.kind, finding.row) == ("orphan", other)
    assert group["id"] in finding.text
    await repair_all(door, server)
    assert await door.find_row(AddressSet, RowUuid(other)) is None


async def test_sets_of_others_are_nobodys_business_but_not_those_that_look_like_ours(
    door: FrontDoor, server: Northbound, check: Expectations
) -> None:
    await made(door, *MIXED)
    server.nbctl("create", "Address_Set", "name=theirs", 'addresses="nonsense"')
    server.nbctl("create", "Address_Set", "name=ag_theirs_ip4", "external_ids:owner=them")
    assert await findings_in(server.remote) == []
    neutrons = f"ag_{NOBODY.replace('-', '_')}_ip4"
    for words in ([f"name={neutrons}"], ["name=x", f"external_ids:neutron\\:address_group_id={NOBODY}"]):
        server.nbctl("create", "Address_Set", *words)
    found = await findings_in(server.remote)
    assert [each.kind for each in found] == ["not-understood"] * 2
    assert len(await door.list(KIND)) == 1
    check.leaves("not-understood")


async def test_a_first_set_that_lost_its_name_keeps_its_second(
    door: FrontDoor, server: Northbound, check: Expectations
) -> None:
    group = await made(door, *MIXED)
    name = (await door.row(AddressSet, group["id"])).name
    server.nbctl("set", "Address_Set", group["id"], "name=other")
    assert [each.kind for each in await findings_in(server.remote)] == ["not-understood"]
    await repair_all(door, server)
    async with Refused(404, "AddressGroupNotFound"):
        await door.show(KIND, group["id"])
    server.nbctl("set", "Address_Set", group["id"], f"name={name}")
    assert await door.show(KIND, group["id"]) == group
