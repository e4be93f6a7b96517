"""Address scopes, by openstackclient, unmodified."""

import json

import pytest

from tests.contract.clients import Shell

pytestmark = pytest.mark.api


def test_openstackclient_makes_shows_changes_lists_and_deletes(shell: Shell) -> None:
    def openstack(*argv: str) -> object:
        return json.loads(shell.run("openstack", "address", "scope", *argv, "-f", "json"))

    made = openstack("create", "--ip-version", "6", "a")
    assert isinstance(made, dict)
    assert (made["name"], made["ip_version"], made["shared"]) == ("a", 6, False)
    openstack("create", "--share", "b")
    shell.run("openstack", "address", "scope", "set", "--name", "c", "--share", "a")
    shown = openstack("show", "c")
    assert isinstance(shown, dict)
    assert (shown["id"], shown["name"], shown["shared"]) == (made["id"], "c", True)
    listed = openstack("list", "--ip-version", "6", "--share")
    assert isinstance(listed, list)
    assert [(each["ID"], each["Name"], each["IP Version"]) for each in listed] == [(made["id"], "c", 6)]
    unshare = ("openstack", "address", "scope", "set", "--no-share", "c")
    assert "Shared address scope can't be unshared" in shell.refused(*unshare)
    shell.run("openstack", "address", "scope", "delete", "b", "c")
    assert openstack("list") == []
    assert "No AddressScope found for c" in shell.refused("openstack", "address", "scope", "show", "c")
