"""Fixed IPs and MAC addresses of ports."""

from ipaddress import ip_address
from typing import Any

import pytest

from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound
from tests.operations.conftest import NOBODY, addresses, lsp

pytestmark = pytest.mark.ovsdb


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
