"""Address groups by the field's own clients, unmodified."""

import json

import pytest
from openstack.connection import Connection
from openstack.exceptions import BadRequestException, NotFoundException

from tests.contract.clients import Shell

pytestmark = [pytest.mark.api, pytest.mark.filterwarnings("ignore:::openstack")]


def test_openstackclient_makes_shows_changes_lists_and_deletes(shell: Shell) -> None:
    def openstack(*argv: str) -> object:
        return json.loads(shell.run("openstack", "address", "group", *argv, "-f", "json"))

    made = openstack(
        "create", "--description", "d", "--address", "192.0.2.1", "--address", "2001:db8::/32", "a"
    )
    assert isinstance(made, dict)
    assert (made["name"], made["description"]) == ("a", "d")
    assert made["addresses"] == ["192.0.2.1/32", "2001:db8::/32"]
    stem = f"ag_{made['id'].replace('-', '_')}"
    assert shell.run("ovn-nbctl", "get", "Address_Set", f"{stem}_ip4", "addresses") == '["192.0.2.1/32"]'

    shell.run("openstack", "address", "group", "set", "--name", "b", "--address", "198.51.100.0/24", "a")
    shell.run("openstack", "address", "group", "unset", "--address", "192.0.2.1", "b")
    shown = openstack("show", "b")
    assert isinstance(shown, dict)
    assert (shown["id"], shown["addresses"]) == (made["id"], ["198.51.100.0/24", "2001:db8::/32"])
    assert shell.run("ovn-nbctl", "get", "Address_Set", f"{stem}_ip4", "addresses") == '["198.51.100.0/24"]'
    assert "not found in the address group" in shell.refused(
        "openstack", "address", "group", "unset", "--address", "192.0.2.1", "b"
    )

    openstack("create", "c")
    listed = openstack("list", "--name", "b")
    assert isinstance(listed, list)
    assert [(each["ID"], each["Name"], each["Addresses"]) for each in listed] == [
        (made["id"], "b", shown["addresses"])
    ]
    shell.run("openstack", "address", "group", "delete", "b", "c")
    assert openstack("list") == []
    assert "No AddressGroup found for b" in shell.refused("openstack", "address", "group", "show", "b")


def test_openstacksdk_adds_and_removes(sdk: Connection) -> None:
    network = sdk.network
    made = network.create_address_group(name="a", addresses=["192.0.2.0/24"])
    network.add_addresses_to_address_group(made, ["198.51.100.1", "2001:db8::1"])
    expected = ["192.0.2.0/24", "198.51.100.1/32", "2001:db8::1/128"]
    assert network.get_address_group(made.id).addresses == expected
    with pytest.raises(BadRequestException, match=r"Addresses \['192\.0\.2\.0/24'\] already exist"):
        network.add_addresses_to_address_group(made, ["192.0.2.0/24"])
    network.remove_addresses_from_address_group(made, expected[:2])
    assert network.get_address_group(made.id).addresses == expected[2:]
    assert network.find_extension("address-group", ignore_missing=False).alias == "address-group"
    network.delete_address_group(made)
    with pytest.raises(NotFoundException, match=f"Address group {made.id} could not be found"):
        network.get_address_group(made.id)
