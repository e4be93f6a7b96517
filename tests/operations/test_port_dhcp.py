"""DHCP options of single ports."""

from typing import Any

import pytest

from ovnest.northbound.tables import DhcpOptions
from tests.front_door import Body, FrontDoor, Refused
from tests.operations.conftest import lsp

pytestmark = pytest.mark.ovsdb


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
