"""The operations against one real ovsdb-server, by the front door; each test leaves a clean database."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from ovnest.api.store import Store
from ovnest.config import Settings
from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.operations import CATALOGUE
from ovnest.policy import Policy
from tests.cleanliness import assert_clean
from tests.front_door import Body, FrontDoor
from tests.northbound_server import Northbound, running

READY_TIMEOUT_S = 10.0
NOBODY = "00000000-0000-4000-8000-000000000000"
PolicyChange = Callable[[FrontDoor], None]


class Expectations:
    """What a test leaves behind on purpose: kinds of findings of the check."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()

    def leaves(self, *kinds: str) -> None:
        self.kinds |= set(kinds)


@pytest.fixture(scope="session")
def server() -> Iterator[Northbound]:
    with running() as northbound:
        yield northbound


@pytest.fixture
def check() -> Expectations:
    return Expectations()


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings that a test wants otherwise; it overrides this fixture by parametrizing `settings`."""
    return {}


@pytest.fixture
async def door(server: Northbound, check: Expectations, settings: dict[str, Any]) -> AsyncIterator[FrontDoor]:
    """The front door for an administrator, on an empty Northbound."""
    store = Store(Settings(northbound=server.remote, durable=False, **settings), Policy(CATALOGUE))
    try:
        async with store:
            await store.client.ready(READY_TIMEOUT_S)
            yield FrontDoor(store)
        await assert_clean(server.remote, but=check.kinds, **settings)
    finally:
        server.clear()


@pytest.fixture
async def network(door: FrontDoor) -> Body:
    return await door.create("network", name="private")


@pytest.fixture
async def subnet(door: FrontDoor, network: Body) -> Body:
    """192.0.2.0/24 of the network."""
    return await door.create("subnet", network_id=network["id"], cidr="192.0.2.0/24", ip_version=4)


@pytest.fixture
def policy_lets_everybody() -> PolicyChange:
    """Puts the documented policy file in force: everybody may name a parent and a tag."""

    def change(door: FrontDoor) -> None:
        door.store.policy = Policy(
            CATALOGUE,
            {f"{action}_port:binding:profile": "" for action in ("create", "update", "get")},
        )

    return change


@pytest.fixture
async def v6(door: FrontDoor, network: Body) -> Body:
    """2001:db8::/64 of the network, with stateful DHCPv6."""
    mode = {"ipv6_address_mode": "dhcpv6-stateful", "ipv6_ra_mode": "dhcpv6-stateful"}
    return await door.create("subnet", network_id=network["id"], cidr="2001:db8::/64", ip_version=6, **mode)


@pytest.fixture
async def slaac(door: FrontDoor, network: Body) -> Body:
    """2001:db8:1::/64 of the network, where hosts choose."""
    return await door.create(
        "subnet", network_id=network["id"], cidr="2001:db8:1::/64", ip_version=6, ipv6_address_mode="slaac"
    )


def addresses(port: Body) -> list[str]:
    """The addresses of a port, in their order."""
    return [fixed["ip_address"] for fixed in port["fixed_ips"]]


async def lsp(door: FrontDoor, port: Body) -> LogicalSwitchPort:
    """The row of a port, as it is now."""
    return await door.row(LogicalSwitchPort, port["id"])
