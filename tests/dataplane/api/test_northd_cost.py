"""What a request costs ovn-northd: how often it computes everything anew, counted by its own engine.

Only OVN 25.03 can tell: 23.03 computes everything anew for any change.
"""

import pytest
from msgspec import Struct

from ovnest.sandbox.sandbox import Sandbox
from tests.dataplane.api.networking import Networking

pytestmark = pytest.mark.packets

NODES = ("northd", "lflow")


class Recomputes(Struct, frozen=True, kw_only=True):
    """How often the two dear nodes of the engine were computed anew: all ports, and all flows."""

    northd: int
    lflow: int

    @classmethod
    async def of(cls, sandbox: Sandbox) -> "Recomputes":
        """What they stand at, once northd has done all that it was asked."""
        await sandbox.central.nbctl("--wait=sb", "sync")
        control = str(sandbox.central.northd.control)
        told = {
            node: await sandbox.central_node.tool(
                "ovn-appctl", "-t", control, "inc-engine/show-stats", node, "recompute"
            )
            for node in NODES
        }
        return cls(**{node: int(text) for node, text in told.items()})

    def since(self, before: "Recomputes") -> tuple[int, int]:
        """How many there were from `before` on, of (northd, lflow)."""
        return self.northd - before.northd, self.lflow - before.lflow


@pytest.fixture
def counting(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose northd computes by increments."""
    if sandbox.facts.release != "25.03":
        pytest.skip("this OVN computes everything anew for any change")
    return sandbox


async def test_a_plain_port_makes_northd_compute_nothing_anew(
    counting: Sandbox, networking: Networking
) -> None:
    network = await networking.network()
    await networking.port(network)  # a network's first port is a case of its own
    before = await Recomputes.of(counting)
    port = await networking.port(network)
    created = await Recomputes.of(counting)
    await networking.api.delete("port", port.id)
    deleted = await Recomputes.of(counting)
    assert created.since(before) == (0, 0)
    assert deleted.since(created) == (0, 0)


async def test_a_container_port_costs_one_pass_over_everything_and_not_two(
    counting: Sandbox, networking: Networking
) -> None:
    network = await networking.network()
    vm = await networking.port(network)
    before = await Recomputes.of(counting)
    await networking.port(network, parent=vm)
    after = await Recomputes.of(counting)
    assert after.since(before)[0] == 1


async def test_a_hundred_container_ports_by_one_request_cost_no_more_than_one(
    counting: Sandbox, networking: Networking
) -> None:
    network = await networking.network()
    vm = await networking.port(network)
    before = await Recomputes.of(counting)
    wanted = [{"network_id": network.id, "binding:profile": {"parent_name": vm.id}} for _ in range(100)]
    await networking.api.create_many("port", wanted)
    after = await Recomputes.of(counting)
    assert after.since(before)[0] == 1


async def test_what_northd_does_not_look_at_costs_it_nothing(
    counting: Sandbox, networking: Networking
) -> None:
    network = await networking.network()
    subnet = network.subnets[0]
    before = await Recomputes.of(counting)
    await networking.api.update("subnet", subnet.id, name="other", description="means nothing to OVN")
    after = await Recomputes.of(counting)
    assert after.since(before) == (0, 0)
