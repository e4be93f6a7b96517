from typing import Any

import pytest

from ovnest.allocation.macs import mac_from_id
from ovnest.northbound.tables import DhcpOptions, LogicalSwitchPort
from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound
from tests.operations.conftest import NOBODY

pytestmark = pytest.mark.ovsdb

V6 = "2001:db8::/64"


def pools(*each: str) -> Body:
    """Allocation pools, written "first-last"."""
    ends = [pool.split("-") for pool in each]
    return {"allocation_pools": [{"start": first, "end": last} for first, last in ends]}


def routes(*each: str) -> Body:
    """Host routes, written "destination,nexthop"."""
    ends = [route.split(",") for route in each]
    return {"host_routes": [{"destination": to, "nexthop": via} for to, via in ends]}


async def made_on(door: FrontDoor, network: Body, **attributes: Any) -> Body:
    """A subnet of the network; IPv4 192.0.2.0/24 unless it says something else."""
    cidr = attributes.setdefault("cidr", "192.0.2.0/24")
    attributes.setdefault("ip_version", 6 if ":" in str(cidr) else 4)
    return await door.create("subnet", network_id=network["id"], **attributes)


async def test_a_subnet_of_nothing_but_a_cidr_is_shown_whole(door: FrontDoor, network: Body) -> None:
    made = await made_on(door, network, cidr="192.0.2.77/24")
    key, created = made["id"], made["created_at"]
    assert made == {
        "id": key,
        "name": "",
        "tenant_id": "default",
        "project_id": "default",
        "network_id": network["id"],
        "ip_version": 4,
        "subnetpool_id": None,
        "enable_dhcp": True,
        "ipv6_ra_mode": None,
        "ipv6_address_mode": None,
        "gateway_ip": "192.0.2.1",
        "cidr": "192.0.2.0/24",
        "allocation_pools": [{"start": "192.0.2.2", "end": "192.0.2.254"}],
        "host_routes": [],
        "dns_nameservers": [],
        "description": "",
        "service_types": [],
        "tags": [],
        "created_at": created,
        "updated_at": created,
        "revision_number": 1,
    }
    assert await door.show("subnet", key) == made
    assert await door.list("subnet") == await door.list("subnet", network_id=[network["id"]]) == [made]
    assert (await door.show("network", network["id"]))["subnets"] == [key]
    # ML2/OVN's revision of a network does not follow its subnets here: a switch's keys cost northd too much.
    assert (await door.show("network", network["id"]))["revision_number"] == 1


@pytest.mark.parametrize("settings", [{"dns_domain": 'example.org"'}])
async def test_dhcp_options_of_ipv4_are_those_of_ml2_ovn(door: FrontDoor, network: Body) -> None:
    made = await made_on(
        door,
        network,
        dns_nameservers=["198.51.100.1", "198.51.100.2"],
        host_routes=[{"destination": "203.0.113.0/24", "nexthop": "192.0.2.9"}],
    )
    row = await door.row(DhcpOptions, made["id"])
    assert row.cidr == "192.0.2.0/24"
    assert row.options == {
        "server_id": "192.0.2.1",
        "server_mac": mac_from_id(made["id"]),
        "lease_time": "43200",
        "mtu": "1442",
        "router": "192.0.2.1",
        "dns_server": "{198.51.100.1, 198.51.100.2}",
        "domain_name": '"example.org\\""',
        "classless_static_route": "{203.0.113.0/24,192.0.2.9, 0.0.0.0/0,192.0.2.1}",
    }
    assert row.external_ids["subnet_id"] == made["id"]
    assert row.external_ids["neutron:network_id"] == network["id"]


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ({}, {"server_id": "mac"}),
        ({"ipv6_address_mode": "dhcpv6-stateful", "ipv6_ra_mode": "dhcpv6-stateful"}, {"server_id": "mac"}),
        (
            {"ipv6_address_mode": "dhcpv6-stateless", "ipv6_ra_mode": "dhcpv6-stateless"},
            {"server_id": "mac", "dhcpv6_stateless": "true"},
        ),
        ({"ipv6_address_mode": "slaac"}, {}),
        ({"ipv6_address_mode": "slaac", "ipv6_ra_mode": "slaac"}, {}),
    ],
)
async def test_dhcp_options_of_ipv6_follow_the_address_mode(
    door: FrontDoor, network: Body, mode: Body, options: dict[str, str]
) -> None:
    made = await made_on(door, network, cidr="2001:DB8::/64", dns_nameservers=["2001:db8::53"], **mode)
    assert made["cidr"] == "2001:db8::/64"
    assert made["gateway_ip"] == "2001:db8::1"
    assert {name: made[name] for name in mode} == mode
    assert made["allocation_pools"] == [{"start": "2001:db8::2", "end": "2001:db8::ffff:ffff:ffff:ffff"}]
    row = await door.row(DhcpOptions, made["id"])
    wanted = {**options, "dns_server": "{2001:db8::53}"} if options else {}
    if "server_id" in wanted:
        wanted["server_id"] = mac_from_id(made["id"])
    assert row.options == wanted
    port = await door.create("port", network_id=network["id"])
    lsp = await door.row(LogicalSwitchPort, port["id"])
    assert lsp.dhcpv6_options == (made["id"] if options else None)


async def test_every_attribute_comes_back_and_every_update_changes_just_its_own(
    door: FrontDoor, network: Body
) -> None:
    made = await made_on(
        door,
        network,
        name="s",
        description="about it",
        gateway_ip="192.0.2.254",
        dns_nameservers=["198.51.100.1"],
        host_routes=[{"destination": "203.0.113.0/24", "nexthop": "192.0.2.9"}],
        enable_dhcp=False,
        service_types=["compute:nova"],
        tags=["t"],
        **pools("192.0.2.30-192.0.2.39", "192.0.2.10-192.0.2.19"),
    )
    assert made["allocation_pools"][0]["start"] == "192.0.2.30"
    changes: list[Body] = [
        {"name": ""},
        {"description": "other"},
        {"dns_nameservers": ["198.51.100.3", "198.51.100.2"]},
        {"dns_nameservers": []},
        {"host_routes": []},
        {"enable_dhcp": True},
        {"service_types": []},
        {"gateway_ip": "192.0.2.1"},
        {"gateway_ip": None},
        pools("192.0.2.5-192.0.2.6"),
        {"allocation_pools": []},
    ]
    for change in changes:
        changed = await door.update("subnet", made["id"], **change)
        revision = made["revision_number"] + 1
        assert changed == {
            **made, **change, "revision_number": revision, "updated_at": changed["updated_at"]
        }  # fmt: skip
        made = changed
    before = await door.seq()
    assert await door.update("subnet", made["id"], gateway_ip=None, enable_dhcp="true") == made
    assert await door.seq() == before


@pytest.mark.parametrize(
    ("cidr", "gateway", "pools"),
    [
        ("192.0.2.0/24", None, [("192.0.2.1", "192.0.2.254")]),
        ("192.0.2.0/24", "192.0.2.100", [("192.0.2.1", "192.0.2.99"), ("192.0.2.101", "192.0.2.254")]),
        ("192.0.2.0/24", "198.51.100.1", [("192.0.2.1", "192.0.2.254")]),
        ("192.0.2.0/30", "192.0.2.1", [("192.0.2.2", "192.0.2.2")]),
        ("2001:db8::/64", None, [("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff")]),
        ("2001:db8::/64", "fe80::1", [("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff")]),
        ("2001:db8::/126", "2001:db8::1", [("2001:db8::2", "2001:db8::3")]),
    ],
)
async def test_pools_not_given_are_all_but_the_gateway(
    door: FrontDoor, network: Body, cidr: str, gateway: str | None, pools: list[tuple[str, str]]
) -> None:
    made = await made_on(door, network, cidr=cidr, gateway_ip=gateway)
    assert made["gateway_ip"] == gateway
    assert [(pool["start"], pool["end"]) for pool in made["allocation_pools"]] == pools


@pytest.mark.parametrize(
    ("attributes", "status", "kind"),
    [
        ({"cidr": "192.0.2.0"}, 400, "HTTPBadRequest"),
        ({"cidr": "192.0.2.0/33"}, 400, "HTTPBadRequest"),
        ({"cidr": "192.0.2.0/255.255.255.0"}, 400, "HTTPBadRequest"),
        ({"cidr": "fish"}, 400, "HTTPBadRequest"),
        ({"ip_version": 5}, 400, "HTTPBadRequest"),
        ({"ip_version": 6}, 400, "InvalidInput"),
        ({"cidr": "0.0.0.0/0"}, 400, "InvalidInput"),
        ({"cidr": "0.0.0.0/8"}, 400, "InvalidInput"),
        ({"cidr": "::/64"}, 400, "InvalidInput"),
        ({"cidr": "192.0.2.0/31"}, 400, "InvalidInput"),
        ({"cidr": "192.0.2.0/32"}, 400, "InvalidInput"),
        ({"cidr": "2001:db8::/127"}, 400, "InvalidInput"),
        ({"cidr": "224.0.0.0/24"}, 400, "InvalidInput"),
        ({"cidr": "127.0.0.0/24"}, 400, "InvalidInput"),
        ({"cidr": None}, 400, "BadRequest"),
        ({"prefixlen": 24}, 400, "BadRequest"),
        ({"use_default_subnetpool": True}, 400, "BadRequest"),
        ({"subnetpool_id": NOBODY}, 404, "SubnetPoolNotFound"),
        ({"network_id": NOBODY}, 404, "NetworkNotFound"),
        ({"gateway_ip": "192.0.2.0"}, 400, "InvalidInput"),
        ({"gateway_ip": "192.0.2.255"}, 400, "InvalidInput"),
        ({"gateway_ip": "2001:db8::1"}, 400, "InvalidInput"),
        ({"gateway_ip": "x"}, 400, "HTTPBadRequest"),
        (pools("192.0.2.0-192.0.2.9"), 400, "OutOfBoundsAllocationPool"),
        (pools("192.0.2.9-192.0.2.255"), 400, "OutOfBoundsAllocationPool"),
        (pools("192.0.2.9-192.0.2.8"), 400, "InvalidAllocationPool"),
        (pools("2001:db8::1-2001:db8::2"), 400, "InvalidAllocationPool"),
        (pools("192.0.2.9-2001:db8::2"), 400, "InvalidAllocationPool"),
        ({"allocation_pools": [{"start": "192.0.2.9"}]}, 400, "HTTPBadRequest"),
        (pools("a-b"), 400, "HTTPBadRequest"),
        (pools("192.0.2.10-192.0.2.20", "192.0.2.20-192.0.2.30"), 409, "OverlappingAllocationPools"),
        (
            {**pools("192.0.2.9-192.0.2.20"), "gateway_ip": "192.0.2.9"},
            409,
            "GatewayConflictWithAllocationPools",
        ),
        ({"dns_nameservers": ["2001:db8::1"]}, 400, "InvalidInput"),
        ({"dns_nameservers": ["x"]}, 400, "HTTPBadRequest"),
        ({"dns_nameservers": ["198.51.100.1", "198.51.100.1"]}, 400, "HTTPBadRequest"),
        ({"dns_nameservers": [f"198.51.100.{n}" for n in range(6)]}, 400, "DNSNameServersExhausted"),
        (routes("2001:db8::/64,192.0.2.9"), 400, "InvalidInput"),
        (routes("10.0.0.0/8,2001:db8::1"), 400, "InvalidInput"),
        ({"host_routes": [{"destination": "10.0.0.0/8"}]}, 400, "HTTPBadRequest"),
        (routes(*(f"10.{n}.0.0/16,192.0.2.9" for n in range(21))), 400, "HostRoutesExhausted"),
        ({"ipv6_ra_mode": "slaac"}, 400, "InvalidInput"),
        ({"ipv6_address_mode": "slaac"}, 400, "InvalidInput"),
        ({"service_types": ["web"]}, 400, "HTTPBadRequest"),
        ({"service_types": [""]}, 400, "HTTPBadRequest"),
        ({"service_types": ["compute:a\u00a0b"]}, 400, "HTTPBadRequest"),
        ({"cidr": V6, "ipv6_address_mode": "magic"}, 400, "HTTPBadRequest"),
        ({"cidr": V6, "ipv6_address_mode": "slaac", "ipv6_ra_mode": "dhcpv6-stateful"}, 400, "InvalidInput"),
        ({"cidr": V6, "ipv6_address_mode": "slaac", "enable_dhcp": False}, 400, "InvalidInput"),
        ({"cidr": "2001:db8::/60", "ipv6_address_mode": "slaac"}, 400, "InvalidInput"),
        ({"cidr": "2001:db8::/96", "ipv6_address_mode": "dhcpv6-stateless"}, 400, "InvalidInput"),
    ],
)  # fmt: skip
async def test_a_subnet_that_cannot_be_is_refused(
    door: FrontDoor, network: Body, attributes: Body, status: int, kind: str
) -> None:
    cidr = attributes.get("cidr") or "192.0.2.0/24"
    whole = {"network_id": network["id"], "cidr": cidr, "ip_version": 6 if ":" in cidr else 4, **attributes}
    async with Refused(status, kind):
        await door.create("subnet", **whole)
    assert await door.list("subnet") == []


async def test_what_a_subnet_needs_has_to_be_said(door: FrontDoor, network: Body) -> None:
    async with Refused(400, "HTTPBadRequest", "Required attribute 'ip_version' not specified"):
        await door.create("subnet", network_id=network["id"], cidr="192.0.2.0/24")
    async with Refused(400, "HTTPBadRequest", "Required attribute 'network_id' not specified"):
        await door.create("subnet", cidr="192.0.2.0/24", ip_version=4)


@pytest.mark.parametrize("cidr", ["192.0.2.0/24", "192.0.2.128/25", "192.0.2.16/28", "192.0.0.0/16"])
async def test_subnets_of_a_network_do_not_overlap(
    door: FrontDoor, network: Body, subnet: Body, cidr: str
) -> None:
    async with Refused(400, "InvalidInput", "overlaps with another subnet"):
        await made_on(door, network, cidr=cidr)
    other = await door.create("network")
    await made_on(door, other, cidr=cidr)
    await made_on(door, network, cidr="192.0.3.0/24")
    await made_on(door, network, cidr="2001:db8::/64")


async def test_a_small_subnet_without_dhcp_may_be(door: FrontDoor, network: Body) -> None:
    small = await made_on(door, network, cidr="192.0.2.0/31", enable_dhcp=False, gateway_ip=None)
    ports = [await door.create("port", network_id=network["id"]) for _ in range(2)]
    assert [port["fixed_ips"][0]["ip_address"] for port in ports] == ["192.0.2.0", "192.0.2.1"]
    async with Refused(400, "InvalidInput", "/30"):
        await door.update("subnet", small["id"], enable_dhcp=True)
    host = await made_on(door, network, cidr="198.51.100.7/32", enable_dhcp=False, gateway_ip=None)
    assert host["allocation_pools"] == [{"start": "198.51.100.7", "end": "198.51.100.7"}]


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        (pools("192.0.2.1-192.0.2.9"), 409, "GatewayConflictWithAllocationPools"),
        (pools("192.0.3.1-192.0.3.9"), 400, "OutOfBoundsAllocationPool"),
        ({"gateway_ip": "192.0.2.2"}, 409, "GatewayConflictWithAllocationPools"),
        ({"gateway_ip": "192.0.2.255"}, 400, "InvalidInput"),
        ({"dns_nameservers": ["2001:db8::1"]}, 400, "InvalidInput"),
        (routes("10.0.0.0/8,2001:db8::1"), 400, "InvalidInput"),
        ({"cidr": "192.0.3.0/24"}, 400, "HTTPBadRequest"),
        ({"ip_version": 4}, 400, "HTTPBadRequest"),
        ({"ipv6_ra_mode": "slaac"}, 400, "HTTPBadRequest"),
        ({"network_id": NOBODY}, 400, "HTTPBadRequest"),
    ],
)  # fmt: skip
async def test_a_change_that_cannot_be_is_refused(
    door: FrontDoor, subnet: Body, change: Body, status: int, kind: str
) -> None:
    async with Refused(status, kind):
        await door.update("subnet", subnet["id"], **change)
    assert await door.show("subnet", subnet["id"]) == subnet


async def test_ipv6_modes_keep_dhcp_on(door: FrontDoor, network: Body) -> None:
    made = await made_on(door, network, cidr="2001:db8::/64", ipv6_address_mode="slaac")
    async with Refused(400, "InvalidInput", "enable_dhcp"):
        await door.update("subnet", made["id"], enable_dhcp=False)


async def test_a_gateway_moves_unless_a_router_has_it(door: FrontDoor, network: Body, subnet: Body) -> None:
    narrow = [{"start": "192.0.2.100", "end": "192.0.2.200"}]
    await door.update("subnet", subnet["id"], allocation_pools=narrow)
    vm = [{"ip_address": "192.0.2.9"}]
    await door.create("port", network_id=network["id"], fixed_ips=vm)
    assert (await door.update("subnet", subnet["id"], gateway_ip="192.0.2.9"))["gateway_ip"] == "192.0.2.9"
    await door.update("subnet", subnet["id"], gateway_ip="192.0.2.1")
    router = await door.create(
        "port",
        network_id=network["id"],
        device_owner="network:router_interface",
        fixed_ips=[{"ip_address": "192.0.2.1"}],
    )
    for gateway in ("192.0.2.2", None):
        async with Refused(409, "GatewayIpInUse", "192.0.2.1", router["id"]):
            await door.update("subnet", subnet["id"], gateway_ip=gateway)
    await door.update("subnet", subnet["id"], gateway_ip="192.0.2.1", name="same")


async def test_without_a_gateway_nobody_answers_dhcp(door: FrontDoor, network: Body) -> None:
    made = await made_on(door, network, gateway_ip=None)
    assert (await door.row(DhcpOptions, made["id"])).options == {}
    await door.update("subnet", made["id"], gateway_ip="192.0.3.1")
    assert (await door.row(DhcpOptions, made["id"])).options["server_id"] == "192.0.3.1"


async def test_switching_dhcp_turns_its_ports_to_and_from_it(door: FrontDoor, network: Body) -> None:
    made = await made_on(door, network)
    port = await door.create("port", network_id=network["id"])
    own = await door.create(
        "port", network_id=network["id"], extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1000"}]
    )
    await door.update("subnet", made["id"], enable_dhcp=False)
    for key in (port["id"], own["id"]):
        assert (await door.row(LogicalSwitchPort, key)).dhcpv4_options is None
    assert (await door.row(DhcpOptions, made["id"])).options == {}
    await door.update("subnet", made["id"], enable_dhcp=True)
    assert (await door.row(LogicalSwitchPort, port["id"])).dhcpv4_options == made["id"]
    assert (await door.row(LogicalSwitchPort, own["id"])).dhcpv4_options not in (None, made["id"])
    assert (await door.show("port", port["id"]))["revision_number"] == 1


async def test_a_change_of_options_reaches_ports_with_options_of_their_own(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    port = await door.create(
        "port", network_id=network["id"], extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1000"}]
    )
    await door.update("subnet", subnet["id"], dns_nameservers=["198.51.100.1"])
    own = (await door.row(LogicalSwitchPort, port["id"])).dhcpv4_options
    assert own is not None
    options = (await door.row(DhcpOptions, own)).options
    assert (options["dns_server"], options["mtu"]) == ("{198.51.100.1}", "1000")


async def test_a_subnet_stays_while_ports_have_addresses_of_it(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    port = await door.create("port", network_id=network["id"])
    async with Refused(409, "SubnetInUse", subnet["id"], port["id"]):
        await door.delete("subnet", subnet["id"])
    await door.update("port", port["id"], fixed_ips=[])
    await door.delete("subnet", subnet["id"])
    assert await door.find_row(DhcpOptions, subnet["id"]) is None
    assert (await door.show("network", network["id"]))["subnets"] == []


async def test_the_address_of_a_port_that_serves_dhcp_goes_with_its_subnet(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    port = await door.create("port", network_id=network["id"], device_owner="network:dhcp")
    await door.delete("subnet", subnet["id"])
    assert (await door.show("port", port["id"]))["fixed_ips"] == []


async def test_slaac_addresses_come_and_go_with_the_subnet(door: FrontDoor, network: Body) -> None:
    port = await door.create("port", network_id=network["id"], mac_address="fa:16:3e:00:00:01")
    router = await door.create("port", network_id=network["id"], device_owner="network:router_interface")
    made = await made_on(door, network, cidr="2001:db8::/64", ipv6_address_mode="slaac")
    assert (await door.show("port", port["id"]))["fixed_ips"] == [
        {"subnet_id": made["id"], "ip_address": "2001:db8::f816:3eff:fe00:1"}
    ]
    assert (await door.show("port", port["id"]))["revision_number"] == 2
    assert (await door.show("port", router["id"]))["fixed_ips"] == []
    later = await door.create("port", network_id=network["id"], mac_address="fa:16:3e:00:00:02")
    assert later["fixed_ips"][0]["ip_address"] == "2001:db8::f816:3eff:fe00:2"
    await door.delete("subnet", made["id"])
    for key in (port["id"], later["id"]):
        assert (await door.show("port", key))["fixed_ips"] == []


async def test_a_router_keeps_a_slaac_subnet(door: FrontDoor, network: Body) -> None:
    made = await made_on(door, network, cidr="2001:db8::/64", ipv6_address_mode="slaac")
    await door.create("port", network_id=network["id"])
    router = await door.create(
        "port",
        network_id=network["id"],
        device_owner="network:router_interface",
        fixed_ips=[{"ip_address": "2001:db8::1"}],
    )
    async with Refused(409, "SubnetInUse", router["id"]):
        await door.delete("subnet", made["id"])


async def test_what_is_not_there_is_not_found(door: FrontDoor, subnet: Body) -> None:
    async with Refused(404, "SubnetNotFound", NOBODY):
        await door.show("subnet", NOBODY)
    async with Refused(404, "SubnetNotFound", NOBODY):
        await door.update("subnet", NOBODY, name="x")
    async with Refused(404, "SubnetNotFound", NOBODY):
        await door.delete("subnet", NOBODY)
    assert await door.list("subnet", id=[NOBODY, subnet["id"]]) == [subnet]


async def test_keys_of_others_survive_an_update(door: FrontDoor, subnet: Body, server: Northbound) -> None:
    server.nbctl("set", "DHCP_Options", subnet["id"], "external_ids:theirs=1")
    await door.update("subnet", subnet["id"], name="b", dns_nameservers=["198.51.100.1"])
    assert (await door.row(DhcpOptions, subnet["id"])).external_ids["theirs"] == "1"


async def test_each_project_has_its_own_subnets(door: FrontDoor) -> None:
    red, blue = door.of("red"), door.of("blue")
    network = await red.create("network", name="red")
    theirs = await made_on(red, network)
    assert theirs["project_id"] == "red"
    assert await blue.list("subnet") == []
    async with Refused(404, "SubnetNotFound"):
        await blue.show("subnet", theirs["id"])
    async with Refused(404, "NetworkNotFound"):
        await made_on(blue, network, cidr="198.51.100.0/24")
    await door.update("network", network["id"], shared=True)
    assert [seen["id"] for seen in await blue.list("subnet")] == [theirs["id"]]
    async with Refused(403, "PolicyNotAuthorized", "create_subnet"):
        await made_on(blue, network, cidr="198.51.100.0/24")
    async with Refused(403, "PolicyNotAuthorized", "update_subnet"):
        await blue.update("subnet", theirs["id"], name="x")
    async with Refused(403, "PolicyNotAuthorized", "delete_subnet"):
        await blue.delete("subnet", theirs["id"])


async def test_a_subnet_deleted_by_hand_takes_its_ports_out_of_the_lists_and_nothing_else(
    door: FrontDoor, network: Body, subnet: Body, server: Northbound, check: Any
) -> None:
    other = await made_on(door, network, cidr="198.51.100.0/24")
    port = await door.create("port", network_id=network["id"], fixed_ips=[{"subnet_id": subnet["id"]}])
    fine = await door.create("port", network_id=network["id"], fixed_ips=[{"subnet_id": other["id"]}])
    server.nbctl("dhcp-options-del", subnet["id"])
    assert [each["id"] for each in await door.list("port")] == [fine["id"]]
    async with Refused(404, "PortNotFound"):
        await door.show("port", port["id"])
    async with Refused(404, "SubnetNotFound"):
        await door.show("subnet", subnet["id"])
    async with Refused(409, "NetworkInUse", port["id"]):
        await door.delete("network", network["id"])
    check.leaves("not-understood")
