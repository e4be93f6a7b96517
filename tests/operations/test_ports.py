import re
from ipaddress import ip_address
from typing import Any

import pytest

from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound

pytestmark = pytest.mark.ovsdb

NOBODY = "00000000-0000-4000-8000-000000000000"
V6 = "2001:db8::/64"


@pytest.fixture
async def v6(door: FrontDoor, network: Body) -> Body:
    """2001:db8::/64 of the network, with stateful DHCPv6."""
    mode = "dhcpv6-stateful"
    return await door.create(
        "subnet", network_id=network["id"], cidr=V6, ip_version=6, ipv6_address_mode=mode, ipv6_ra_mode=mode
    )


@pytest.fixture
async def slaac(door: FrontDoor, network: Body) -> Body:
    """2001:db8:1::/64 of the network, where hosts choose."""
    return await door.create(
        "subnet", network_id=network["id"], cidr="2001:db8:1::/64", ip_version=6, ipv6_address_mode="slaac"
    )


def addresses(port: Body) -> list[str]:
    return [fixed["ip_address"] for fixed in port["fixed_ips"]]


async def lsp(door: FrontDoor, port: Body) -> LogicalSwitchPort:
    return await door.row(LogicalSwitchPort, port["id"])


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


# Addresses


async def test_a_port_gets_one_address_of_each_version_and_those_its_host_gives_itself(
    door: FrontDoor, network: Body, subnet: Body, v6: Body, slaac: Body
) -> None:
    made = await door.create("port", network_id=network["id"], mac_address="fa:16:3e:00:00:01")
    assert made["fixed_ips"] == [
        {"subnet_id": subnet["id"], "ip_address": "192.0.2.2"},
        {"subnet_id": v6["id"], "ip_address": "2001:db8::2"},
        {"subnet_id": slaac["id"], "ip_address": "2001:db8:1:0:f816:3eff:fe00:1"},
    ]
    row = await lsp(door, made)
    assert row.external_ids["neutron:cidrs"] == (
        "192.0.2.2/24 2001:db8::2/64 2001:db8:1:0:f816:3eff:fe00:1/64"
    )
    assert (row.dhcpv4_options, row.dhcpv6_options) == (subnet["id"], v6["id"])


async def test_of_several_subnets_of_one_version_a_port_gets_an_address_of_one(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    pools = [{"start": "198.51.100.9", "end": "198.51.100.9"}]
    await door.create(
        "subnet", network_id=network["id"], cidr="198.51.100.0/24", ip_version=4, allocation_pools=pools
    )
    await door.update("subnet", subnet["id"], allocation_pools=[{"start": "192.0.2.9", "end": "192.0.2.9"}])
    made = [await door.create("port", network_id=network["id"]) for _ in range(2)]
    assert sorted(address for port in made for address in addresses(port)) == ["192.0.2.9", "198.51.100.9"]
    async with Refused(409, "IpAddressGenerationFailure"):
        await door.create("port", network_id=network["id"])


async def test_a_network_without_subnets_gives_no_addresses(door: FrontDoor, network: Body) -> None:
    made = await door.create("port", network_id=network["id"])
    assert made["fixed_ips"] == []
    row = await lsp(door, made)
    assert row.addresses == row.port_security == (made["mac_address"],)
    async with Refused(400, "InvalidInput", "requires subnets"):
        await door.create("port", network_id=network["id"], fixed_ips=[{"ip_address": "192.0.2.2"}])


async def test_addresses_are_had_by_subnet_by_number_and_several(
    door: FrontDoor, network: Body, subnet: Body, v6: Body
) -> None:
    async def chosen(*wanted: Body) -> list[str]:
        return addresses(await door.create("port", network_id=network["id"], fixed_ips=list(wanted)))

    assert await chosen() == []
    assert await chosen({"subnet_id": v6["id"]}) == ["2001:db8::2"]
    assert await chosen({"ip_address": "192.0.2.2"}) == ["192.0.2.2"]
    assert await chosen({"subnet_id": subnet["id"]}) == ["192.0.2.3"]
    assert await chosen({"subnet_id": subnet["id"], "ip_address": "192.0.2.1"}) == ["192.0.2.1"]
    two = [{"subnet_id": subnet["id"]}, {"subnet_id": subnet["id"]}]
    assert await chosen(*two) == ["192.0.2.4", "192.0.2.5"]
    # One asked for by number is not given to the one that takes any.
    assert await chosen({"subnet_id": subnet["id"]}, {"ip_address": "192.0.2.6"}) == [
        "192.0.2.7",
        "192.0.2.6",
    ]
    assert await chosen({"ip_address": "2001:DB8:0::A"}) == ["2001:db8::a"]


async def test_an_address_outside_the_pools_is_had_by_number_only(door: FrontDoor, network: Body) -> None:
    pools = [{"start": "192.0.2.10", "end": "192.0.2.11"}]
    await door.create(
        "subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4, allocation_pools=pools
    )
    for wanted in ("192.0.2.10", "192.0.2.11"):
        assert addresses(await door.create("port", network_id=network["id"])) == [wanted]
    async with Refused(409, "IpAddressGenerationFailure", network["id"]):
        await door.create("port", network_id=network["id"])
    await door.create("port", network_id=network["id"], fixed_ips=[{"ip_address": "192.0.2.200"}])


async def test_a_freed_address_is_given_again(door: FrontDoor, network: Body, subnet: Body) -> None:
    made = [await door.create("port", network_id=network["id"]) for _ in range(3)]
    await door.delete("port", made[1]["id"])
    assert addresses(await door.create("port", network_id=network["id"])) == addresses(made[1])


@pytest.mark.parametrize(
    ("wanted", "status", "kind"),
    [
        ([{"ip_address": "192.0.2.2"}], 409, "IpAddressAlreadyAllocated"),
        ([{"ip_address": "198.51.100.1"}], 400, "InvalidIpForNetwork"),
        ([{"ip_address": "192.0.2.255"}], 400, "InvalidIpForNetwork"),
        ([{"ip_address": "x"}], 400, "HTTPBadRequest"),
        ([{"subnet_id": "x"}], 400, "HTTPBadRequest"),
        ([{"subnet_id": NOBODY}], 404, "SubnetNotFound"),
        ([{"subnet_id": "SUBNET", "ip_address": "192.0.2.255"}], 400, "InvalidIpForSubnet"),
        ([{"subnet_id": "SUBNET", "ip_address": "2001:db8::1"}], 400, "InvalidIpForSubnet"),
        ([{"subnet_id": "OTHER"}], 400, "InvalidInput"),
        ([{}], 400, "HTTPBadRequest"),
        ([{"ip_address": "192.0.2.9"}, {"ip_address": "192.0.2.9"}], 400, "HTTPBadRequest"),
        ([{"ip_address": "192.0.2.9", "color": "blue"}], 400, "HTTPBadRequest"),
        ([{"subnet_id": "SUBNET"}] * 6, 400, "InvalidInput"),
        ("192.0.2.9", 400, "HTTPBadRequest"),
        ([{"ip_address": "2001:db8:1::5"}], 400, "AllocationOnAutoAddressSubnet"),
        ([{"ip_address": "fe80::1%eth0"}], 400, "HTTPBadRequest"),
    ],
)
async def test_addresses_that_a_port_cannot_have_are_refused(
    door: FrontDoor, network: Body, subnet: Body, slaac: Body, wanted: Any, status: int, kind: str
) -> None:
    elsewhere = await door.create("network")
    other = await door.create("subnet", network_id=elsewhere["id"], cidr="203.0.113.0/24", ip_version=4)
    names = {"SUBNET": subnet["id"], "OTHER": other["id"]}
    if isinstance(wanted, list):
        wanted = [{key: names.get(value, value) for key, value in item.items()} for item in wanted]
    taken = await door.create("port", network_id=network["id"])
    async with Refused(status, kind):
        await door.create("port", network_id=network["id"], fixed_ips=wanted)
    async with Refused(status, kind):
        port = await door.create("port", network_id=network["id"], fixed_ips=[])
        await door.update("port", port["id"], fixed_ips=wanted)
    assert addresses(taken)[0] == "192.0.2.2"


async def test_the_address_a_host_gives_itself_may_be_said_and_no_other(
    door: FrontDoor, network: Body, slaac: Body
) -> None:
    own = {"ip_address": "2001:db8:1::f816:3eff:fe00:1"}
    mac = "fa:16:3e:00:00:01"
    for wanted in ([own], [{"subnet_id": slaac["id"]}], []):
        made = await door.create("port", network_id=network["id"], mac_address=mac, fixed_ips=wanted)
        assert len(made["fixed_ips"]) == 1
        assert ip_address(addresses(made)[0]) == ip_address(own["ip_address"])
        await door.delete("port", made["id"])


async def test_ipv6s_anycast_address_is_for_routers_and_ports_of_nobody_yet(
    door: FrontDoor, network: Body, v6: Body
) -> None:
    anycast = [{"ip_address": "2001:db8::"}]
    async with Refused(400, "InvalidIpForNetwork"):
        await door.create("port", network_id=network["id"], fixed_ips=anycast, device_owner="compute:x")
    for owner in ("", "network:router_interface"):
        made = await door.create("port", network_id=network["id"], fixed_ips=anycast, device_owner=owner)
        await door.delete("port", made["id"])


async def test_a_subnet_for_some_kinds_of_ports_serves_just_those_and_serves_them_first(
    door: FrontDoor, network: Body
) -> None:
    special = await door.create(
        "subnet", network_id=network["id"], cidr="198.51.100.0/24", ip_version=4, service_types=["compute:a"]
    )
    async with Refused(409, "IpAddressGenerationFailureNoMatchingSubnet", network["id"]):
        await door.create("port", network_id=network["id"])
    assert addresses(await door.create("port", network_id=network["id"], device_owner="compute:a")) == [
        "198.51.100.2"
    ]
    await door.create("subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4)
    assert addresses(await door.create("port", network_id=network["id"])) == ["192.0.2.2"]
    assert addresses(await door.create("port", network_id=network["id"], device_owner="compute:a")) == [
        "198.51.100.3"
    ]
    async with Refused(400, "InvalidInput", "invalid subnet"):
        await door.create("port", network_id=network["id"], fixed_ips=[{"subnet_id": special["id"]}])


async def test_an_update_of_addresses_keeps_what_may_stay(
    door: FrontDoor, network: Body, subnet: Body, slaac: Body
) -> None:
    made = await door.create("port", network_id=network["id"], mac_address="fa:16:3e:00:00:01")
    automatic = "2001:db8:1:0:f816:3eff:fe00:1"
    by_subnet = [{"subnet_id": subnet["id"]}]

    async def changed(*wanted: Body) -> list[str]:
        return addresses(await door.update("port", made["id"], fixed_ips=list(wanted)))

    assert await changed(*by_subnet) == ["192.0.2.2", automatic]
    assert await changed(*by_subnet, *by_subnet) == ["192.0.2.2", "192.0.2.3", automatic]
    assert await changed({"ip_address": "192.0.2.3"}) == ["192.0.2.3", automatic]
    assert await changed(*by_subnet, {"ip_address": "192.0.2.3"}) == ["192.0.2.2", "192.0.2.3", automatic]
    assert await changed({"ip_address": "192.0.2.50"}) == ["192.0.2.50", automatic]
    assert await changed() == [automatic]
    other = await door.create("port", network_id=network["id"])
    assert addresses(other)[0] == "192.0.2.2"
    assert (await door.update("port", made["id"], fixed_ips=None))["fixed_ips"] != []


async def test_addresses_asked_for_in_one_bulk_differ(door: FrontDoor, network: Body, subnet: Body) -> None:
    bulk = [{"network_id": network["id"]}] * 100
    made = await door.create_many("port", *bulk)
    assert len({addresses(port)[0] for port in made}) == 100
    assert len({port["mac_address"] for port in made}) == 100


async def test_a_bulk_is_made_whole_or_not_at_all(door: FrontDoor, network: Body, subnet: Body) -> None:
    mine = {"network_id": network["id"]}
    before = await door.seq()
    async with Refused(409, "IpAddressAlreadyAllocated"):
        await door.create_many("port", mine, mine, {**mine, "fixed_ips": [{"ip_address": "192.0.2.3"}]})
    assert await door.list("port") == []
    assert await door.seq() == before
    await door.create_many("port", mine, mine, mine)
    assert await door.seq() == before + 1


# MAC addresses


@pytest.mark.parametrize("mac", ["FA:16:3E:00:00:0A", "fa-16-3e-0-0-a", "fa16.3e00.000a", "fa163e00000a"])
async def test_a_mac_address_is_shown_in_one_way(door: FrontDoor, network: Body, mac: str) -> None:
    made = await door.create("port", network_id=network["id"], mac_address=mac)
    assert made["mac_address"] == "fa:16:3e:00:00:0a"


async def test_a_mac_address_is_one_ports_of_a_network(door: FrontDoor, network: Body) -> None:
    mac = "fa:16:3e:00:00:01"
    await door.create("port", network_id=network["id"], mac_address=mac)
    async with Refused(409, "MacAddressInUse", mac, network["id"]):
        await door.create("port", network_id=network["id"], mac_address=mac.upper())
    other = await door.create("port", network_id=network["id"])
    async with Refused(409, "MacAddressInUse", mac):
        await door.update("port", other["id"], mac_address=mac)
    elsewhere = await door.create("network")
    await door.create("port", network_id=elsewhere["id"], mac_address=mac)
    for bad in ("x", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", 5):
        async with Refused(400, "HTTPBadRequest", "mac_address"):
            await door.create("port", network_id=network["id"], mac_address=bad)


@pytest.mark.parametrize("settings", [{"base_mac": "02:aa:bb:cc:00:00"}])
async def test_macs_begin_as_the_setting_says(door: FrontDoor, network: Body) -> None:
    made = await door.create("port", network_id=network["id"])
    assert made["mac_address"].startswith("02:aa:bb:cc:")


async def test_a_new_mac_takes_its_addresses_and_pairs_along(
    door: FrontDoor, network: Body, subnet: Body, slaac: Body
) -> None:
    made = await door.create(
        "port",
        network_id=network["id"],
        mac_address="fa:16:3e:00:00:01",
        allowed_address_pairs=[{"ip_address": "192.0.2.200"}],
    )
    changed = await door.update("port", made["id"], mac_address="fa:16:3e:00:00:02")
    assert addresses(changed) == ["192.0.2.2", "2001:db8:1:0:f816:3eff:fe00:2"]
    # Neutron keeps the MAC address that a pair was given when it was made.
    assert changed["allowed_address_pairs"] == [
        {"ip_address": "192.0.2.200", "mac_address": "fa:16:3e:00:00:01"}
    ]
    row = await lsp(door, made)
    assert row.port_security == (
        "fa:16:3e:00:00:01 192.0.2.200",
        "fa:16:3e:00:00:02 192.0.2.2 2001:db8:1:0:f816:3eff:fe00:2",
    )


async def test_a_port_with_nothing_but_a_self_made_address_keeps_one_when_its_mac_changes(
    door: FrontDoor, network: Body, slaac: Body
) -> None:
    made = await door.create("port", network_id=network["id"])
    changed = await door.update("port", made["id"], mac_address="fa:16:3e:00:00:02")
    assert addresses(changed) == ["2001:db8:1:0:f816:3eff:fe00:2"]


async def test_a_null_mac_address_asks_for_another(door: FrontDoor, network: Body) -> None:
    made = await door.create("port", network_id=network["id"])
    changed = await door.update("port", made["id"], mac_address=None)
    assert changed["mac_address"] != made["mac_address"]


async def test_the_mac_address_of_a_port_in_use_stays(
    door: FrontDoor, network: Body, server: Northbound
) -> None:
    bound = await door.create("port", network_id=network["id"], **{"binding:host_id": "hv1"})
    async with Refused(409, "PortBound", bound["id"], "ovs"):
        await door.update("port", bound["id"], mac_address="fa:16:3e:00:00:02")
    await door.update("port", bound["id"], mac_address=bound["mac_address"], name="same")
    up = await door.create("port", network_id=network["id"])
    server.nbctl("lsp-set-options", up["id"])
    server.nbctl("set", "Logical_Switch_Port", up["id"], "up=true")
    assert (await lsp(door, up)).up is True
    async with Refused(409, "PortBound", up["id"]):
        await door.update("port", up["id"], mac_address=None)
    router = await door.create("port", network_id=network["id"], device_owner="network:router_interface")
    async with Refused(409, "UnsupportedPortDeviceOwner", "network:router_interface"):
        await door.update("port", router["id"], mac_address="fa:16:3e:00:00:02")


# Port security and allowed address pairs


async def test_port_security_off_lets_everything_pass(door: FrontDoor, network: Body, subnet: Body) -> None:
    made = await door.create("port", network_id=network["id"], port_security_enabled=False)
    row = await lsp(door, made)
    assert row.port_security == ()
    assert row.addresses == (f"{made['mac_address']} 192.0.2.2", "unknown")
    on = await door.update("port", made["id"], port_security_enabled=True)
    assert on["port_security_enabled"] is True
    row = await lsp(door, made)
    assert row.port_security == row.addresses == (f"{made['mac_address']} 192.0.2.2",)


async def test_a_port_without_port_security_and_dhcp_is_known_by_nothing(
    door: FrontDoor, network: Body
) -> None:
    made = await door.create("port", network_id=network["id"], port_security_enabled=False)
    assert (await lsp(door, made)).addresses == ("unknown",)


async def test_port_security_is_the_networks_where_a_port_does_not_say(door: FrontDoor) -> None:
    network = await door.create("network", port_security_enabled=False)
    made = await door.create("port", network_id=network["id"])
    assert made["port_security_enabled"] is False
    explicit = await door.create("port", network_id=network["id"], port_security_enabled=True)
    assert explicit["port_security_enabled"] is True
    await door.update("network", network["id"], port_security_enabled=True)
    assert (await door.show("port", made["id"]))["port_security_enabled"] is False


async def test_allowed_address_pairs_are_shown_as_they_came_and_let_their_addresses_pass(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    mac = "fa:16:3e:00:00:01"
    pairs = [
        {"ip_address": "192.0.2.9/32"},
        {"ip_address": "2001:DB8::1"},
        {"ip_address": "198.51.100.7/24"},
        {"ip_address": "192.0.2.10", "mac_address": "02-00-00-00-00-01"},
        {"ip_address": "192.0.2.11", "mac_address": None},
    ]
    made = await door.create("port", network_id=network["id"], mac_address=mac, allowed_address_pairs=pairs)
    assert made["allowed_address_pairs"] == [
        {"ip_address": "192.0.2.9/32", "mac_address": mac},
        {"ip_address": "2001:DB8::1", "mac_address": mac},
        {"ip_address": "198.51.100.7/24", "mac_address": mac},
        {"ip_address": "192.0.2.10", "mac_address": "02:00:00:00:00:01"},
        {"ip_address": "192.0.2.11", "mac_address": mac},
    ]
    row = await lsp(door, made)
    assert row.port_security == (
        "02:00:00:00:00:01 192.0.2.10",
        f"{mac} 192.0.2.2 192.0.2.9 2001:db8::1 198.51.100.0/24 192.0.2.11",
    )
    assert row.addresses == ("02:00:00:00:00:01", f"{mac} 192.0.2.2")
    assert (await door.update("port", made["id"], allowed_address_pairs=[]))["allowed_address_pairs"] == []
    assert (await lsp(door, made)).port_security == (f"{mac} 192.0.2.2",)


@pytest.mark.parametrize(
    ("pairs", "status", "kind"),
    [
        ([{"mac_address": "fa:16:3e:00:00:01"}], 400, "AllowedAddressPairsMissingIP"),
        ([{"ip_address": "192.0.2.9"}] * 2, 400, "DuplicateAddressPairInRequest"),
        ([{"ip_address": f"192.0.2.{n}"} for n in range(11)], 400, "AllowedAddressPairExhausted"),
        ([{"ip_address": "x"}], 400, "HTTPBadRequest"),
        ([{"ip_address": "224.0.0.5"}], 400, "HTTPBadRequest"),
        ([{"ip_address": "192.0.2.9", "mac_address": "01:00:5e:00:00:01"}], 400, "HTTPBadRequest"),
        ([{"ip_address": "192.0.2.9", "color": "blue"}], 400, "HTTPBadRequest"),
        ("192.0.2.9", 400, "HTTPBadRequest"),
    ],
)
async def test_pairs_that_cannot_be_are_refused(
    door: FrontDoor, network: Body, pairs: Any, status: int, kind: str
) -> None:
    async with Refused(status, kind):
        await door.create("port", network_id=network["id"], allowed_address_pairs=pairs)


async def test_pairs_need_port_security(door: FrontDoor, network: Body) -> None:
    pairs = [{"ip_address": "192.0.2.9"}]
    async with Refused(409, "AddressPairAndPortSecurityRequired"):
        await door.create(
            "port", network_id=network["id"], port_security_enabled=False, allowed_address_pairs=pairs
        )
    made = await door.create("port", network_id=network["id"], allowed_address_pairs=pairs)
    async with Refused(409, "AddressPairAndPortSecurityRequired"):
        await door.update("port", made["id"], port_security_enabled=False)
    await door.update("port", made["id"], port_security_enabled=False, allowed_address_pairs=[])
    async with Refused(409, "AddressPairAndPortSecurityRequired"):
        await door.update("port", made["id"], allowed_address_pairs=pairs)


async def test_a_port_whose_address_others_may_use_is_virtual_until_it_is_used(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    vip = await door.create("port", network_id=network["id"], fixed_ips=[{"ip_address": "192.0.2.100"}])
    pairs = [{"ip_address": "192.0.2.100/32"}]
    holders = [
        await door.create("port", network_id=network["id"], allowed_address_pairs=pairs) for _ in range(2)
    ]
    row = await lsp(door, vip)
    ids = ",".join(sorted(port["id"] for port in holders))
    assert (row.type, row.options) == ("virtual", {"virtual-ip": "192.0.2.100", "virtual-parents": ids})
    assert (await door.show("port", vip["id"]))["revision_number"] == 1

    await door.update("port", holders[0]["id"], allowed_address_pairs=[])
    assert (await lsp(door, vip)).options["virtual-parents"] == holders[1]["id"]
    await door.update("port", vip["id"], device_id="vm")
    assert (await lsp(door, vip)).type == ""
    await door.update("port", vip["id"], device_id="")
    assert (await lsp(door, vip)).type == "virtual"
    await door.delete("port", holders[1]["id"])
    row = await lsp(door, vip)
    assert (row.type, row.options) == ("", {})


async def test_a_port_made_after_the_pair_that_names_its_address_is_virtual_too(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    holder = await door.create(
        "port", network_id=network["id"], allowed_address_pairs=[{"ip_address": "192.0.2.100"}]
    )
    vip = await door.create("port", network_id=network["id"], fixed_ips=[{"ip_address": "192.0.2.100"}])
    assert (await lsp(door, vip)).options["virtual-parents"] == holder["id"]
    await door.update("port", vip["id"], fixed_ips=[{"ip_address": "192.0.2.101"}])
    assert (await lsp(door, vip)).type == ""


async def test_the_parent_of_container_ports_does_not_turn_virtual(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    vm = await door.create("port", network_id=network["id"], fixed_ips=[{"ip_address": "192.0.2.100"}])
    await door.create("port", network_id=network["id"], allowed_address_pairs=[{"ip_address": "192.0.2.100"}])
    assert (await lsp(door, vm)).type == "virtual"
    profile = {"parent_name": vm["id"], "tag": 1}
    child = await door.create("port", network_id=network["id"], **{"binding:profile": profile})
    assert (await lsp(door, vm)).type == ""
    await door.delete("port", child["id"])
    assert (await lsp(door, vm)).type == "virtual"


# DHCP options


async def test_extra_dhcp_options_make_a_row_of_the_ports_own(
    door: FrontDoor, network: Body, subnet: Body, v6: Body
) -> None:
    options = [
        {"opt_name": "bootfile-name", "opt_value": 'pxe"linux.0'},
        {"opt_name": "66", "opt_value": "198.51.100.5", "ip_version": "4"},
        {"opt_name": "router", "opt_value": ""},
        {"opt_name": "no-such-option", "opt_value": "1"},
        {"opt_name": "dns-server", "opt_value": "2001:db8::53", "ip_version": 6},
    ]
    made = await door.create("port", network_id=network["id"], extra_dhcp_opts=options)
    assert [option["ip_version"] for option in made["extra_dhcp_opts"]] == [4, 4, 4, 4, 6]
    row = await lsp(door, made)
    assert row.dhcpv4_options not in (None, subnet["id"])
    assert row.dhcpv6_options not in (None, v6["id"])
    assert row.dhcpv4_options is not None
    assert row.dhcpv6_options is not None
    own = await door.row(DhcpOptions, row.dhcpv4_options)
    assert own.external_ids["port_id"] == made["id"]
    assert own.options["bootfile_name"] == '"pxe\\"linux.0"'
    assert own.options["tftp_server"] == '"198.51.100.5"'
    assert own.options["server_id"] == "192.0.2.1"
    assert "router" not in own.options
    assert "no-such-option" not in own.options
    assert (await door.row(DhcpOptions, row.dhcpv6_options)).options["dns_server"] == "2001:db8::53"

    await door.delete("port", made["id"])
    assert await door.find_row(DhcpOptions, row.dhcpv4_options) is None
    assert await door.find_row(DhcpOptions, row.dhcpv6_options) is None


async def test_an_update_of_dhcp_options_changes_those_it_names(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    made = await door.create(
        "port",
        network_id=network["id"],
        extra_dhcp_opts=[
            {"opt_name": "mtu", "opt_value": "1"},
            {"opt_name": "router", "opt_value": "192.0.2.9"},
        ],
    )

    async def after(*options: Body) -> dict[str, str]:
        changed = await door.update("port", made["id"], extra_dhcp_opts=list(options))
        return {option["opt_name"]: option["opt_value"] for option in changed["extra_dhcp_opts"]}

    assert await after({"opt_name": "mtu", "opt_value": "2"}) == {"mtu": "2", "router": "192.0.2.9"}
    assert await after() == {"mtu": "2", "router": "192.0.2.9"}
    assert await after({"opt_name": "mtu", "opt_value": None}) == {"router": "192.0.2.9"}
    assert await after({"opt_name": "wpad", "opt_value": None}) == {"router": "192.0.2.9"}
    assert await after({"opt_name": "router", "opt_value": None}) == {}
    assert (await lsp(door, made)).dhcpv4_options == subnet["id"]


async def test_dhcp_is_switched_off_for_one_port(door: FrontDoor, network: Body, subnet: Body) -> None:
    made = await door.create(
        "port", network_id=network["id"], extra_dhcp_opts=[{"opt_name": "dhcp_disabled", "opt_value": "True"}]
    )
    assert (await lsp(door, made)).dhcpv4_options is None


@pytest.mark.parametrize(
    "options",
    [
        "mtu",
        [{"opt_name": "mtu"}],
        [{"opt_value": "1"}],
        [{"opt_name": "", "opt_value": "1"}],
        [{"opt_name": "mtu", "opt_value": ""}],
        [{"opt_name": "mtu", "opt_value": "a\nb"}],
        [{"opt_name": "mtu", "opt_value": "1", "ip_version": 5}],
        [{"opt_name": "mtu", "opt_value": 1}],
        [{"opt_name": "mtu", "opt_value": "1", "color": "blue"}],
        [{"opt_name": "x" * 65, "opt_value": "1"}],
    ],
)
async def test_dhcp_options_that_cannot_be_are_refused(door: FrontDoor, network: Body, options: Any) -> None:
    async with Refused(400, "HTTPBadRequest", "extra_dhcp_opts"):
        await door.create("port", network_id=network["id"], extra_dhcp_opts=options)


# Kinds of ports


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


# Binding and status


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


# Updates


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


# Lists


async def test_lists_are_found_by_what_indexes_know(door: FrontDoor, network: Body) -> None:
    other = await door.create("network")
    a = await door.create("port", network_id=network["id"], device_id="vm1", project_id="red")
    b = await door.create("port", network_id=other["id"], device_id="vm1")
    c = await door.create("port", network_id=other["id"])

    async def found(**filters: list[str]) -> set[str]:
        return {port["id"] for port in await door.list("port", **filters)}

    assert await found() == {a["id"], b["id"], c["id"]}
    assert await found(network_id=[other["id"]]) == {b["id"], c["id"]}
    assert await found(network_id=[other["id"], network["id"]]) == {a["id"], b["id"], c["id"]}
    assert await found(device_id=["vm1"]) == {a["id"], b["id"]}
    assert await found(project_id=["red"]) == {a["id"]}
    # An empty value is no key of an index: the filter itself, applied to what is shown, has the last word.
    assert c["id"] in await found(device_id=[""])


async def test_rows_of_others_are_in_no_list_and_in_nobodys_way(
    door: FrontDoor, network: Body, subnet: Body, server: Northbound
) -> None:
    switch = f"neutron-{network['id']}"
    server.nbctl("lsp-add", switch, "theirs")
    server.nbctl("ls-add", "theirs")
    server.nbctl("lsp-add", "theirs", "theirs-too")
    server.nbctl("dhcp-options-create", "192.0.2.0/24")
    assert await door.list("port") == []
    assert [each["id"] for each in await door.list("network")] == [network["id"]]
    assert [each["id"] for each in await door.list("subnet")] == [subnet["id"]]
    await door.create("port", network_id=network["id"])


# Projects


async def test_each_project_sees_its_own_ports_and_those_on_its_networks(door: FrontDoor) -> None:
    red, blue = door.of("red"), door.of("blue")
    network = await red.create("network")
    await door.update("network", network["id"], shared=True)
    theirs = await red.create("port", network_id=network["id"])
    mine = await blue.create("port", network_id=network["id"])
    assert mine["project_id"] == "blue"
    assert {port["id"] for port in await blue.list("port")} == {mine["id"]}
    assert {port["id"] for port in await red.list("port")} == {mine["id"], theirs["id"]}
    async with Refused(404, "PortNotFound"):
        await blue.show("port", theirs["id"])
    async with Refused(404, "PortNotFound"):
        await blue.update("port", theirs["id"], name="x")
    async with Refused(404, "PortNotFound"):
        await blue.delete("port", theirs["id"])
    async with Refused(403, "PolicyNotAuthorized", "update_port"):
        await red.update("port", mine["id"], name="x")
    await red.delete("port", mine["id"])  # it is on their network


async def test_what_only_some_may_set_is_refused_to_others(door: FrontDoor) -> None:
    red, blue = door.of("red"), door.of("blue")
    network = await red.create("network")
    await red.create("subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4)
    await door.update("network", network["id"], shared=True)
    for forbidden in (
        {"mac_address": "fa:16:3e:00:00:01"},
        {"fixed_ips": [{"ip_address": "192.0.2.9"}]},
        {"port_security_enabled": False},
        {"device_owner": "network:dhcp"},
        {"binding:host_id": "hv1"},
        {"binding:profile": {"a": 1}},
        {"allowed_address_pairs": [{"ip_address": "192.0.2.9"}]},
    ):
        async with Refused(403, "PolicyNotAuthorized", next(iter(forbidden))):
            await blue.create("port", network_id=network["id"], **forbidden)
    mine = await blue.create("port", network_id=network["id"], **{"binding:profile": {}})
    async with Refused(403, "PolicyNotAuthorized", "binding:profile"):
        await blue.update("port", mine["id"], **{"binding:profile": {}})
    async with Refused(400, "HTTPBadRequest", "admin"):
        await blue.create("port", network_id=network["id"], project_id="red")


async def test_who_may_only_read_makes_and_changes_nothing(door: FrontDoor) -> None:
    red, reader = door.of("red"), door.of("red", "reader")
    network = await red.create("network")
    port = await red.create("port", network_id=network["id"])
    assert [seen["id"] for seen in await reader.list("port")] == [port["id"]]
    async with Refused(403, "PolicyNotAuthorized", "create_port"):
        await reader.create("port", network_id=network["id"])
    async with Refused(403, "PolicyNotAuthorized", "update_port"):
        await reader.update("port", port["id"], name="x")
    async with Refused(403, "PolicyNotAuthorized", "delete_port"):
        await reader.delete("port", port["id"])
