import re

import pytest

from ovnest.northbound.tables import Document, LogicalSwitch
from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound
from tests.operations.conftest import NOBODY, lsp

pytestmark = pytest.mark.ovsdb


async def test_a_port_of_nothing_but_a_network_is_shown_whole(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    made = await door.create("port", network_id=network["id"])
    key, mac, created = made["id"], made["mac_address"], made["created_at"]
    assert re.fullmatch(r"fa:16:3e(:[0-9a-f]{2}){3}", mac)
    assert made == {
        "id": key,
        "name": "",
        "network_id": network["id"],
        "tenant_id": "default",
        "project_id": "default",
        "mac_address": mac,
        "admin_state_up": True,
        "status": "DOWN",
        "device_id": "",
        "device_owner": "",
        "fixed_ips": [{"subnet_id": subnet["id"], "ip_address": "192.0.2.2"}],
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "security_groups": [],
        "port_security_enabled": True,
        "description": "",
        "tags": [],
        "created_at": created,
        "updated_at": created,
        "revision_number": 1,
        "binding:vnic_type": "normal",
        "binding:profile": {},
        "binding:host_id": "",
        "binding:vif_type": "unbound",
        "binding:vif_details": {},
    }
    assert await door.show("port", key) == made
    assert await door.list("port") == [made]


async def test_the_row_of_a_port_is_that_of_ml2_ovn(
    door: FrontDoor, network: Body, subnet: Body, server: Northbound
) -> None:
    made = await door.create(
        "port", network_id=network["id"], name="web", device_id="vm", device_owner="compute:nova"
    )
    row = await lsp(door, made)
    whole = f"{made['mac_address']} 192.0.2.2"
    assert (row.name, row.type, row.enabled, row.up) == (made["id"], "", True, False)
    assert row.addresses == row.port_security == (whole,)
    assert (row.dhcpv4_options, row.dhcpv6_options, row.options) == (subnet["id"], None, {})
    assert (row.parent_name, row.tag, row.tag_request) == (None, None, None)
    ids = {key: value for key, value in row.external_ids.items() if key.startswith("neutron:")}
    assert ids == {
        "neutron:port_name": "web",
        "neutron:device_id": "vm",
        "neutron:device_owner": "compute:nova",
        "neutron:project_id": "default",
        "neutron:cidrs": "192.0.2.2/24",
        "neutron:network_name": f"neutron-{network['id']}",
        "neutron:security_group_ids": "",
        "neutron:revision_number": "1",
        "neutron:subnet_pool_addr_scope4": "",
        "neutron:subnet_pool_addr_scope6": "",
        "neutron:vnic_type": "normal",
        "neutron:port_capabilities": "",
        "neutron:mtu": "",
    }
    ours = [key for key in row.external_ids if key.startswith("ovnest:")]
    assert len(ours) <= 6, "they go to every chassis"
    assert server.nbctl("lsp-list", f"neutron-{network['id']}").split()[0] == made["id"]


async def test_every_attribute_comes_back(door: FrontDoor, network: Body, subnet: Body) -> None:
    given: Body = {
        "network_id": network["id"],
        "name": "p",
        "description": "about it",
        "admin_state_up": False,
        "mac_address": "02:00:00:00:00:01",
        "fixed_ips": [{"subnet_id": subnet["id"], "ip_address": "192.0.2.77"}],
        "device_id": "d",
        "device_owner": "compute:x",
        "port_security_enabled": True,
        "allowed_address_pairs": [{"ip_address": "198.51.100.0/24", "mac_address": "02:00:00:00:00:02"}],
        "extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1000", "ip_version": 4}],
        "binding:host_id": "hv1",
        "binding:vnic_type": "macvtap",
        "binding:profile": {"a": {"b": [1, None, True, 1.5, "x"]}},
        "tags": ["blue"],
        "project_id": "other",
    }
    made = await door.create("port", **given)
    assert {name: made[name] for name in given} == given
    assert await door.show("port", made["id"]) == made


async def test_text_of_any_kind_comes_back_as_it_was(door: FrontDoor, network: Body) -> None:
    odd = 'a,b c="d"\\ \U0001f642 [] {} é'
    made = await door.create(
        "port", network_id=network["id"], name=odd, description=odd, device_id=odd,
        **{"binding:profile": {odd: odd}},
    )  # fmt: skip
    assert (made["name"], made["description"], made["device_id"]) == (odd, odd, odd)
    assert made["binding:profile"] == {odd: odd}
    assert await door.show("port", made["id"]) == made


async def test_description_tags_and_profile_stand_in_a_document_only_while_there_is_something_to_say(
    door: FrontDoor, network: Body
) -> None:
    made = await door.create("port", network_id=network["id"])
    assert _documents(door, made) == []
    await door.update("port", made["id"], description="x")
    (document,) = _documents(door, made)
    assert document.external_ids == {"ovnest:kind": "port", "description": "x"}
    await door.update("port", made["id"], description="")
    assert _documents(door, made) == []
    await door.update("port", made["id"], description="x")
    await door.delete("port", made["id"])
    assert _documents(door, made) == []


async def test_a_person_finds_documents_by_their_kind(
    door: FrontDoor, network: Body, server: Northbound
) -> None:
    made = await door.create("port", network_id=network["id"], description="about it")
    found = server.nbctl("find", "Copp", "external_ids:ovnest\\:kind=port")
    assert f"ovnest:port:{made['id']}" in found
    assert 'description="about it"' in found


def _documents(door: FrontDoor, port: Body) -> list[Document]:
    rows = door.store.client.replica.rows(Document)
    return [row for row in rows if row.name == f"ovnest:port:{port['id']}"]


@pytest.mark.parametrize(
    ("owner", "kind", "dhcp", "secured"),
    [
        ("", "", True, True),
        ("compute:nova", "", True, True),
        ("kuryr:container", "", True, True),
        ("baremetal:none", "", True, True),
        ("neutron:LOADBALANCERV2", "", False, True),
        ("network:dhcp", "", False, False),
        ("network:router_interface", "router", False, False),
        ("network:router_gateway", "router", False, False),
    ],
)
async def test_who_owns_a_port_decides_what_it_is(
    door: FrontDoor, network: Body, subnet: Body, owner: str, kind: str, dhcp: bool, secured: bool
) -> None:
    made = await door.create("port", network_id=network["id"], device_owner=owner)
    assert made["port_security_enabled"] is secured
    row = await lsp(door, made)
    assert (row.type, row.dhcpv4_options is not None, bool(row.port_security)) == (kind, dhcp, secured)
    if kind == "router":
        assert row.addresses == ("router",)
        assert row.options == {"router-port": f"lrp-{made['id']}"}


async def test_a_metadata_port_is_local_to_each_chassis(door: FrontDoor, network: Body, subnet: Body) -> None:
    made = await door.create(
        "port",
        network_id=network["id"],
        device_owner="network:distributed",
        device_id=f"ovnmeta-{network['id']}",
    )
    row = await lsp(door, made)
    assert (row.type, row.external_ids["neutron:mtu"]) == ("localport", "1442")
    assert row.addresses == (f"{made['mac_address']} 192.0.2.2",)
    await door.update("network", network["id"], mtu=1300)
    assert (await lsp(door, made)).external_ids["neutron:mtu"] == "1300"


async def test_a_port_changes_its_owner_and_device(door: FrontDoor, network: Body, subnet: Body) -> None:
    made = await door.create("port", network_id=network["id"])
    changed = await door.update("port", made["id"], device_owner="compute:a", device_id="vm1")
    assert (changed["device_owner"], changed["device_id"]) == ("compute:a", "vm1")
    row = await lsp(door, made)
    assert row.external_ids["neutron:device_owner"] == "compute:a"
    assert [port["id"] for port in await door.list("port", device_id=["vm1"])] == [made["id"]]


async def test_floating_ips_ports_are_made_by_nobody_else(door: FrontDoor, network: Body) -> None:
    async with Refused(400, "UnsupportedDeviceOwner", "network:floatingip"):
        await door.create("port", network_id=network["id"], device_owner="network:floatingip")
    made = await door.create("port", network_id=network["id"])
    async with Refused(400, "UnsupportedDeviceOwner", "network:floatingip"):
        await door.update("port", made["id"], device_owner="network:floatingip")


@pytest.mark.parametrize(
    ("profile", "vnic_type", "words"),
    [
        ({"vtep-physical-switch": "a"}, "normal", "all required"),
        ({"vtep-physical-switch": "a", "vtep-logical-switch": 5}, "normal", "invalid type"),
        ({"pci_slot": "a"}, "direct", "all required"),
        ({"pci_slot": 1, "pci_vendor_info": "a", "physical_network": None}, "direct", "invalid type"),
        ({"card_serial_number": "a"}, "remote-managed", "all required"),
        ({"capabilities": "switchdev"}, "direct", "list"),
        ({"capabilities": ["switchdev"], "pci_slot": "a"}, "direct", "all required"),
    ],
)
async def test_profiles_of_hardware_are_checked(
    door: FrontDoor, network: Body, profile: Body, vnic_type: str, words: str
) -> None:
    given = {"binding:profile": profile, "binding:vnic_type": vnic_type}
    async with Refused(400, "InvalidInput", words):
        await door.create("port", network_id=network["id"], **given)


async def test_profiles_of_hardware_are_taken(door: FrontDoor, network: Body) -> None:
    for profile, vnic_type in (
        ({"pci_slot": "a", "pci_vendor_info": "b", "physical_network": None}, "direct"),
        ({"capabilities": ["other"], "pci_slot": "a"}, "direct"),
        ({"capabilities": None, "anything": 1}, "direct"),
        ({"pci_slot": "a"}, "normal"),
        ({"vtep-physical-switch": "a", "vtep-logical-switch": "b"}, "normal"),
    ):
        given = {"binding:profile": profile, "binding:vnic_type": vnic_type}
        made = await door.create("port", network_id=network["id"], **given)
        assert made["binding:profile"] == profile
    row = await lsp(door, made)
    assert (row.type, row.addresses) == ("vtep", ("unknown",))
    assert row.options == {"vtep-physical-switch": "a", "vtep-logical-switch": "b"}


async def test_a_profile_is_replaced_whole_and_null_clears_it(door: FrontDoor, network: Body) -> None:
    made = await door.create("port", network_id=network["id"], **{"binding:profile": {"a": 1, "b": 2}})
    for given, shown in (({"c": 3}, {"c": 3}), (None, {}), ({"d": {}}, {"d": {}}), ({}, {})):
        changed = await door.update("port", made["id"], **{"binding:profile": given})
        assert changed["binding:profile"] == shown
    for bad in ("x", 5, ["a"], {"x": "y" * 4095}):
        async with Refused(400, "HTTPBadRequest", "binding:profile"):
            await door.update("port", made["id"], **{"binding:profile": bad})


async def test_a_host_is_asked_of_ovn_and_shown(door: FrontDoor, network: Body) -> None:
    made = await door.create("port", network_id=network["id"], **{"binding:host_id": "hv1"})
    assert (made["binding:vif_type"], made["status"]) == ("ovs", "DOWN")
    assert made["binding:vif_details"]["connectivity"] == "l2"
    assert (await lsp(door, made)).options == {"requested-chassis": "hv1"}
    moved = await door.update("port", made["id"], **{"binding:host_id": "hv2"})
    assert moved["binding:host_id"] == "hv2"
    assert (await lsp(door, made)).options == {"requested-chassis": "hv2"}
    freed = await door.update("port", made["id"], **{"binding:host_id": None})
    assert (freed["binding:host_id"], freed["binding:vif_type"]) == ("", "unbound")
    assert (await lsp(door, made)).options == {}


async def test_a_port_is_active_when_ovn_says_up_and_it_is_enabled(
    door: FrontDoor, network: Body, server: Northbound
) -> None:
    made = await door.create("port", network_id=network["id"])
    server.nbctl("set", "Logical_Switch_Port", made["id"], "up=true")
    shown = await door.show("port", made["id"])
    assert (shown["status"], shown["binding:vif_type"]) == ("ACTIVE", "ovs")
    assert shown["revision_number"] == 1
    off = await door.update("port", made["id"], admin_state_up=False)
    assert (off["status"], (await lsp(door, made)).enabled) == ("DOWN", False)
    assert (await door.update("port", made["id"], admin_state_up=True))["status"] == "ACTIVE"
    assert (await lsp(door, made)).up is True, "an update leaves to OVN what OVN says"


async def test_an_update_changes_what_it_names_and_nothing_else(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    made = await door.create("port", network_id=network["id"])
    changes: list[Body] = [
        {"name": "n"},
        {"description": "d"},
        {"admin_state_up": False},
        {"device_id": "x"},
        {"device_owner": "compute:x"},
        {"mac_address": "fa:16:3e:12:34:56"},
        {"allowed_address_pairs": [{"ip_address": "192.0.2.9", "mac_address": "fa:16:3e:12:34:56"}]},
        {"extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1", "ip_version": 4}]},
        {"fixed_ips": [{"subnet_id": subnet["id"], "ip_address": "192.0.2.40"}]},
        {"binding:vnic_type": "direct"},
        {"binding:profile": {"x": 1}},
        {"allowed_address_pairs": []},
        {"port_security_enabled": False},
        {"fixed_ips": []},
        {"description": ""},
    ]
    for change in changes:
        changed = await door.update("port", made["id"], **change)
        revision = made["revision_number"] + 1
        assert changed == {
            **made, **change, "revision_number": revision, "updated_at": changed["updated_at"]
        }  # fmt: skip
        made = changed
    assert await door.show("port", made["id"]) == made


async def test_an_update_that_changes_nothing_writes_nothing(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    made = await door.create("port", network_id=network["id"], description="d", name="n")
    before = await door.seq()
    same = {key: made[key] for key in ("name", "description", "fixed_ips", "mac_address", "binding:profile")}
    assert await door.update("port", made["id"], **same) == made
    assert await door.update("port", made["id"], fixed_ips=[{"subnet_id": subnet["id"]}]) == made
    assert await door.seq() == before


async def test_keys_of_others_survive_an_update(
    door: FrontDoor, network: Body, subnet: Body, server: Northbound
) -> None:
    made = await door.create("port", network_id=network["id"])
    for column in ("external_ids", "options"):
        server.nbctl("set", "Logical_Switch_Port", made["id"], f"{column}:theirs=1")
    group = server.nbctl("create", "Port_Group", "name=theirs", f"ports={made['id']}")
    await door.update("port", made["id"], name="b", fixed_ips=[], **{"binding:host_id": "hv1"})
    row = await lsp(door, made)
    assert row.external_ids["theirs"] == row.options["theirs"] == "1"
    assert made["id"] in server.nbctl("get", "Port_Group", group, "ports")


async def test_making_and_deleting_a_port_leaves_its_networks_own_row_alone(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    before = await door.row(LogicalSwitch, network["id"])
    port = await door.create("port", network_id=network["id"])
    await door.delete("port", port["id"])
    assert await door.row(LogicalSwitch, network["id"]) is before


async def test_what_is_not_there_is_not_found(door: FrontDoor, network: Body) -> None:
    made = await door.create("port", network_id=network["id"])
    async with Refused(404, "NetworkNotFound", NOBODY):
        await door.create("port", network_id=NOBODY)
    for key in (NOBODY, "x"):
        async with Refused(404, "PortNotFound", key):
            await door.show("port", key)
        async with Refused(404, "PortNotFound", key):
            await door.update("port", key, name="x")
        async with Refused(404, "PortNotFound", key):
            await door.delete("port", key)
    assert await door.list("port", id=[NOBODY, made["id"]]) == [made]
    await door.delete("port", made["id"])
    async with Refused(404, "PortNotFound", made["id"]):
        await door.delete("port", made["id"])


async def test_security_groups_are_not_there_yet(door: FrontDoor, network: Body) -> None:
    for nothing in (list[str](), None):
        made = await door.create("port", network_id=network["id"], security_groups=nothing)
        assert made["security_groups"] == []
    async with Refused(404, "SecurityGroupNotFound", NOBODY):
        await door.create("port", network_id=network["id"], security_groups=[NOBODY])
    async with Refused(404, "SecurityGroupNotFound", NOBODY):
        await door.update("port", made["id"], security_groups=[NOBODY])
    await door.update("port", made["id"], security_groups=[])


@pytest.mark.parametrize(
    "attributes",
    [
        {"name": "x" * 256},
        {"admin_state_up": "maybe"},
        {"binding:vnic_type": "fast"},
        {"binding:host_id": 5},
        {"status": "ACTIVE"},
        {"id": NOBODY},
        {"network_id": "x"},
        {"qos_policy_id": NOBODY},
    ],
)
async def test_values_that_cannot_be_are_refused(door: FrontDoor, network: Body, attributes: Body) -> None:
    async with Refused(400, "HTTPBadRequest", next(iter(attributes))):
        await door.create("port", **{"network_id": network["id"], **attributes})
    async with Refused(400, "HTTPBadRequest", "Required attribute 'network_id' not specified"):
        await door.create("port", name="x")
