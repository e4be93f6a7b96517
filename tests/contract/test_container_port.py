"""The contract that ovnest exists for, word for word, with the field's own unmodified tools."""

import json
from pathlib import Path

import pytest
from neutronclient.common.exceptions import Forbidden
from neutronclient.v2_0.client import Client
from openstack.connection import Connection

from tests.contract.clients import Shell, field, neutronclient
from tests.serving import Server

pytestmark = [
    pytest.mark.api,
    pytest.mark.usefixtures("network"),
    pytest.mark.filterwarnings("ignore:::openstack"),
]


def test_the_contract(shell: Shell) -> None:
    vm = field(shell.run("neutron", "port-create", "private"), "id")
    profile = f'{{"parent_name":"{vm}","tag":42}}'
    printed = shell.run("neutron", "port-create", "--binding-profile", profile, "private")
    assert json.loads(field(printed, "binding:profile")) == {"parent_name": vm, "tag": 42}
    container = field(printed, "id")
    assert shell.run("ovn-nbctl", "lsp-get-parent", container) == vm
    assert shell.run("ovn-nbctl", "lsp-get-tag", container) == "42"


def test_openstack_sends_the_tag_as_a_string_and_is_understood(shell: Shell, neutron: Client) -> None:
    vm = neutron.create_port({"port": {"network_id": _private(neutron)}})["port"]["id"]
    create = ("openstack", "port", "create", "-f", "json", "--network", "private", "--binding-profile")
    made = json.loads(shell.run(*create, f"parent_name={vm}", "--binding-profile", "tag=42", "web"))
    assert neutron.show_port(made["id"])["port"]["binding:profile"] == {"parent_name": vm, "tag": 42}
    assert shell.run("ovn-nbctl", "lsp-get-tag", made["id"]) == "42"
    # Without a tag the server gives one, which the client prints.
    given = json.loads(shell.run(*create, f"parent_name={vm}", "db"))["binding_profile"]
    assert given["parent_name"] == vm
    assert 1 <= given["tag"] <= 4094
    assert given["tag"] != 42
    # Both clients show why it is refused, and what would be right.
    taken = shell.refused(*create, f"parent_name={vm}", "--binding-profile", "tag=42", "x")
    assert f"Tag 42 on parent port {vm} belongs to port {made['id']}" in taken
    assert "leave the tag out" in taken
    profile = f'{{"parent_name":"{vm}","tag":4095}}'
    beyond = shell.refused("neutron", "port-create", "--binding-profile", profile, "private")
    assert "from 1 to 4094" in beyond


def test_a_port_gets_another_parent_and_becomes_a_plain_one(
    shell: Shell, neutron: Client, sdk: Connection
) -> None:
    network_id = _private(neutron)
    first, second = (sdk.network.create_port(network_id=network_id).id for _ in range(2))
    port = sdk.network.create_port(
        network_id=network_id, binding_profile={"parent_name": first, "tag": 7, "x": [1, {"y": None}]}
    )
    profile = ("--binding:profile", "type=dict", f"parent_name={second},tag=8")
    shell.run("neutron", "port-update", port.id, *profile)
    assert shell.run("ovn-nbctl", "lsp-get-parent", port.id) == second
    assert sdk.network.get_port(port.id).binding_profile == {"parent_name": second, "tag": 8}
    sdk.network.update_port(port, binding_profile={})
    assert sdk.network.get_port(port.id).binding_profile == {}
    assert shell.run("ovn-nbctl", "lsp-get-parent", port.id) == ""
    assert shell.run("ovn-nbctl", "lsp-get-tag", port.id) == ""


def test_keys_of_the_profile_that_mean_nothing_here_are_kept(neutron: Client) -> None:
    network_id = _private(neutron)
    vm = neutron.create_port({"port": {"network_id": network_id}})["port"]["id"]
    profile = {"parent_name": vm, "tag": 7, "x": [1, {"y": None}], "capabilities": ["switchdev"]}
    made = neutron.create_port({"port": {"network_id": network_id, "binding:profile": profile}})["port"]
    assert made["binding:profile"] == profile


class TestWhoMaySetTheProfile:
    """With a proxy in front that says who asks, a member of a project asks."""

    @pytest.mark.parametrize("suffix", ["json", "yaml", None])
    async def test_only_administrators_unless_a_policy_file_lets_everybody(
        self, suffix: str | None, northbound: str, tmp_path: Path
    ) -> None:
        options = ["--northbound", northbound, "--trust-headers"]
        if suffix is not None:
            policy = tmp_path / f"policy.{suffix}"
            policy.write_text('{"create_port:binding:profile": ""}')
            options += ["--policy-file", str(policy)]
        server = await Server.start(*options, log=tmp_path / "policy.log")
        try:
            member = neutronclient(server.url, X_Project_Id="tenant", X_User_Id="eve", X_Roles="member")
            network_id = member.create_network({"network": {}})["network"]["id"]
            vm = member.create_port({"port": {"network_id": network_id}})["port"]["id"]
            wanted = {"network_id": network_id, "binding:profile": {"parent_name": vm, "tag": 42}}
            if suffix is None:
                with pytest.raises(Forbidden, match="disallowed by policy"):
                    member.create_port({"port": wanted})
            else:
                member.create_port({"port": wanted})
        finally:
            server.stop()


def _private(neutron: Client) -> str:
    (network,) = neutron.list_networks(name="private")["networks"]
    network_id: str = network["id"]
    return network_id
