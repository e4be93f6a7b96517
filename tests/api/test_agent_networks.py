"""Agents that may make networks: their own, of their project, as many as they may, and nothing more."""

import asyncio
from typing import Any

import pytest

from tests.agent_side import AgentSide
from tests.agent_site import Site, refused

pytestmark = [pytest.mark.api, pytest.mark.asyncio(loop_scope="module")]
NETWORKS = "/v2.0/networks"
SUBNETS = "/v2.0/subnets"
CIDR = "10.77.0.0/24"


async def make(agent: AgentSide, **attributes: Any) -> dict[str, Any]:
    """A network of the agent's."""
    made: dict[str, Any] = (await agent.must(201, "POST", NETWORKS, {"network": attributes}))["network"]
    return made


async def cut(agent: AgentSide, network_id: str, cidr: str = CIDR, **attributes: Any) -> dict[str, Any]:
    """A subnet of it."""
    wanted = {"network_id": network_id, "ip_version": 4, "cidr": cidr, **attributes}
    made: dict[str, Any] = (await agent.must(201, "POST", SUBNETS, {"subnet": wanted}))["subnet"]
    return made


async def test_an_agent_makes_a_network_for_its_containers_and_deletes_it(
    site: Site, lan: str, vm: str
) -> None:
    agent = await site.agent(vm, networks_max=1)
    network = await make(agent, name="docker-1", description="of a test")
    subnet = await cut(agent, network["id"], gateway_ip="10.77.0.9")
    shown = await site.api.show("network", network["id"])
    assert (shown["project_id"], shown["shared"], shown["router:external"]) == ("default", False, False)
    assert shown["provider:network_type"] == "geneve"
    assert shown["subnets"] == [subnet["id"]]
    listed = (await agent.must(200, "GET", NETWORKS))["networks"]
    assert {each["id"] for each in listed} == {lan, network["id"]}
    state = await site.state(vm)
    assert (state["networks_max"], state["networks_made"]) == (1, [network["id"]])

    port = await agent.create_port(network["id"])
    assert port["fixed_ips"][0]["subnet_id"] == subnet["id"]
    refused(await agent("DELETE", f"{NETWORKS}/{network['id']}"), 409, "NetworkInUse")
    await agent.must(204, "DELETE", f"/v2.0/ports/{port['id']}")
    await agent.must(204, "DELETE", f"{NETWORKS}/{network['id']}")
    assert (await site.api.ask("GET", f"{SUBNETS}/{subnet['id']}")).status == 404
    refused(await agent("DELETE", f"{NETWORKS}/{network['id']}"), 404, "NetworkNotFound")
    assert (await site.state(vm))["networks_made"] == []


async def test_without_the_right_no_network_is_made(site: Site, lan: str, agent: AgentSide) -> None:
    before = await site.api.list("network")
    subnet = {"network_id": lan, "ip_version": 4, "cidr": CIDR}
    for method, path, body in (
        ("POST", NETWORKS, {"network": {"name": "x"}}),
        ("POST", SUBNETS, {"subnet": subnet}),
        ("DELETE", f"{NETWORKS}/{lan}", None),
    ):
        refused(await agent(method, path, body), 403, "AgentNotAllowed")
    assert await site.api.list("network") == before


async def test_a_right_that_is_taken_away_is_gone_at_once_and_what_was_made_stays(
    site: Site, vm: str
) -> None:
    agent = await site.agent(vm, networks_max=2)
    network = await make(agent, name="docker-1")
    await cut(agent, network["id"])
    await site.code(vm)
    refused(await agent("POST", NETWORKS, {"network": {}}), 403, "AgentNotAllowed")
    refused(await agent("DELETE", f"{NETWORKS}/{network['id']}"), 403, "AgentNotAllowed")
    port = await agent.create_port(network["id"])
    await agent.must(204, "DELETE", f"/v2.0/ports/{port['id']}")


async def test_with_its_permission_an_agent_ends_and_its_network_is_left_to_the_operator(
    site: Site, vm: str
) -> None:
    agent = await site.agent(vm, networks_max=1)
    network = (await make(agent, name="docker-1"))["id"]
    assert (await site.api.ask("DELETE", f"/v2.0/agent-codes/{vm}")).status == 204
    refused(await agent("DELETE", f"{NETWORKS}/{network}"), 401, "CredentialRefused")
    again = await site.agent(vm, networks_max=1)
    refused(await again("DELETE", f"{NETWORKS}/{network}"), 404, "NetworkNotFound")
    assert (await site.api.ask("DELETE", f"/v2.0/ports/{vm}")).status == 204
    await site.api.show("network", network)


async def test_no_more_networks_and_subnets_than_there_may_be(site: Site, vm: str) -> None:
    agent = await site.agent(vm, networks_max=3)
    sides = [agent, site.other_side.holding(agent.credential)] * 4
    answers = await asyncio.gather(
        *(side("POST", NETWORKS, {"network": {"name": f"n{at}"}}) for at, side in enumerate(sides))
    )
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 5
    assert "may make 3 networks" in refused(await agent("POST", NETWORKS, {"network": {}}), 409, "OverQuota")
    made = (await site.state(vm))["networks_made"]
    assert {answer.body["network"]["id"] for answer in answers if answer.status == 201} == set(made)
    for number in range(8):
        await cut(agent, made[0], f"10.77.{number}.0/24")
    wanted = {"network_id": made[0], "ip_version": 4, "cidr": "10.78.0.0/24"}
    refused(await agent("POST", SUBNETS, {"subnet": wanted}), 409, "OverQuota")
    # One that somebody else has deleted does not count.
    assert (await site.api.ask("DELETE", f"{NETWORKS}/{made[1]}")).status == 204
    network = await make(agent, name="another")
    assert set((await site.state(vm))["networks_made"]) == {made[0], made[2], network["id"]}
    refused(await agent("POST", NETWORKS, {"networks": [{}, {}]}), 409, "OverQuota")


async def test_the_same_network_asked_for_again_is_the_one_that_was_made(site: Site, vm: str) -> None:
    agent = await site.agent(vm, networks_max=2)
    first = await make(agent, name="docker-1", description="of d1")
    other = site.other_side.holding(agent.credential)
    assert (await make(other, name="docker-1", description="of d1"))["id"] == first["id"]
    assert (await make(agent, name="docker-1", description="of d2"))["id"] != first["id"]


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"shared": True}, 403),
        ({"router:external": True}, 403),
        ({"port_security_enabled": False}, 403),
        ({"admin_state_up": False}, 403),
        ({"provider:network_type": "geneve"}, 403),
        ({"provider:network_type": "flat", "provider:physical_network": "physnet1"}, 403),
        ({"provider:segmentation_id": 7}, 403),
        ({"availability_zone_hints": ["x"]}, 403),
        ({"tags": ["x"]}, 403),
        ({"project_id": "blue"}, 403),
        ({"tenant_id": "blue"}, 403),
        ({"mtu": 70000}, 400),
        ({"id": "00000000-0000-4000-8000-000000000000"}, 400),
    ],
)
async def test_a_network_has_nothing_that_is_not_an_agents_to_choose(
    site: Site, vm: str, attributes: dict[str, Any], status: int
) -> None:
    agent = await site.agent(vm, networks_max=1)
    before = await site.api.list("network")
    answer = await agent("POST", NETWORKS, {"network": {"name": "x", **attributes}})
    assert answer.status == status, answer
    assert await site.api.list("network") == before
    await make(agent, name="x", mtu=1300)


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"host_routes": [{"destination": "10.0.0.0/8", "nexthop": "10.77.0.7"}]}, 403),
        ({"service_types": ["network:floatingip"]}, 403),
        ({"tags": ["x"]}, 403),
        ({"project_id": "blue"}, 403),
        ({"cidr": "10.77.0.0/25"}, 400),
        ({"network_id": "{lan}"}, 403),
    ],
)
async def test_a_subnet_has_nothing_that_is_not_an_agents_to_choose(
    site: Site, lan: str, vm: str, attributes: dict[str, Any], status: int
) -> None:
    agent = await site.agent(vm, networks_max=1)
    network = (await make(agent, name="x"))["id"]
    await cut(agent, network)
    before = await site.api.list("subnet")
    wanted = {"network_id": network, "ip_version": 4, "cidr": "10.78.0.0/24", **attributes}
    wanted["network_id"] = wanted["network_id"].replace("{lan}", lan)
    answer = await agent("POST", SUBNETS, {"subnet": wanted})
    assert answer.status == status, answer
    assert await site.api.list("subnet") == before


async def test_the_agent_of_a_chassis_may_be_given_the_right_too(site: Site, lan: str) -> None:
    code = await site.new_code(chassis="vm-n", networks=[lan], project_id="red", networks_max=1)
    agent = await site.side.enrolled(code["code"])
    network = await make(agent, name="docker-1")
    await cut(agent, network["id"])
    assert (await site.api.show("network", network["id"]))["project_id"] == "red"
    port = await agent.create_port(network["id"])
    assert (await site.api.show("port", port["id"]))["binding:host_id"] == "vm-n"
    await agent.must(204, "DELETE", f"/v2.0/ports/{port['id']}")
    await agent.must(204, "DELETE", f"{NETWORKS}/{network['id']}")
