"""python-neutronclient 9.0.0, unmodified: its Python API and the `neutron` command."""

import json

import pytest
from neutronclient.common.exceptions import (
    BadRequest,
    Conflict,
    IpAddressAlreadyAllocatedClient,
    MacAddressInUseClient,
    NetworkInUseClient,
    NetworkNotFoundClient,
    PortNotFoundClient,
)
from neutronclient.v2_0.client import Client

from tests.contract.clients import Shell, field

pytestmark = pytest.mark.api


def test_the_command_makes_shows_changes_lists_and_deletes(shell: Shell) -> None:
    network = field(shell.run("neutron", "net-create", "a", "--mtu", "1400"), "id")
    shell.run("neutron", "net-update", "--name", "b", "a")
    subnet = ("neutron", "subnet-create", "--name", "s", "--gateway", "192.0.2.254", "--dns-nameserver")
    printed = shell.run(*subnet, "192.0.2.53", "b", "192.0.2.0/24")
    assert field(printed, "gateway_ip") == "192.0.2.254"
    assert field(printed, "dns_nameservers") == "192.0.2.53"
    fixed = ("--fixed-ip", "subnet_id=s,ip_address=192.0.2.9", "--mac-address", "02:00:00:00:00:09")
    port = field(shell.run("neutron", "port-create", "--name", "p", *fixed, "b"), "id")
    shell.run("neutron", "port-update", "--admin-state-up", "False", "p")
    shown = json.loads(shell.run("neutron", "port-show", "-f", "json", "p"))
    assert (shown["id"], shown["admin_state_up"], shown["network_id"]) == (port, False, network)
    listed = json.loads(shell.run("neutron", "port-list", "-f", "json", "--network-id", network))
    assert [(each["id"], each["mac_address"]) for each in listed] == [(port, "02:00:00:00:00:09")]
    assert "still in use on the network" in shell.refused("neutron", "net-delete", "b")
    assert shell.run("neutron", "port-delete", "p") == "Deleted port(s): p"
    assert shell.run("neutron", "net-delete", "b") == "Deleted network(s): b"
    assert "Unable to find port with name or id 'p'" in shell.refused("neutron", "port-show", "p")


def test_the_command_lists_the_extensions(shell: Shell) -> None:
    listed = json.loads(shell.run("neutron", "ext-list", "-f", "json"))
    assert "binding" in {each["alias"] for each in listed}


def test_a_refusal_becomes_the_clients_own_exception(neutron: Client, network: str) -> None:
    port = neutron.create_port({"port": {"network_id": network}})["port"]

    def create_port(**attributes: object) -> None:
        neutron.create_port({"port": {"network_id": network, **attributes}})

    with pytest.raises(NetworkNotFoundClient, match="Network nobody could not be found"):
        neutron.show_network("nobody")
    with pytest.raises(PortNotFoundClient, match="Port nobody could not be found"):
        neutron.delete_port("nobody")
    with pytest.raises(NetworkInUseClient):
        neutron.delete_network(network)
    with pytest.raises(MacAddressInUseClient, match=port["mac_address"]):
        create_port(mac_address=port["mac_address"])
    with pytest.raises(IpAddressAlreadyAllocatedClient, match=port["fixed_ips"][0]["ip_address"]):
        create_port(fixed_ips=[{"ip_address": port["fixed_ips"][0]["ip_address"]}])
    with pytest.raises(BadRequest, match="'perhaps'"):
        create_port(admin_state_up="perhaps")
    with pytest.raises(BadRequest, match="tag without parent_name means nothing"):
        create_port(**{"binding:profile": {"tag": 1}})
    with pytest.raises(PortNotFoundClient, match="nobody"):
        create_port(**{"binding:profile": {"parent_name": "nobody", "tag": 1}})
    create_port(**{"binding:profile": {"parent_name": port["id"], "tag": 1}})
    with pytest.raises(Conflict, match="is the parent of 1 container port"):
        neutron.delete_port(port["id"])


def test_lists_come_in_pages_forwards_and_backwards(neutron: Client) -> None:
    for number in range(5):
        neutron.create_network({"network": {"name": f"n{number}"}})
    order = {"sort_key": "name", "sort_dir": "asc", "limit": 2}

    def pages(**query: object) -> list[list[str]]:
        found = neutron.list_networks(retrieve_all=False, **order, **query)
        return [[network["name"] for network in page["networks"]] for page in found]

    assert pages() == [["n0", "n1"], ["n2", "n3"], ["n4"]]
    assert pages(page_reverse=True) == [["n3", "n4"], ["n1", "n2"], ["n0"]]
    assert [set(network) for network in neutron.list_networks(fields=["id", "name"])["networks"]] == [
        {"id", "name"}
    ] * 5


def test_what_one_makes_at_once_is_made_together(neutron: Client, network: str) -> None:
    ports = [{"network_id": network, "name": f"p{number}"} for number in range(3)]
    made = neutron.create_port({"ports": ports})["ports"]
    assert [port["name"] for port in made] == ["p0", "p1", "p2"]
    with pytest.raises(BadRequest):
        neutron.create_port({"ports": [{"network_id": network}, {"network_id": network, "mtu": 1}]})
    assert len(neutron.list_ports()["ports"]) == 3
