"""A server with an OVN central of its own, for all contract tests; each leaves it empty."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from neutronclient.v2_0.client import Client
from openstack.connection import Connection

from tests.asking import Api
from tests.cleanliness import assert_clean
from tests.contract import clients
from tests.serving import Server


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    """Where OVN's databases and the server's log are: short, as their sockets need it."""
    path = Path(tempfile.mkdtemp(prefix="contract-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def standing_server(directory: Path) -> Iterator[Server]:
    """`ovnest serve --embedded`."""
    options = ("--embedded", str(directory / "ovn"))
    server = asyncio.run(Server.start(*options, log=directory / "api.log"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def northbound(directory: Path, standing_server: Server) -> str:
    """The server's Northbound."""
    return f"unix:{directory}/ovn/nb.sock"


@pytest.fixture
def server(standing_server: Server, northbound: str) -> Iterator[Server]:
    """The server; what the test has left is as the check wants it, and then taken away."""
    yield standing_server
    asyncio.run(_end(Api(standing_server.url), northbound))


async def _end(api: Api, northbound: str) -> None:
    try:
        await assert_clean(northbound)
    finally:
        await api.clear()


@pytest.fixture
def shell(server: Server, northbound: str) -> clients.Shell:
    """A shell in which the command-line clients and ovn-nbctl find the server and its Northbound."""
    return clients.Shell(clients.variables(server.url) | {"OVN_NB_DB": northbound})


@pytest.fixture
def neutron(server: Server) -> Client:
    """python-neutronclient's API."""
    return clients.neutronclient(server.url)


@pytest.fixture
def sdk(server: Server) -> Iterator[Connection]:
    """openstacksdk."""
    with clients.sdk(server.url) as connection:
        yield connection


@pytest.fixture
def network(neutron: Client) -> str:
    """The id of a network `private` with a subnet of each family."""
    network_id: str = neutron.create_network({"network": {"name": "private"}})["network"]["id"]
    for version, cidr in ((4, "192.0.2.0/24"), (6, "2001:db8::/64")):
        body = {"network_id": network_id, "ip_version": version, "cidr": cidr}
        neutron.create_subnet({"subnet": body})
    return network_id
