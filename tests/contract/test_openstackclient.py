"""openstackclient, unmodified, told of the server by the environment or by a clouds.yaml."""

import json
from pathlib import Path

import pytest
import yaml

from tests.contract.clients import Shell
from tests.serving import Server

pytestmark = pytest.mark.api


def test_it_makes_shows_changes_lists_and_deletes(shell: Shell) -> None:
    def openstack(*argv: str) -> object:
        return json.loads(shell.run("openstack", *argv, "-f", "json"))

    network = openstack("network", "create", "--tag", "red", "a")
    assert isinstance(network, dict)
    assert (network["name"], network["tags"], network["status"]) == ("a", ["red"], "ACTIVE")
    pool = ("--allocation-pool", "start=192.0.2.10,end=192.0.2.20", "--no-dhcp")
    subnet = openstack("subnet", "create", "--network", "a", "--subnet-range", "192.0.2.0/24", *pool, "s")
    assert isinstance(subnet, dict)
    assert subnet["allocation_pools"] == [{"start": "192.0.2.10", "end": "192.0.2.20"}]
    fixed = ("--fixed-ip", "subnet=s,ip-address=192.0.2.15", "--disable-port-security")
    port = openstack("port", "create", "--network", "a", *fixed, "p")
    assert isinstance(port, dict)
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "192.0.2.15"}]
    assert port["port_security_enabled"] is False
    shell.run("openstack", "port", "set", "--description", "d", "--disable", "--tag", "blue", "p")
    listed = openstack("port", "list", "--network", "a", "--tags", "blue", "--long")
    assert isinstance(listed, list)
    assert [(each["ID"], each["Name"], each["Status"]) for each in listed] == [(port["id"], "p", "DOWN")]
    shown = openstack("port", "show", "p")
    assert isinstance(shown, dict)
    assert (shown["description"], shown["admin_state_up"], shown["tags"]) == ("d", False, ["blue"])
    assert "still in use on the network" in shell.refused("openstack", "network", "delete", "a")
    shell.run("openstack", "port", "delete", "p")
    shell.run("openstack", "network", "delete", "a")
    assert "No Network found for a" in shell.refused("openstack", "network", "show", "a")


def test_the_profile_of_a_port_is_set_and_unset(shell: Shell, network: str) -> None:
    make = ("openstack", "port", "create", "-f", "value", "-c", "id", "--network", "private")
    vm, port = shell.run(*make, "vm"), shell.run(*make, "web")
    profile = ("--binding-profile", f"parent_name={vm}", "--binding-profile", "tag=42")
    shell.run("openstack", "port", "set", *profile, "web")
    assert shell.run("ovn-nbctl", "lsp-get-parent", port) == vm
    assert shell.run("ovn-nbctl", "lsp-get-tag", port) == "42"
    shell.run("openstack", "port", "set", "--no-binding-profile", "web")
    assert shell.run("ovn-nbctl", "lsp-get-parent", port) == ""


def test_a_clouds_yaml_tells_it_where_the_server_is(server: Server, network: str, tmp_path: Path) -> None:
    cloud = {"auth_type": "none", "auth": {"endpoint": server.url}}
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"ovnest": cloud}}))
    shell = Shell({"OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "ovnest"})
    listed = json.loads(shell.run("openstack", "network", "list", "-f", "json"))
    assert [(each["ID"], each["Name"]) for each in listed] == [(network, "private")]
    aliases = json.loads(shell.run("openstack", "extension", "list", "--network", "-f", "json"))
    assert "binding" in {each["Alias"] for each in aliases}
