import pytest

from ovnest.northbound.names import document_uuid
from ovnest.northbound.tables import Document
from ovnest.ovsdb import RowUuid
from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound
from tests.operations.conftest import NOBODY, Expectations

pytestmark = pytest.mark.ovsdb

UNSHARED = "Shared address scope can't be unshared"


def row_of(scope: Body) -> RowUuid:
    return document_uuid("address-scope", scope["id"])


async def test_a_scope_of_nothing_but_defaults_is_shown_whole(door: FrontDoor) -> None:
    made = await door.create("address_scope", ip_version=4)
    assert made == {
        "id": made["id"],
        "name": "",
        "tenant_id": "default",
        "project_id": "default",
        "ip_version": 4,
        "shared": False,
    }
    assert await door.show("address_scope", made["id"]) == made
    assert await door.list("address_scope") == [made]


async def test_every_attribute_comes_back_and_stands_in_one_document(door: FrontDoor) -> None:
    given = {"name": 'Grüße "x" = {,}', "ip_version": 6, "shared": True, "project_id": "other"}
    made = await door.create("address_scope", **{**given, "ip_version": "6", "shared": "True"})
    assert {name: made[name] for name in given} == given
    row = await door.row(Document, row_of(made))
    assert row.name == f"ovnest:address-scope:{made['id']}"
    assert row.external_ids == {
        "ovnest:kind": "address-scope",
        "project_id": "other",
        "name": given["name"],
        "ip_version": "6",
        "shared": "true",
    }


async def test_several_are_made_in_one_operation_or_none(door: FrontDoor) -> None:
    made = await door.create_many("address_scope", *({"name": f"s{n}", "ip_version": 4} for n in range(5)))
    assert [each["name"] for each in made] == [f"s{n}" for n in range(5)]
    async with Refused(400, "HTTPBadRequest", "'5' is not in [4, 6]"):
        await door.create_many("address_scope", {"ip_version": 4}, {"ip_version": 5})
    assert len(await door.list("address_scope")) == 5


async def test_an_update_changes_what_it_names_and_nothing_else(door: FrontDoor) -> None:
    made = await door.create("address_scope", name="a", ip_version=4)
    renamed = await door.update("address_scope", made["id"], name="b")
    assert renamed == {**made, "name": "b"}
    shared = await door.update("address_scope", made["id"], shared=True)
    assert shared == {**renamed, "shared": True}
    unnamed = await door.update("address_scope", made["id"], name="", shared=True)
    assert unnamed == {**shared, "name": ""}
    assert await door.show("address_scope", made["id"]) == unnamed


async def test_an_update_that_changes_nothing_writes_nothing(door: FrontDoor) -> None:
    made = await door.create("address_scope", name="a", ip_version=4)
    before = await door.seq()
    assert await door.update("address_scope", made["id"], name="a", shared="false") == made
    assert await door.update("address_scope", made["id"]) == made
    assert await door.seq() == before


async def test_a_shared_scope_stays_shared(door: FrontDoor) -> None:
    made = await door.create("address_scope", ip_version=4, shared=True)
    async with Refused(400, "AddressScopeUpdateError") as told:
        await door.update("address_scope", made["id"], shared=False, name="b")
    assert told.message == f"Unable to update address scope {made['id']} : {UNSHARED}."
    assert await door.show("address_scope", made["id"]) == made


async def test_the_ip_version_is_chosen_once(door: FrontDoor) -> None:
    made = await door.create("address_scope", ip_version=4)
    for version in (4, 6):
        async with Refused(400, "HTTPBadRequest", "Cannot update read-only attribute ip_version"):
            await door.update("address_scope", made["id"], ip_version=version)
    assert await door.show("address_scope", made["id"]) == made


async def test_one_that_is_deleted_is_gone_with_its_document(door: FrontDoor) -> None:
    made = await door.create("address_scope", ip_version=4)
    await door.delete("address_scope", made["id"])
    assert await door.find_row(Document, row_of(made)) is None
    assert await door.list("address_scope") == []
    for key in (made["id"], NOBODY, ""):
        for asked in (
            door.show("address_scope", key),
            door.update("address_scope", key, name="x"),
            door.delete("address_scope", key),
        ):
            async with Refused(404, "AddressScopeNotFound", f"Address scope {key} could not be found."):
                await asked


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, "Required attribute 'ip_version' not specified"),
        ({"ip_version": 5}, "Invalid input for ip_version. Reason: '5' is not in [4, 6]."),
        ({"ip_version": None}, "ip_version"),
        ({"ip_version": True}, "ip_version"),
        ({"ip_version": 4.0}, "ip_version"),
        ({"ip_version": [4]}, "ip_version"),
        ({"ip_version": 4, "name": "x" * 256}, "name"),
        ({"ip_version": 4, "name": None}, "name"),
        ({"ip_version": 4, "name": 5}, "name"),
        ({"ip_version": 4, "shared": "perhaps"}, "shared"),
        ({"ip_version": 4, "shared": None}, "shared"),
        ({"ip_version": 4, "id": NOBODY}, "Attribute 'id' not allowed in POST"),
        ({"ip_version": 4, "description": "x"}, "Unrecognized attribute(s) 'description'"),
        ({"ip_version": 4, "tags": ["x"]}, "Unrecognized attribute(s) 'tags'"),
        ({"ip_version": 4, "project_id": "a", "tenant_id": "b"}, "do not match"),
    ],
)
async def test_values_that_cannot_be_are_refused(door: FrontDoor, attributes: Body, words: str) -> None:
    async with Refused(400, "HTTPBadRequest", words):
        await door.create("address_scope", **attributes)
    assert await door.list("address_scope") == []


async def test_a_member_has_his_own_and_sees_what_is_shared(door: FrontDoor) -> None:
    red, blue = door.of("red"), door.of("blue")
    own = await red.create("address_scope", name="own", ip_version=4)
    shared = await door.create("address_scope", name="shared", ip_version=4, shared=True)
    assert own["project_id"] == "red"
    assert sorted(each["name"] for each in await red.list("address_scope")) == ["own", "shared"]
    assert await blue.list("address_scope") == [shared]
    assert await blue.show("address_scope", shared["id"]) == shared
    for asked in (
        blue.show("address_scope", own["id"]),
        blue.update("address_scope", own["id"], name="x"),
        blue.delete("address_scope", own["id"]),
    ):
        async with Refused(404, "AddressScopeNotFound", own["id"]):
            await asked
    for rule, asked in (
        ("create_address_scope:shared", red.create("address_scope", ip_version=4, shared=True)),
        ("update_address_scope:shared", red.update("address_scope", own["id"], shared=True)),
        ("update_address_scope", blue.update("address_scope", shared["id"], name="x")),
        ("delete_address_scope", blue.delete("address_scope", shared["id"])),
        ("create_address_scope", door.of("red", "reader").create("address_scope", ip_version=4)),
    ):
        async with Refused(403, "PolicyNotAuthorized", f"rule:{rule} is disallowed by policy"):
            await asked
    async with Refused(400, "HTTPBadRequest", "admin privileges"):
        await red.create("address_scope", ip_version=4, project_id="blue")
    await red.update("address_scope", own["id"], name="mine")
    await red.delete("address_scope", own["id"])
    assert await door.list("address_scope") == [shared]


async def test_a_document_that_nobody_can_read_is_left_out_and_found(
    door: FrontDoor, server: Northbound, check: Expectations
) -> None:
    kept, broken = [await door.create("address_scope", ip_version=4) for _ in range(2)]
    server.nbctl("set", "Copp", row_of(broken), "external_ids:ip_version=5")
    await door.seq()
    assert await door.list("address_scope") == [kept]
    async with Refused(404, "AddressScopeNotFound"):
        await door.show("address_scope", broken["id"])
    check.leaves("not-understood")
