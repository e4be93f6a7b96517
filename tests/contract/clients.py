"""The field's own clients, unmodified, as their users run them."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openstack
from keystoneauth1.noauth import NoAuth
from keystoneauth1.session import Session
from msgspec import Struct
from neutronclient.v2_0.client import Client
from openstack.connection import Connection

from ovnest.sandbox.until import patience

BIN = Path(sys.executable).parent
TIMEOUT_S = 30.0
# neutron says of itself, at each start, that it is deprecated.
DEPRECATED = "neutron CLI is deprecated"


class Outcome(Struct, frozen=True, kw_only=True):
    """How a command ended, and what it printed."""

    status: int
    said: str
    complaint: str


class Shell:
    """Runs commands with some variables in the environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self._environment = clean | {"PATH": f"{BIN}:{os.environ.get('PATH', '')}"} | dict(variables)

    def run(self, *argv: str) -> str:
        """What a command printed that must succeed."""
        outcome = self.attempt(*argv)
        assert outcome.status == 0, f"{' '.join(argv)}: {outcome.complaint or outcome.said}"
        return outcome.said.strip()

    def refused(self, *argv: str) -> str:
        """What a command complained of that must fail."""
        outcome = self.attempt(*argv)
        assert outcome.status != 0, f"{' '.join(argv)} succeeded: {outcome.said}"
        return outcome.complaint

    def attempt(self, *argv: str) -> Outcome:
        done = subprocess.run(
            argv, env=self._environment, capture_output=True, text=True, timeout=TIMEOUT_S * patience()
        )
        lines = (line for line in done.stderr.splitlines() if not line.startswith(DEPRECATED))
        return Outcome(status=done.returncode, said=done.stdout, complaint="\n".join(lines))


def variables(url: str) -> dict[str, str]:
    """What `ovnest serve` tells its user to export."""
    return {"OS_AUTH_TYPE": "none", "OS_ENDPOINT": url}


def neutronclient(url: str, **headers: str) -> Client:
    """python-neutronclient's API, with the headers that a proxy in front would set."""
    return Client(session=Session(auth=NoAuth(endpoint=url), additional_headers=_named(headers)))


def sdk(url: str) -> Connection:
    """openstacksdk."""
    connection: Connection = openstack.connect(
        load_envvars=False, load_yaml_config=False, auth_type="none", endpoint=url
    )
    return connection


def _named(headers: dict[str, Any]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def field(printed: str, name: str) -> str:
    """The value of a field in a table that a command printed."""
    found = re.search(rf"^\| {re.escape(name)} +\| (.*?) *\|$", printed, re.MULTILINE)
    assert found is not None, f"there is no field {name} in {printed}"
    return found[1]
