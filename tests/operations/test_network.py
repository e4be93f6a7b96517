import re

import pytest

from ovnest.northbound.tables import DhcpOptions, LogicalSwitch, LogicalSwitchPort
from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound

pytestmark = pytest.mark.ovsdb

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_a_network_of_nothing_but_defaults_is_shown_whole(door: FrontDoor) -> None:
    made = await door.create("network")
    created = made.pop("created_at")
    assert TIME.fullmatch(created)
    key = made.pop("id")
    assert made == {
        "name": "",
        "tenant_id": "default",
        "project_id": "default",
        "admin_state_up": True,
        "mtu": 1442,
        "status": "ACTIVE",
        "subnets": [],
        "shared": False,
        "availability_zone_hints": [],
        "availability_zones": [],
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
        "router:external": False,
        "description": "",
        "port_security_enabled": True,
        "dns_domain": "",
        "tags": [],
        "updated_at": created,
        "revision_number": 1,
        "provider:network_type": "geneve",
        "provider:physical_network": None,
        "provider:segmentation_id": None,
    }
    shown = await door.show("network", key)
    assert shown == {**made, "id": key, "created_at": created}
    assert await door.list("network") == [shown]


async def test_every_attribute_of_a_network_comes_back_and_stands_where_ml2_ovn_has_it(
    door: FrontDoor, server: Northbound
) -> None:
    given = {
        "name": 'Grüße "x" = {,}',
        "description": "about it",
        "admin_state_up": False,
        "shared": True,
        "router:external": True,
        "mtu": 1300,
        "port_security_enabled": False,
        "dns_domain": "example.org.",
        "availability_zone_hints": ["a", "b"],
        "tags": ["blue", "red"],
        "project_id": "other",
    }
    made = await door.create("network", **given)
    assert {name: made[name] for name in given} == given
    row = await door.row(LogicalSwitch, made["id"])
    assert row.name == f"neutron-{made['id']}"
    assert row.other_config == {
        "mcast_snoop": "false",
        "mcast_flood_unregistered": "false",
        "vlan-passthru": "false",
        "broadcast-arps-to-all-routers": "true",
    }
    assert row.external_ids["neutron:network_name"] == given["name"]
    assert row.external_ids["neutron:mtu"] == "1300"
    assert row.external_ids["neutron:revision_number"] == "1"
    assert row.external_ids["neutron:availability_zone_hints"] == "a,b"
    assert server.nbctl("get", "Logical_Switch", made["id"], "name") == row.name


async def test_an_update_changes_what_it_names_and_nothing_else(door: FrontDoor) -> None:
    made = await door.create("network", name="a", description="old", dns_domain="example.org.")
    for change in (
        {"name": "b"},
        {"description": ""},
        {"admin_state_up": False},
        {"shared": True},
        {"router:external": True},
        {"mtu": 1280},
        {"port_security_enabled": False},
        {"dns_domain": ""},
    ):
        changed = await door.update("network", made["id"], **change)
        revision = made["revision_number"] + 1
        assert changed == {
            **made, **change, "revision_number": revision, "updated_at": changed["updated_at"]
        }  # fmt: skip
        made = changed
    assert await door.show("network", made["id"]) == made


async def test_an_update_that_changes_nothing_writes_nothing(door: FrontDoor, network: Body) -> None:
    before = await door.seq()
    assert await door.update("network", network["id"], name="private", admin_state_up="True") == network
    assert await door.update("network", network["id"]) == network
    assert await door.seq() == before


async def test_keys_of_others_survive_an_update(door: FrontDoor, network: Body, server: Northbound) -> None:
    for column in ("external_ids", "other_config"):
        server.nbctl("set", "Logical_Switch", network["id"], f"{column}:theirs=1")
    await door.update("network", network["id"], name="b", **{"router:external": True})
    row = await door.row(LogicalSwitch, network["id"])
    assert row.external_ids["theirs"] == row.other_config["theirs"] == "1"


async def test_a_vlan_network_reaches_its_wire_by_a_localnet_port(door: FrontDoor) -> None:
    made = await door.create(
        "network",
        **{
            "provider:network_type": "vlan",
            "provider:physical_network": "physnet1",
            "provider:segmentation_id": "101",
        },
    )
    assert made["provider:network_type"] == "vlan"
    assert made["provider:physical_network"] == "physnet1"
    assert made["provider:segmentation_id"] == 101
    assert made["mtu"] == 1500
    row = await _localnet(door, made)
    assert (row.type, row.addresses, row.tag_request, row.tag) == ("localnet", ("unknown",), 101, 101)
    assert row.options["network_name"] == "physnet1"
    assert row.name.startswith("provnet-")
    assert await door.list("port") == []
    await door.delete("network", made["id"])
    assert await door.find_row(LogicalSwitchPort, row.uuid) is None


async def test_a_flat_network_has_a_localnet_port_without_a_tag(door: FrontDoor) -> None:
    made = await door.create("network", **FLAT)
    row = await _localnet(door, made)
    assert (row.type, row.tag_request, row.tag) == ("localnet", None, None)
    await door.update("network", made["id"], name="b")
    assert await _localnet(door, made) == row


FLAT = {"provider:network_type": "flat", "provider:physical_network": "physnet1"}
VLAN = {"provider:network_type": "vlan", "provider:physical_network": "physnet1"}


async def _localnet(door: FrontDoor, network: Body) -> LogicalSwitchPort:
    (child,) = door.store.client.replica.children(LogicalSwitch, "ports", network["id"])
    return await door.row(LogicalSwitchPort, child)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ({"physical_network": "physnet1"}, "network_type required"),
        ({"segmentation_id": 5}, "network_type required"),
        ({"network_type": "flat"}, "physical_network required for flat"),
        ({"network_type": "vlan"}, "physical_network required for vlan"),
        ({"network_type": "vlan", "physical_network": "p"}, "segmentation_id"),
        ({"network_type": "vlan", "physical_network": "p", "segmentation_id": 4095}, "4094"),
        ({"network_type": "flat", "physical_network": "p", "segmentation_id": 5}, "flat"),
        ({"network_type": "geneve", "physical_network": "p"}, "geneve"),
    ],
)
async def test_provider_attributes_that_do_not_go_together_are_refused(
    door: FrontDoor, provider: Body, words: str
) -> None:
    async with Refused(400, "InvalidInput", words):
        await door.create("network", **{f"provider:{name}": value for name, value in provider.items()})
    assert await door.list("network") == []


async def test_a_physical_segment_is_one_networks(door: FrontDoor) -> None:
    flat = await door.create("network", **FLAT)
    vlan = await door.create("network", **VLAN, **{"provider:segmentation_id": 7})
    async with Refused(409, "FlatNetworkInUse", "physnet1"):
        await door.create("network", **FLAT)
    async with Refused(409, "VlanIdInUse", "7", "physnet1"):
        await door.create("network", **VLAN, **{"provider:segmentation_id": 7})
    await door.delete("network", flat["id"])
    await door.delete("network", vlan["id"])
    await door.create("network", **FLAT)
    await door.create("network", **VLAN, **{"provider:segmentation_id": 7})


async def test_a_tunnel_number_is_one_networks(door: FrontDoor) -> None:
    geneve = {"provider:network_type": "geneve", "provider:segmentation_id": 7000}
    made = await door.create("network", **geneve)
    assert made["provider:segmentation_id"] == 7000
    async with Refused(409, "TunnelIdInUse", "7000"):
        await door.create("network", **geneve)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"name": "x" * 256}, "name"),
        ({"name": 5}, "name"),
        ({"admin_state_up": "perhaps"}, "admin_state_up"),
        ({"admin_state_up": None}, "admin_state_up"),
        ({"mtu": -1}, "mtu"),
        ({"mtu": "large"}, "mtu"),
        ({"provider:network_type": "vxlan"}, "provider:network_type"),
        ({"tags": ["a/b"]}, "tags"),
        ({"availability_zone_hints": ["a,b"]}, "availability_zone_hints"),
        ({"colour": "blue"}, "Unrecognized attribute(s) 'colour'"),
        ({"id": "5"}, "Attribute 'id' not allowed in POST"),
        ({"id": "5", "colour": "blue"}, "Unrecognized attribute(s) 'colour'"),
        ({"project_id": "a", "tenant_id": "b"}, "do not match"),
    ],
)
async def test_values_that_cannot_be_are_refused(door: FrontDoor, attributes: Body, words: str) -> None:
    async with Refused(400, "HTTPBadRequest", words):
        await door.create("network", **attributes)


async def test_an_mtu_larger_than_the_wire_takes_is_refused(door: FrontDoor, network: Body) -> None:
    async with Refused(400, "InvalidInput", "1442"):
        await door.create("network", mtu=1443)
    async with Refused(400, "InvalidInput", "1442"):
        await door.update("network", network["id"], mtu=1443)
    assert (await door.update("network", network["id"], mtu=0))["mtu"] == 1442


async def test_subnets_set_a_lower_bound_to_the_mtu(door: FrontDoor, network: Body) -> None:
    assert (await door.update("network", network["id"], mtu=60))["mtu"] == 60
    async with Refused(409, "NetworkMTUSubnetConflict", "68"):
        await door.create("subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4)
    await door.update("network", network["id"], mtu=1279)
    await door.create("subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4)
    async with Refused(409, "NetworkMTUSubnetConflict", "68"):
        await door.update("network", network["id"], mtu=67)
    async with Refused(409, "NetworkMTUSubnetConflict", "1280"):
        await door.create("subnet", network_id=network["id"], cidr="2001:db8::/64", ip_version=6)
    await door.update("network", network["id"], mtu=1280)
    await door.create("subnet", network_id=network["id"], cidr="2001:db8::/64", ip_version=6)
    async with Refused(409, "NetworkMTUSubnetConflict", "1280"):
        await door.update("network", network["id"], mtu=1279)


async def test_a_networks_mtu_is_what_dhcp_hands_out(door: FrontDoor, network: Body, subnet: Body) -> None:
    port = await door.create(
        "port", network_id=network["id"], extra_dhcp_opts=[{"opt_name": "26", "opt_value": "1300"}]
    )
    await door.update("network", network["id"], mtu=1400)
    assert (await door.row(DhcpOptions, subnet["id"])).options["mtu"] == "1400"
    own = (await door.row(LogicalSwitchPort, port["id"])).dhcpv4_options
    assert own is not None
    assert (await door.row(DhcpOptions, own)).options["mtu"] == "1300"
    assert (await door.show("subnet", subnet["id"]))["revision_number"] == 1


async def test_a_network_with_ports_stays_and_one_without_takes_its_subnets_along(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    port = await door.create("port", network_id=network["id"])
    async with Refused(409, "NetworkInUse", network["id"], port["id"]):
        await door.delete("network", network["id"])
    await door.delete("port", port["id"])
    await door.delete("network", network["id"])
    assert await door.list("network") == []
    assert await door.list("subnet") == []
    assert await door.find_row(DhcpOptions, subnet["id"]) is None


async def test_ports_that_serve_dhcp_do_not_keep_a_network(door: FrontDoor, network: Body) -> None:
    await door.create("subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4)
    await door.create("port", network_id=network["id"], device_owner="network:dhcp")
    await door.delete("network", network["id"])
    assert await door.list("port") == []


async def test_a_port_that_serves_dhcp_and_has_container_ports_keeps_its_network(door: FrontDoor) -> None:
    network, elsewhere = await door.create("network"), await door.create("network")
    parent = await door.create("port", network_id=network["id"], device_owner="network:dhcp")
    profile = {"parent_name": parent["id"], "tag": 1}
    child = await door.create("port", network_id=elsewhere["id"], **{"binding:profile": profile})
    async with Refused(409, "NetworkInUse", parent["id"]):
        await door.delete("network", network["id"])
    await door.delete("port", child["id"])
    await door.delete("network", network["id"])


async def test_what_is_not_there_is_not_found(door: FrontDoor, network: Body) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    for key in (nobody, "x", "", "private"):
        async with Refused(404, "NetworkNotFound", key):
            await door.show("network", key)
        async with Refused(404, "NetworkNotFound", key):
            await door.update("network", key, name="x")
        async with Refused(404, "NetworkNotFound", key):
            await door.delete("network", key)
    assert await door.list("network", id=[nobody, network["id"], network["id"]]) == [network]


async def test_a_network_ceases_to_be_shared_only_when_no_other_project_uses_it(door: FrontDoor) -> None:
    network = await door.create("network", name="s", shared=True, project_id="red")
    blue = door.of("blue")
    await door.create("subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4, project_id="red")
    port = await blue.create("port", network_id=network["id"])
    async with Refused(409, "InvalidSharedSetting", "s"):
        await door.update("network", network["id"], shared=False)
    await blue.delete("port", port["id"])
    router = await door.create("port", network_id=network["id"], device_owner="network:router_interface")
    await door.update("network", network["id"], shared=False)
    await door.delete("port", router["id"])


async def test_each_project_sees_its_own_networks_the_shared_and_the_external(door: FrontDoor) -> None:
    red, blue = door.of("red"), door.of("blue")
    mine = await blue.create("network", name="mine")
    theirs = await red.create("network", name="theirs")
    shared = await door.create("network", name="shared", shared=True)
    outside = await door.create("network", name="outside", **{"router:external": True})
    assert {n["name"] for n in await blue.list("network")} == {"mine", "shared", "outside"}
    assert {n["name"] for n in await door.list("network")} == {"mine", "theirs", "shared", "outside"}
    assert mine["project_id"] == "blue"
    async with Refused(404, "NetworkNotFound"):
        await blue.show("network", theirs["id"])
    async with Refused(404, "NetworkNotFound"):
        await blue.update("network", theirs["id"], name="x")
    async with Refused(404, "NetworkNotFound"):
        await blue.delete("network", theirs["id"])
    for seen in (shared, outside):
        async with Refused(403, "PolicyNotAuthorized", "update_network"):
            await blue.update("network", seen["id"], name="x")
        async with Refused(403, "PolicyNotAuthorized", "delete_network"):
            await blue.delete("network", seen["id"])
    for forbidden in (
        {"shared": True},
        {"router:external": True},
        {"provider:network_type": "geneve"},
    ):
        async with Refused(403, "PolicyNotAuthorized", next(iter(forbidden))):
            await blue.create("network", **forbidden)
    async with Refused(400, "HTTPBadRequest", "admin"):
        await blue.create("network", project_id="red")


async def test_a_bulk_of_networks_is_made_whole_or_not_at_all(door: FrontDoor) -> None:
    made = await door.create_many("network", {"name": "a"}, {"name": "b"})
    assert [network["name"] for network in made] == ["a", "b"]
    async with Refused(409, "FlatNetworkInUse"):
        await door.create_many("network", {"name": "c"}, FLAT, FLAT)
    assert {network["name"] for network in await door.list("network")} == {"a", "b"}


async def test_a_switch_deleted_by_hand_is_not_found_and_its_subnet_cannot_be_used(
    door: FrontDoor, network: Body, subnet: Body, server: Northbound
) -> None:
    server.nbctl("ls-del", network["id"])
    async with Refused(404, "NetworkNotFound"):
        await door.show("network", network["id"])
    async with Refused(404, "NetworkNotFound"):
        await door.create("port", network_id=network["id"])
    async with Refused(404, "NetworkNotFound"):
        await door.update("subnet", subnet["id"], name="x")
    await door.delete("subnet", subnet["id"])
