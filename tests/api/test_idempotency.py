"""Idempotency-Key: a create request may be sent again, through any server, and makes one port."""

import asyncio
from typing import Any

import pytest

from tests.agent_side import AgentSide
from tests.agent_site import Site, refused
from tests.api.test_routes import Http

pytestmark = [pytest.mark.api, pytest.mark.asyncio(loop_scope="module")]


def https(site: Site) -> tuple[Http, Http]:
    """Both servers' API, asked with headers."""
    return Http(site.servers[0].port), Http(site.servers[1].port)


def wanted(lan: str, **attributes: Any) -> dict[str, Any]:
    return {"port": {"network_id": lan, **attributes}}


async def test_the_same_request_again_gives_the_same_port_through_any_server(site: Site, lan: str) -> None:
    one, two = https(site)
    made = await one.json(201, "POST", "/v2.0/ports", wanted(lan, name="web"), Idempotency_Key="k-1")
    again = await two.json(200, "POST", "/v2.0/ports", wanted(lan, name="web"), Idempotency_Key="k-1")
    assert again == made
    assert len(await site.api.list("port", network_id=lan)) == 1


async def test_of_many_at_once_one_makes_the_port_and_all_are_given_it(site: Site, lan: str) -> None:
    asked = wanted(lan)
    answers = await asyncio.gather(
        *(http("POST", "/v2.0/ports", asked, Idempotency_Key="k-2") for http in https(site) * 8)
    )
    assert sorted(answer.status for answer in answers) == [200] * 15 + [201]
    assert len(await site.api.list("port", network_id=lan)) == 1


async def test_the_order_of_keys_in_the_body_does_not_matter_and_what_they_say_does(
    site: Site, lan: str
) -> None:
    one, two = https(site)
    await one.json(201, "POST", "/v2.0/ports", wanted(lan, name="a", description="b"), Idempotency_Key="k-3")
    turned = {"port": {"description": "b", "name": "a", "network_id": lan}}
    await two.json(200, "POST", "/v2.0/ports", turned, Idempotency_Key="k-3")
    answer = await two("POST", "/v2.0/ports", wanted(lan, name="a", description="c"), Idempotency_Key="k-3")
    assert (answer.status, answer.error()[0]) == (409, "IdempotencyKeyReused")
    assert len(await site.api.list("port", network_id=lan)) == 1


async def test_the_key_lives_as_long_as_the_port_and_stays_through_changes(site: Site, lan: str) -> None:
    one, two = https(site)
    asked = wanted(lan, name="web")
    made = (await one.json(201, "POST", "/v2.0/ports", asked, Idempotency_Key="k-4"))["port"]
    await site.api.update("port", made["id"], name="other", description="x")
    again = (await two.json(200, "POST", "/v2.0/ports", asked, Idempotency_Key="k-4"))["port"]
    assert (again["id"], again["name"]) == (made["id"], "other")
    await site.other_api.delete("port", made["id"])
    new = (await one.json(201, "POST", "/v2.0/ports", asked, Idempotency_Key="k-4"))["port"]
    assert new["id"] != made["id"]


async def test_without_a_key_every_request_makes_a_port(site: Site, lan: str) -> None:
    one, _ = https(site)
    first = await one.json(201, "POST", "/v2.0/ports", wanted(lan))
    second = await one.json(201, "POST", "/v2.0/ports", wanted(lan))
    assert first["port"]["id"] != second["port"]["id"]


async def test_a_refused_request_leaves_the_key_free(site: Site, lan: str) -> None:
    one, two = https(site)
    bad = wanted(lan, fixed_ips=[{"ip_address": "192.0.2.1"}])
    assert (await one("POST", "/v2.0/ports", bad, Idempotency_Key="k-5")).status == 400
    await two.json(201, "POST", "/v2.0/ports", wanted(lan), Idempotency_Key="k-5")


async def test_projects_keys_are_their_own(site: Site, lan: str) -> None:
    one, _ = https(site)
    for project in ("red", "blue"):
        await one.json(201, "POST", "/v2.0/ports", wanted(lan, project_id=project), Idempotency_Key="k-6")


@pytest.mark.parametrize(
    ("path", "body", "key", "message"),
    [
        ("ports", {"port": {}}, "a b", "1 to 64 printable characters"),
        ("ports", {"port": {}}, "", "1 to 64 printable characters"),
        ("ports", {"port": {}}, "x" * 65, "1 to 64 printable characters"),
        ("ports", {"ports": [{}, {}]}, "x", "goes with one port"),
        ("networks", {"network": {}}, "x", "kept for ports, not for networks"),
    ],
)
async def test_a_key_that_cannot_be_kept_is_refused_not_ignored(
    site: Site, lan: str, path: str, body: dict[str, Any], key: str, message: str
) -> None:
    one, _ = https(site)
    if "port" in body:
        body = wanted(lan)
    elif "ports" in body:
        body = {"ports": [{"network_id": lan}] * 2}
    answer = await one("POST", f"/v2.0/{path}", body, Idempotency_Key=key)
    assert (answer.status, answer.error()[0]) == (400, "HTTPBadRequest")
    assert message in answer.error()[1]


async def test_an_agents_lost_answer_makes_no_second_port(
    site: Site, lan: str, vm: str, agent: AgentSide
) -> None:
    headers = {"Idempotency-Key": "web eth0".replace(" ", "/")}
    made = await agent.must(201, "POST", "/v2.0/ports", wanted(lan), **headers)
    other = site.other_side.holding(agent.credential)
    again = await other.must(200, "POST", "/v2.0/ports", wanted(lan), **headers)
    assert again["port"]["id"] == made["port"]["id"]
    refused(await other("POST", "/v2.0/ports", wanted(lan, name="x"), **headers), 409, "IdempotencyKeyReused")
    assert len((await agent.must(200, "GET", "/v2.0/ports"))["ports"]) == 1


async def test_at_its_bound_an_agent_is_still_given_what_it_has_made(site: Site, lan: str, vm: str) -> None:
    agent = await site.agent(vm, ports_max=1)
    headers = {"Idempotency-Key": "first"}
    await agent.must(201, "POST", "/v2.0/ports", wanted(lan), **headers)
    await agent.must(200, "POST", "/v2.0/ports", wanted(lan), **headers)
    refused(await agent("POST", "/v2.0/ports", wanted(lan)), 409, "OverQuota")


async def test_agents_keys_are_each_agents_own(site: Site, lan: str, vm: str, agent: AgentSide) -> None:
    other = await site.agent(await site.vm(lan))
    one, _ = https(site)
    headers = {"Idempotency-Key": "shared"}
    ids = {
        (await agent.must(201, "POST", "/v2.0/ports", wanted(lan), **headers))["port"]["id"],
        (await other.must(201, "POST", "/v2.0/ports", wanted(lan), **headers))["port"]["id"],
        (await one.json(201, "POST", "/v2.0/ports", wanted(lan), **headers))["port"]["id"],
    }
    assert len(ids) == 3
