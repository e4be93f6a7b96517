"""Lists of ports, and which project sees and may do what."""

import pytest

from tests.front_door import Body, FrontDoor, Refused
from tests.northbound_server import Northbound

pytestmark = pytest.mark.ovsdb


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
