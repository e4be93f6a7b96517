"""Port security, allowed address pairs, and ports that turn virtual by them."""

from typing import Any

import pytest

from tests.front_door import Body, FrontDoor, Refused
from tests.operations.conftest import lsp

pytestmark = pytest.mark.ovsdb


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
