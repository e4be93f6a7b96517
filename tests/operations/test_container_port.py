"""Container ports: a parent, a tag, and everything that can be wrong with either."""

from typing import Any

import pytest

from ovnest.northbound.names import document_uuid
from ovnest.northbound.tables import Document, LogicalSwitchPort
from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound
from tests.operations.conftest import NOBODY, Expectations, PolicyChange, lsp

pytestmark = pytest.mark.ovsdb


@pytest.fixture
async def vm(door: FrontDoor, network: Body, subnet: Body) -> Body:
    """The port of a VM, 192.0.2.2."""
    return await door.create("port", network_id=network["id"], name="vm")


async def contained(door: FrontDoor, parent: Body | str, tag: Any = None, **attributes: Any) -> Body:
    """A container port on the network of its first argument, or of `network_id`; without a tag if None."""
    profile = {"parent_name": parent if isinstance(parent, str) else parent["id"]}
    if tag is not None:
        profile["tag"] = tag
    if isinstance(parent, dict):
        attributes.setdefault("network_id", parent["network_id"])
    return await door.create("port", **{"binding:profile": profile, **attributes})


def tag_of(port: Body) -> int:
    tag: int = port["binding:profile"]["tag"]
    return tag


async def memory(door: FrontDoor, parent: Body) -> dict[str, str]:
    """What is remembered of the parent's tags, as it stands in the database."""
    row = await door.find_row(Document, document_uuid("vlan-tags", parent["id"]))
    return row.external_ids if row is not None else {}


async def test_a_container_port_is_what_ovn_nbctl_says_it_is(
    door: FrontDoor, vm: Body, server: Northbound
) -> None:
    made = await contained(door, vm, 42)
    assert made["binding:profile"] == {"parent_name": vm["id"], "tag": 42}
    assert await door.show("port", made["id"]) == made
    assert server.nbctl("lsp-get-parent", made["id"]) == vm["id"]
    assert server.nbctl("lsp-get-tag", made["id"]) == "42"
    row = await lsp(door, made)
    # Together from the start: with tag_request alone and up=false, northd never writes the tag.
    assert (row.up, row.tag, row.tag_request, row.parent_name) == (False, 42, 42, vm["id"])
    assert row.addresses == row.port_security == (f"{made['mac_address']} 192.0.2.3",)
    assert (row.type, row.options, row.dhcpv4_options) == ("", {}, (await lsp(door, vm)).dhcpv4_options)


async def test_parent_and_child_may_be_on_different_networks(door: FrontDoor, vm: Body) -> None:
    other = await door.create("network")
    made = await contained(door, vm, 42, network_id=other["id"])
    assert (made["network_id"], tag_of(made)) == (other["id"], 42)


async def test_other_keys_of_the_profile_are_kept_as_they_came(door: FrontDoor, vm: Body) -> None:
    profile = {
        "parent_name": vm["id"],
        "tag": 5,
        "x": {"y": [1, 2.5, None, True, "é"]},
        "vtep-physical-switch": 1,
        "capabilities": ["a", "b"],
    }
    made = await door.create("port", network_id=vm["network_id"], **{"binding:profile": profile})
    assert made["binding:profile"] == profile
    row = await lsp(door, made)
    assert (row.type, row.options) == ("", {})
    assert row.external_ids["neutron:port_capabilities"] == "a;b"


# What may be asked for


@pytest.mark.parametrize(("given", "tag"), [(1, 1), (4094, 4094), ("42", 42), ("007", 7)])
async def test_a_tag_is_a_number_also_as_a_decimal_string(
    door: FrontDoor, vm: Body, given: object, tag: int
) -> None:
    made = await contained(door, vm, given)
    assert made["binding:profile"] == {"parent_name": vm["id"], "tag": tag}
    assert (await lsp(door, made)).tag_request == tag


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"tag": 42}, "tag without parent_name"),
        ({"tag": 42, "vtep-physical-switch": "a", "vtep-logical-switch": "b"}, "tag without parent_name"),
        ({"parent_name": None, "tag": 42}, "parent_name None value invalid type"),
        ({"parent_name": 5, "tag": 42}, "parent_name 5 value invalid type"),
        ({"parent_name": ["VM"], "tag": 42}, "value invalid type"),
        ({"parent_name": "VM", "tag": "a"}, "tag 'a' value invalid type"),
        ({"parent_name": "VM", "tag": ""}, "tag '' value invalid type"),
        ({"parent_name": "VM", "tag": "-1"}, "value invalid type"),
        ({"parent_name": "VM", "tag": "4.2"}, "value invalid type"),
        ({"parent_name": "VM", "tag": "²"}, "value invalid type"),
        ({"parent_name": "VM", "tag": 42.0}, "tag 42.0 value invalid type"),
        ({"parent_name": "VM", "tag": True}, "tag True value invalid type"),
        ({"parent_name": "VM", "tag": None}, "tag None value invalid type"),
        ({"parent_name": "VM", "tag": [42]}, "value invalid type"),
        ({"parent_name": "VM", "tag": 4095}, "tag 4095 is not from 1 to 4094"),
        ({"parent_name": "VM", "tag": "4095"}, "tag 4095 is not from 1 to 4094"),
        ({"parent_name": "VM", "tag": 4096}, "tag 4096 is not from 1 to 4094"),
        ({"parent_name": "VM", "tag": -1}, "tag -1 is not from 1 to 4094"),
        ({"parent_name": "VM", "tag": 10**12}, "is not from 1 to 4094"),
        ({"parent_name": "VM", "tag": 5, "capabilities": "a"}, "capabilities"),
        # Types are looked at before the parent is looked for.
        ({"parent_name": NOBODY, "tag": "a"}, "tag 'a' value invalid type"),
    ],
)
async def test_profiles_that_cannot_be_are_refused_on_create_and_update(
    door: FrontDoor, vm: Body, profile: Body, words: str
) -> None:
    given = {key: vm["id"] if value == "VM" else value for key, value in profile.items()}
    async with Refused(400, "InvalidInput", words):
        await door.create("port", network_id=vm["network_id"], **{"binding:profile": given})
    plain = await door.create("port", network_id=vm["network_id"])
    async with Refused(400, "InvalidInput", words):
        await door.update("port", plain["id"], **{"binding:profile": given})
    assert await door.show("port", plain["id"]) == plain


@pytest.mark.parametrize("parent", [NOBODY, "vm", "", "neutron-x"])
@pytest.mark.parametrize("tag", [42, 4095, None])
async def test_a_parent_that_is_not_there_is_not_found_whatever_the_tag(
    door: FrontDoor, vm: Body, parent: str, tag: int | None
) -> None:
    async with Refused(404, "PortNotFound", parent):
        await contained(door, parent, tag, network_id=vm["network_id"])


async def test_the_localnet_port_of_a_network_is_nobodys_parent(door: FrontDoor, vm: Body) -> None:
    flat = {"provider:network_type": "flat", "provider:physical_network": "physnet1"}
    network = await door.create("network", **flat)
    (localnet,) = [
        row.name for row in door.store.client.replica.rows(LogicalSwitchPort) if row.type == "localnet"
    ]
    async with Refused(404, "PortNotFound"):
        await contained(door, localnet, 1, network_id=network["id"])


# One tag, one container


async def test_a_tag_is_one_containers_and_the_refusal_names_the_holder(
    door: FrontDoor, vm: Body, network: Body
) -> None:
    made = await contained(door, vm, 42)
    async with Refused(409, "TagInUse", "42", vm["id"], made["id"]):
        await contained(door, vm, 42)
    async with Refused(409, "TagInUse", made["id"]):
        await contained(door, vm, "42")
    plain = await door.create("port", network_id=network["id"])
    async with Refused(409, "TagInUse", made["id"]):
        await door.update("port", plain["id"], **{"binding:profile": {"parent_name": vm["id"], "tag": 42}})
    other = await door.create("port", network_id=network["id"])
    await contained(door, other, 42)


async def test_a_port_keeps_its_own_tag_when_it_says_it_again(door: FrontDoor, vm: Body) -> None:
    made = await contained(door, vm, 42)
    before = await door.seq()
    same = {"binding:profile": {"parent_name": vm["id"], "tag": "42"}}
    assert await door.update("port", made["id"], **same) == made
    # No tag means: I do not care which. It has one.
    for any_tag in ({"parent_name": vm["id"]}, {"parent_name": vm["id"], "tag": 0}):
        assert await door.update("port", made["id"], **{"binding:profile": any_tag}) == made
    assert await door.seq() == before


async def test_a_tag_held_by_a_row_of_somebody_elses_is_taken(
    door: FrontDoor, vm: Body, network: Body, server: Northbound
) -> None:
    server.nbctl("lsp-add", f"neutron-{network['id']}", "theirs", vm["id"], "42")
    await door.seq()
    async with Refused(409, "TagInUse", "theirs"):
        await contained(door, vm, 42)
    # northd's copy counts as well as the request.
    server.nbctl("lsp-add", f"neutron-{network['id']}", "automatic", vm["id"], "0")
    server.nbctl("set", "Logical_Switch_Port", "automatic", "tag=1")
    await door.seq()
    assert tag_of(await contained(door, vm)) == 2
    async with Refused(409, "ParentHasContainerPorts", "theirs", "automatic"):
        await door.delete("port", vm["id"])


async def test_the_same_tag_twice_in_one_bulk_is_refused_whole(door: FrontDoor, vm: Body) -> None:
    wanted = {"network_id": vm["network_id"], "binding:profile": {"parent_name": vm["id"], "tag": 7}}
    async with Refused(409, "TagInUse", "7"):
        await door.create_many("port", wanted, wanted)
    assert [port["id"] for port in await door.list("port")] == [vm["id"]]


# Tags given by the server


async def test_tags_are_given_in_turn_and_zero_or_none_ask_for_one(door: FrontDoor, vm: Body) -> None:
    assert [tag_of(await contained(door, vm, tag)) for tag in (None, 0, "0", None)] == [1, 2, 3, 4]
    assert tag_of(await contained(door, vm, 6)) == 6
    assert [tag_of(await contained(door, vm)) for _ in range(3)] == [5, 7, 8]


async def test_a_bulk_is_given_different_tags_and_shows_them(door: FrontDoor, vm: Body) -> None:
    wanted = {"network_id": vm["network_id"], "binding:profile": {"parent_name": vm["id"]}}
    made = await door.create_many("port", *[wanted] * 100)
    assert [tag_of(port) for port in made] == list(range(1, 101))
    assert await memory(door, vm) == {"ovnest:kind": "vlan-tags", "last": "100"}


async def test_a_freed_tag_rests_unless_it_is_asked_for_by_number(door: FrontDoor, vm: Body) -> None:
    made = [await contained(door, vm) for _ in range(3)]
    await door.delete("port", made[2]["id"])
    remembered = await memory(door, vm)
    assert remembered["last"] == "3"
    assert abs(int(remembered["freed.3"]) - door.store.context(door.caller).seconds) <= 5
    assert tag_of(await contained(door, vm)) == 4
    assert tag_of(await contained(door, vm, 3)) == 3


async def test_the_choice_wraps_around_and_ends_when_all_tags_are_taken_or_rest(
    door: FrontDoor, vm: Body, server: Northbound, network: Body
) -> None:
    made = await contained(door, vm, None)
    last = {"parent_name": vm["id"], "tag": 4094}
    await door.update("port", made["id"], **{"binding:profile": last})
    # As if the server had been through all of them; 1 was freed just now and rests.
    server.nbctl("set", "Copp", document_uuid("vlan-tags", vm["id"]), "external_ids:last=4093")
    await memory(door, vm)
    wrapped = await contained(door, vm)
    assert tag_of(wrapped) == 2
    for start in range(3, 4094, 1000):
        tags = range(start, min(start + 1000, 4094))
        lines = [f"-- lsp-add neutron-{network['id']} t{tag} {vm['id']} {tag}".split() for tag in tags]
        server.nbctl(*[word for line in lines for word in line])
    await memory(door, vm)
    async with Refused(409, "NoTagLeft", vm["id"], "4094"):
        await contained(door, vm)
    assert tag_of(await contained(door, vm, 1)) == 1


async def test_a_rest_is_over_after_ten_minutes(door: FrontDoor, vm: Body, server: Northbound) -> None:
    made = [await contained(door, vm) for _ in range(2)]
    await door.delete("port", made[0]["id"])
    long_ago = int((await memory(door, vm))["freed.1"]) - 601
    row = document_uuid("vlan-tags", vm["id"])
    server.nbctl("set", "Copp", row, f"external_ids:freed.1={long_ago}", "external_ids:last=4094")
    await memory(door, vm)
    assert tag_of(await contained(door, vm)) == 1
    assert await memory(door, vm) == {"ovnest:kind": "vlan-tags", "last": "1"}


# Changes


async def test_a_port_becomes_a_container_port_and_a_plain_one_again(
    door: FrontDoor, vm: Body, network: Body, server: Northbound
) -> None:
    port = await door.create("port", network_id=network["id"], **{"binding:profile": {"x": 1}})
    profile = {"parent_name": vm["id"], "tag": 9, "x": 2}
    changed = await door.update("port", port["id"], **{"binding:profile": profile})
    assert changed["binding:profile"] == profile
    assert changed["revision_number"] == 2
    row = await lsp(door, port)
    assert (row.parent_name, row.tag, row.tag_request) == (vm["id"], 9, 9)

    renamed = await door.update("port", port["id"], name="n")
    assert renamed["binding:profile"] == profile

    for nothing in (Body(), None):
        cleared = await door.update("port", port["id"], **{"binding:profile": nothing})
        assert cleared["binding:profile"] == {}
        row = await lsp(door, port)
        assert (row.parent_name, row.tag, row.tag_request) == (None, None, None)
        await door.update("port", port["id"], **{"binding:profile": profile})
    assert server.nbctl("lsp-get-parent", port["id"]) == vm["id"]
    kept = await door.update("port", port["id"], **{"binding:profile": {"only": "this"}})
    assert kept["binding:profile"] == {"only": "this"}
    assert server.nbctl("lsp-get-parent", port["id"]) == ""
    assert server.nbctl("lsp-get-tag", port["id"]) == ""
    assert tag_of(await contained(door, vm)) == 1


async def test_a_container_port_moves_to_another_parent_and_another_tag(
    door: FrontDoor, vm: Body, network: Body
) -> None:
    other = await door.create("port", network_id=network["id"])
    port = await contained(door, vm, 9)
    moved = await door.update("port", port["id"], **{"binding:profile": {"parent_name": other["id"]}})
    assert moved["binding:profile"] == {"parent_name": other["id"], "tag": 1}
    row = await lsp(door, port)
    assert (row.parent_name, row.tag, row.tag_request) == (other["id"], 1, 1)
    assert "freed.9" in await memory(door, vm)
    tagged = {"parent_name": other["id"], "tag": 77}
    assert tag_of(await door.update("port", port["id"], **{"binding:profile": tagged})) == 77
    assert "freed.1" in await memory(door, other)
    await contained(door, vm, 9)
    await door.delete("port", vm["id"], cascade="true")


async def test_a_host_is_never_asked_of_ovn_for_a_container_port(
    door: FrontDoor, vm: Body, network: Body
) -> None:
    port = await contained(door, vm, 1, **{"binding:host_id": "hv1"})
    assert port["binding:host_id"] == "hv1"
    assert (await lsp(door, port)).options == {}
    plain = await door.update("port", port["id"], **{"binding:profile": {}})
    assert plain["binding:host_id"] == "hv1"
    assert (await lsp(door, port)).options == {"requested-chassis": "hv1"}
    profile = {"parent_name": vm["id"], "tag": 1}
    again = await door.update("port", port["id"], **{"binding:profile": profile})
    assert again["binding:host_id"] == "hv1"
    assert (await lsp(door, port)).options == {}


async def test_a_container_port_is_bound_where_its_parent_is(
    door: FrontDoor, vm: Body, server: Northbound
) -> None:
    port = await contained(door, vm, 1)
    assert (port["binding:vif_type"], port["status"]) == ("unbound", "DOWN")
    server.nbctl("set", "Logical_Switch_Port", vm["id"], "up=true")
    shown = await door.show("port", port["id"])
    assert (shown["binding:vif_type"], shown["status"]) == ("ovs", "DOWN")
    server.nbctl("set", "Logical_Switch_Port", port["id"], "up=true")
    assert (await door.show("port", port["id"]))["status"] == "ACTIVE"


# Parents that cannot be


async def test_a_port_is_not_its_own_parent(door: FrontDoor, vm: Body) -> None:
    async with Refused(400, "ParentIsItself", vm["id"]):
        await door.update("port", vm["id"], **{"binding:profile": {"parent_name": vm["id"], "tag": 1}})
    child = await contained(door, vm, 1)
    async with Refused(400, "ParentIsItself", child["id"]):
        await door.update("port", child["id"], **{"binding:profile": {"parent_name": child["id"]}})


async def test_a_container_port_is_nobodys_parent(door: FrontDoor, vm: Body, network: Body) -> None:
    child = await contained(door, vm, 1)
    async with Refused(400, "ParentIsContainerPort", child["id"], vm["id"]):
        await contained(door, child, 2)
    plain = await door.create("port", network_id=network["id"])
    async with Refused(400, "ParentIsContainerPort", child["id"]):
        await door.update("port", plain["id"], **{"binding:profile": {"parent_name": child["id"]}})


async def test_a_parent_does_not_become_a_container_port(door: FrontDoor, vm: Body, network: Body) -> None:
    child = await contained(door, vm, 1)
    other = await door.create("port", network_id=network["id"])
    profile = {"binding:profile": {"parent_name": other["id"], "tag": 1}}
    async with Refused(409, "ParentHasContainerPorts", vm["id"], child["id"]):
        await door.update("port", vm["id"], **profile)
    await door.delete("port", child["id"])
    await door.update("port", vm["id"], **profile)


# Deleting parents


async def test_a_parent_stays_while_it_has_container_ports(door: FrontDoor, vm: Body, network: Body) -> None:
    children = [await contained(door, vm) for _ in range(12)]
    async with Refused(409, "ParentHasContainerPorts", vm["id"], "12", "?cascade=true", "and 2 more") as told:
        await door.delete("port", vm["id"])
    assert sum(child["id"] in told.message for child in children) == 10
    async with Refused(409, "ParentHasContainerPorts"):
        await door.delete("port", vm["id"], cascade="false")
    for child in children:
        await door.delete("port", child["id"])
    await door.delete("port", vm["id"])
    assert await memory(door, vm) == {}


async def test_a_cascade_takes_the_children_along(door: FrontDoor, vm: Body, network: Body) -> None:
    for _ in range(3):
        await contained(door, vm)
    stays = await door.create("port", network_id=network["id"])
    before = await door.seq()
    await door.delete("port", vm["id"], cascade="True")
    assert await door.seq() == before + 1
    assert [port["id"] for port in await door.list("port")] == [stays["id"]]
    assert await memory(door, vm) == {}


@pytest.mark.parametrize("settings", [{"parent_delete": "cascade"}])
async def test_the_setting_may_let_children_go_along(door: FrontDoor, vm: Body) -> None:
    await contained(door, vm)
    await door.delete("port", vm["id"])
    assert await door.list("port") == []


@pytest.mark.parametrize("settings", [{"parent_delete": "orphan"}])
async def test_the_setting_may_leave_children_behind_as_neutron_does(
    door: FrontDoor, vm: Body, network: Body, check: Expectations
) -> None:
    orphan = await contained(door, vm, 7, description="d")
    second = await contained(door, vm, 8)
    await door.delete("port", vm["id"])
    shown = await door.show("port", orphan["id"])
    for kept in ("description", "binding:profile", "fixed_ips", "revision_number"):
        assert shown[kept] == orphan[kept]
    assert await memory(door, vm) == {}

    renamed = await door.update("port", orphan["id"], name="n", admin_state_up=False)
    assert renamed["binding:profile"] == {"parent_name": vm["id"], "tag": 7}
    async with Refused(404, "PortNotFound", vm["id"]):
        await door.update("port", orphan["id"], **{"binding:profile": {"parent_name": vm["id"], "tag": 9}})
    async with Refused(404, "PortNotFound", vm["id"]):
        await contained(door, vm["id"], 10, network_id=network["id"])

    other = await door.create("port", network_id=network["id"])
    profile = {"parent_name": other["id"], "tag": 7}
    await door.update("port", orphan["id"], **{"binding:profile": profile})
    await door.update("port", second["id"], **{"binding:profile": None})
    left = await contained(door, other, 8)
    await door.delete("port", other["id"])
    await door.delete("port", left["id"])
    check.leaves("no-parent")


async def test_a_parent_deleted_by_hand_leaves_orphans_that_can_be_seen_changed_and_deleted(
    door: FrontDoor, vm: Body, network: Body, server: Northbound, check: Expectations
) -> None:
    child = await contained(door, vm, 7)
    stays = await contained(door, vm, 8)
    await door.delete("port", (await contained(door, vm, 9))["id"])
    server.nbctl("lsp-del", vm["id"])
    assert (await door.show("port", child["id"]))["binding:vif_type"] == "unbound"
    await door.update("port", child["id"], name="n")
    await door.delete("port", child["id"])
    assert [port["id"] for port in await door.list("port")] == [stays["id"]]
    check.leaves("no-parent", "orphan")  # and what was remembered of its tags


async def test_a_child_deleted_by_hand_frees_its_tag_at_once(
    door: FrontDoor, vm: Body, server: Northbound
) -> None:
    child = await contained(door, vm, 7)
    server.nbctl("lsp-del", child["id"])
    await door.seq()
    assert tag_of(await contained(door, vm, 7)) == 7


# Projects


async def test_only_administrators_and_services_set_profiles_by_default(door: FrontDoor) -> None:
    blue = door.of("blue")
    network = await blue.create("network")
    vm = await blue.create("port", network_id=network["id"])
    async with Refused(403, "PolicyNotAuthorized", "create_port:binding:profile"):
        await contained(blue, vm, 1)
    service = door.of("services", "service")
    made = await contained(service, vm, 1)
    assert tag_of(made) == 1


async def test_with_the_documented_policy_everybody_may_put_containers_under_his_own_vms(
    door: FrontDoor, policy_lets_everybody: PolicyChange
) -> None:
    policy_lets_everybody(door)
    red, blue = door.of("red"), door.of("blue")
    network = await red.create("network")
    await door.update("network", network["id"], shared=True)
    theirs = await red.create("port", network_id=network["id"])
    mine = await blue.create("port", network_id=network["id"])

    assert tag_of(await contained(blue, mine, 1)) == 1
    async with Refused(404, "PortNotFound", theirs["id"]):
        await contained(blue, theirs, 1)
    plain = await blue.create("port", network_id=network["id"])
    async with Refused(404, "PortNotFound", theirs["id"]):
        await blue.update("port", plain["id"], **{"binding:profile": {"parent_name": theirs["id"]}})
    # Who owns the network sees all its ports, and still may use only his own as parents.
    await red.show("port", mine["id"])
    async with Refused(404, "PortNotFound", mine["id"]):
        await contained(red, mine, 2)
    assert tag_of(await contained(door, mine, 2)) == 2


async def test_a_cascade_takes_only_what_the_caller_may_delete(
    door: FrontDoor, policy_lets_everybody: PolicyChange
) -> None:
    policy_lets_everybody(door)
    blue = door.of("blue")
    network = await blue.create("network")
    elsewhere = await door.create("network", project_id="red")
    vm = await blue.create("port", network_id=network["id"])
    child = await contained(door, vm, 1, network_id=elsewhere["id"], project_id="red")
    async with Refused(403, "PolicyNotAuthorized", "delete_port"):
        await blue.delete("port", vm["id"], cascade="true")
    assert (await door.show("port", child["id"]))["id"] == child["id"]
    await door.delete("port", vm["id"], cascade="true")


ROUTER = {"device_owner": "network:router_interface"}


async def test_a_routers_port_is_nobodys_parent_and_a_parent_becomes_none(
    door: FrontDoor, vm: Body, network: Body
) -> None:
    router = await door.create("port", network_id=network["id"], **ROUTER)
    async with Refused(400, "ParentIsNoVif", router["id"], "router"):
        await contained(door, router)
    await contained(door, vm, 42)
    async with Refused(409, "ParentHasContainerPorts", "router"):
        await door.update("port", vm["id"], **ROUTER)


async def test_a_port_whose_network_a_hand_made_unreadable_is_refused_and_not_a_fault(
    door: FrontDoor, vm: Body, network: Body, server: Northbound
) -> None:
    server.nbctl("set", "Logical_Switch", network["id"], "external_ids:neutron\\:mtu=abc")
    assert await door.list("network") == [], "what cannot be read is left out of lists"
    async with Refused(409, "NotUnderstood", network["id"], "ovnest check"):
        await door.update("port", vm["id"], name="other")
    server.nbctl("set", "Logical_Switch", network["id"], "external_ids:neutron\\:mtu=1442")
    assert await door.list("network") != []
    assert (await door.update("port", vm["id"], name="other"))["name"] == "other"
