"""One agent's credential on everything that is not its own: every verb, every path, at both listeners.

VM `a` has the agent that attacks. Around it there is one of each thing that it must not touch: another VM of
the same project with an agent and a container, one of another project, a container of another project under
`a` itself, a network that `a` was not given, one that another agent has made, an agent on a chassis.

Another agent, `maker`, attacks all that as well: it may make networks, and has made one.
"""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from msgspec import Struct

from ovnest.sandbox.until import patience
from tests.agent_side import AgentSide
from tests.agent_site import Site, refused
from tests.asking import Answer
from tests.kinds import RESOURCES
from tests.serving import Server

pytestmark = [pytest.mark.api, pytest.mark.asyncio(loop_scope="module")]
ABSENT = "00000000-0000-4000-8000-000000000000"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
AT_ONCE = 8

BY_COLLECTION = {resource.collection: resource for resource in RESOURCES}


class World(Struct, frozen=True, kw_only=True):
    """The agent of VM `a`, its network, its one port; and what is not its own, by what it is."""

    agent: AgentSide
    maker: AgentSide
    parent: str
    network: str
    own: str
    ports: dict[str, str]
    networks: dict[str, str]
    subnets: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(site: Site) -> World:
    api = site.api
    given, others = [
        (await api.create("network", name=name, project_id="red"))["id"] for name in ("given", "others")
    ]
    subnets = {
        name: (await api.create("subnet", network_id=key, cidr=cidr, ip_version=4, project_id="red"))["id"]
        for name, key, cidr in (("given", given, "10.1.0.0/24"), ("others", others, "10.2.0.0/24"))
    }
    a = await site.vm(given, name="a", project_id="red")
    b = await site.vm(given, name="b", project_id="red")
    c = await site.vm(given, name="c", project_id="blue")
    agent = await site.agent(a)
    agent_b = await site.agent(b, networks_max=2)
    made = (await agent_b.must(201, "POST", "/v2.0/networks", {"network": {"name": "made"}}))["network"]["id"]
    made_subnet = {"network_id": made, "ip_version": 4, "cidr": "10.3.0.0/24"}
    maker = await site.agent(await site.vm(given, name="m", project_id="red"), networks_max=3)
    await maker.must(201, "POST", "/v2.0/networks", {"network": {"name": "makers"}})
    chassis = await site.new_code(chassis="vm-x", networks=[given], project_id="red")
    agent_x = await site.side.enrolled(chassis["code"])

    async def under(parent: str, network: str, **attributes: Any) -> str:
        profile = {"binding:profile": {"parent_name": parent}}
        key: str = (await api.create("port", network_id=network, **attributes, **profile))["id"]
        return key

    return World(
        agent=agent,
        maker=maker,
        parent=a,
        network=given,
        own=(await agent.create_port(given, name="own"))["id"],
        ports={
            "its own parent": a,
            "another VM of the project": b,
            "a VM of another project": c,
            "another agent's container": (await agent_b.create_port(given))["id"],
            "a container of another project": await under(c, given, project_id="blue"),
            "another project's container under its own parent": await under(a, given, project_id="blue"),
            "a chassis' container": (await agent_x.create_port(given))["id"],
            "a port on a network that it was not given": await site.vm(others, project_id="red"),
            "a container on another agent's network": (await agent_b.create_port(made))["id"],
            "none at all": ABSENT,
        },
        networks={"not given": others, "made by another agent": made, "none at all": ABSENT},
        subnets={
            "not given": subnets["others"],
            "made by another agent": (
                await agent_b.must(201, "POST", "/v2.0/subnets", {"subnet": made_subnet})
            )["subnet"]["id"],
            "none at all": ABSENT,
        },
    )


async def everything(site: Site) -> dict[str, Any]:
    """All that the API shows, as an administrator sees it."""
    found = {}
    for path in ("networks", "subnets", "ports", "agent-codes"):
        answer = await site.other_api.ask("GET", f"/v2.0/{path}")
        assert answer.status == 200
        (found[path],) = answer.body.values()
    for permission in found["agent-codes"]:
        del permission["conflict_at"], permission["reported_at"]
    return found


def paths(world: World) -> Iterator[str]:
    """Every path there is, with the ids of what is not the agent's own."""
    for plural, ids in (("ports", world.ports), ("networks", world.networks), ("subnets", world.subnets)):
        for key in ids.values():
            yield f"/v2.0/{plural}/{key}"
            yield f"/v2.0/{plural}/{key}.json"
            yield f"/v2.0/{plural}/{key}/"
            yield f"/v2.0/{plural}/{key}/tags"
            yield f"/v2.0/{plural}/{key}/tags/red"
            yield f"/v2.0/{plural}/x/../{key}"
            yield f"/v2.0//{plural}/{key}"
            yield f"/V2.0/{plural}/{key}"
            yield f"/v2.0/{plural}/{key}%2f"
            yield f"/v2.0/{plural}/%2e%2e/{plural}/{key}"
    for subject in (*world.ports.values(), "vm-x"):
        yield f"/v2.0/agent-codes/{subject}"
    yield from ("/", "/v2.0", "/v2.0/", "/openapi", "/healthz", "/readyz", "/v2.0/extensions", "/metrics")
    yield from ("/v2.0/agent-codes", "/v2.0/extensions/binding", "/v2.0/ports.json", "/v2.0/spam")
    yield from (f"/v2.0/ports/{world.own}/tags", f"/v2.0/ports/{world.own}/tags/red")
    yield "/agent/v1/certificate"  # which only a chassis has
    yield from ("/agent/v1", "/agent/v1/spam", "/agent/v2/renew", "/v2.0/ports/", "/v2.0/events/x")


BODIES: tuple[Any, ...] = (
    {"port": {"name": "taken", "admin_state_up": False}},
    {"network": {"name": "taken"}},
    {"agent_code": {"parent": ABSENT}},
    {"tags": ["taken"]},
)


ATTACKERS = pytest.mark.parametrize("attacker", ["agent", "maker"])


@ATTACKERS
async def test_no_verb_on_any_path_gets_at_anything_that_is_not_its_own(
    site: Site, world: World, attacker: str
) -> None:
    agent: AgentSide = getattr(world, attacker)
    before = await everything(site)
    asked = [(method, path) for path in paths(world) for method in METHODS]
    # What these paths are for all the same: they list what is its own.
    fine = {("GET", "/v2.0/ports/"), ("HEAD", "/v2.0/ports/")}
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(place: int, method: str, path: str) -> None:
        body = BODIES[place % len(BODIES)] if method in ("POST", "PUT", "PATCH") else None
        async with gate:
            answer = await agent(method, path, body)
        if (method, path) in fine:
            return
        assert answer.status in (400, 403, 404), (method, path, answer)

    await asyncio.gather(*(ask(place, *each) for place, each in enumerate(asked)))
    assert len(asked) > 1000
    assert await everything(site) == before
    # The control: the credential was good.
    await agent.must(200, "GET", f"/v2.0/networks/{world.network}")


async def documented(site: Site, world: World, *, makes: bool = False) -> list[tuple[str, str, Any]]:
    """Every path of the server's own OpenAPI document with every id that is not the agent's, by every verb,
    with a body that would be good; but for what lists the agent's own, and what makes it a port, or a network
    where it `makes` those."""
    document = (await site.api.ask("GET", "/openapi")).body
    assert {"/v2.0/ports", "/v2.0/networks", "/v2.0/subnets"} <= document["paths"].keys()
    foreign = [*world.ports.values(), *world.networks.values(), *world.subnets.values()]
    new_subnet = {"network_id": world.network, "ip_version": 4, "cidr": "10.9.0.0/24"}
    asked: list[tuple[str, str, Any]] = []
    for template in document["paths"]:
        plural = template.split("/")[2]
        for method in METHODS:
            body = None
            if method in ("POST", "PUT", "PATCH"):
                one = BY_COLLECTION[plural].singular
                body = {"tags": ["taken"]} if "tags" in template else {one: {"name": "taken"}}
            if "{" in template:
                (place, *_) = re.findall(r"\{(\w+)\}", template)
                asked += [
                    (method, template.format(**{"tag": "taken", place: key}), body)
                    for key in (*foreign, world.network)
                ]
            elif method == "POST" and (plural == "ports" or (plural == "networks" and makes)):
                continue
            elif method not in ("GET", "HEAD") or plural not in ("ports", "networks", "subnets"):
                asked.append((method, template, {"subnet": new_subnet} if plural == "subnets" else body))
    # What it was given it may see, and that is all.
    given = f"/v2.0/networks/{world.network}"
    return [each for each in asked if each[:2] not in (("GET", given), ("HEAD", given))]


@ATTACKERS
async def test_no_verb_on_any_documented_path_gets_at_anything_that_is_not_its_own(
    site: Site, world: World, attacker: str
) -> None:
    agent: AgentSide = getattr(world, attacker)
    before = await everything(site)
    asked = await documented(site, world, makes=attacker == "maker")
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(method: str, path: str, body: Any) -> None:
        async with gate:
            answer = await agent(method, path, body)
        assert answer.status in (403, 404), (method, path, answer)

    await asyncio.gather(*(ask(*each) for each in asked))
    assert await everything(site) == before

    url = urlsplit(site.api.url)
    headers = {"Authorization": f"Bearer {agent.credential}"}
    for method, path, body in asked:
        status = await asyncio.to_thread(_status, url.port, method, path, body, headers)
        assert status == 401, (method, path)
    assert await everything(site) == before


async def test_the_same_at_the_apis_own_listener(site: Site, world: World) -> None:
    before = await everything(site)
    credential = world.agent.credential
    ways = ({"Authorization": f"Bearer {credential}"}, {"X-Auth-Token": credential})
    for_anybody = {"/healthz", "/readyz"}
    url = urlsplit(site.api.url)
    for place, path in enumerate([*paths(world), "/v2.0/ports", "/v2.0/networks", "/v2.0/events"]):
        if path in for_anybody:
            continue
        for method in METHODS:
            headers = ways[place % len(ways)]
            status = await asyncio.to_thread(_status, url.port, method, path, BODIES[0], headers)
            # An encoded slash is in no path: that is said before anybody is asked who he is.
            assert status == (404 if "%2f" in path else 401), (method, path)
    assert await everything(site) == before


def _status(port: int | None, method: str, path: str, body: Any, headers: dict[str, str]) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10 * patience())
    try:
        content = json.dumps(body) if method in ("POST", "PUT", "PATCH") else None
        kind = {"Content-Type": "application/json"} if content else {}
        connection.request(method, path, content, {**headers, **kind})
        return connection.getresponse().status
    finally:
        connection.close()


async def test_without_a_credential_no_path_says_whether_it_exists(site: Site, world: World) -> None:
    nobody = site.side
    told = set()
    for path in [*paths(world), "/v2.0/ports", "/agent/v1/renew", "/agent/v1/report", "/v2.0/events"]:
        for method in ("GET", "POST", "DELETE"):
            answer = await nobody(method, path, BODIES[0] if method == "POST" else None)
            if "%2f" in path:
                continue  # is in no path, and that is said before anybody is asked who he is
            told.add((answer.status, json.dumps(answer.body)))
    assert len(told) == 1
    assert told.pop()[0] == 401


async def test_a_tenants_token_and_the_headers_that_proxies_set_are_worth_nothing_there(
    site: Site, world: World
) -> None:
    headers = {
        "X-Project-Id": "red",
        "X-User-Id": "root",
        "X-Roles": "admin",
        "X-Identity-Status": "Confirmed",
    }
    assert (await site.side("GET", "/v2.0/ports", None, **headers)).status == 401
    basic = base64.b64encode(b"admin:admin").decode()
    assert (await site.side("GET", "/v2.0/ports", None, Authorization=f"Basic {basic}")).status == 401
    # Beside a credential they change nothing.
    found = await world.agent.must(200, "GET", "/v2.0/ports", None, **headers)
    assert [port["id"] for port in found["ports"]] == [world.own]
    answer = await world.agent("DELETE", f"/v2.0/networks/{world.network}", None, **headers)
    refused(answer, 403, "AgentNotAllowed")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?project_id=blue",
        "?tenant_id=red",
        "?network_id={others}",
        "?id={b}",
        "?device_id=",
        "?limit=1&marker={b}",
        "?fields=id&all_tenants=1",
        "?sort_key=project_id&sort_dir=asc",
        "?fixed_ips=ip_address_substr%3D10.",
        "?mac_address=x&network_id={given}",
    ],
)
async def test_no_query_lists_what_is_not_its_own(site: Site, world: World, query: str) -> None:
    query = query.format(
        others=world.networks["not given"],
        given=world.network,
        b=world.ports["another VM of the project"],
    )
    for plural, own in (("ports", {world.own}), ("networks", {world.network}), ("subnets", None)):
        answer = await world.agent("GET", f"/v2.0/{plural}{query}")
        if answer.status != 200:
            assert answer.status in (400, 404), answer
            continue
        found = {each.get("id") for each in answer.body[plural]}
        if own is not None:
            assert found <= own
        assert not {world.subnets["not given"], world.subnets["made by another agent"]} & found


OTHERS_PARENT = "another VM of the project"


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({"binding:profile": {"parent_name": "{b}"}}, 403),
        ({"binding:profile": {"parent_name": "{b}", "tag": 5}}, 403),
        ({"binding:profile": {"parent_name": ["{a}"]}}, 403),
        ({"binding:profile": {"parent_name": None}}, 403),
        ({"binding:profile": {"capabilities": ["switchdev"]}}, 403),
        ({"binding:profile": {"vtep-physical-switch": "x", "vtep-logical-switch": "y"}}, 403),
        ({"binding:profile": {"tag": 5000}}, 400),
        ({"binding:profile": {"tag": "x"}}, 400),
        ({"binding:host_id": "hv1"}, 403),
        ({"binding:vnic_type": "direct"}, 403),
        ({"project_id": "blue"}, 403),
        ({"tenant_id": "default"}, 403),
        ({"device_owner": "network:dhcp"}, 403),
        ({"device_owner": "network:router_interface"}, 403),
        ({"device_owner": "neutron:LOADBALANCERV2"}, 403),
        ({"device_owner": "ovn-lb-hm:distributed", "device_id": "ovn-lb-hm-x"}, 403),
        ({"device_owner": "Network:dhcp"}, 403),
        ({"port_security_enabled": False}, 403),
        ({"port_security_enabled": "false"}, 403),
        ({"allowed_address_pairs": [{"ip_address": "10.1.0.77"}]}, 403),
        ({"allowed_address_pairs": [{"ip_address": "0.0.0.0/0"}]}, 403),
        ({"extra_dhcp_opts": [{"opt_name": "router", "opt_value": "10.1.0.9"}]}, 403),
        ({"security_groups": [ABSENT]}, 403),
        ({"fixed_ips": [{"ip_address": "10.1.0.1"}]}, 403),
        ({"fixed_ips": [{"ip_address": "10.2.0.7"}]}, 400),
        ({"fixed_ips": [{"subnet_id": "{others_subnet}"}]}, 400),
        ({"network_id": "{others}"}, 404),
        ({"network_id": "{made}"}, 404),
        ({"network_id": ABSENT}, 404),
        ({"id": ABSENT}, 400),
        ({"status": "ACTIVE"}, 400),
        ({"idempotency": "x"}, 400),
        ({"once": "x"}, 400),
        ({"ovnest:plugged": True}, 400),
    ],
)
@pytest.mark.parametrize("way", ["one", "bulk", "once"])
async def test_no_port_is_made_with_what_is_not_an_agents_to_choose(
    site: Site, world: World, attributes: dict[str, Any], status: int, way: str
) -> None:
    before = await everything(site)
    names = {
        "a": world.parent,
        "b": world.ports[OTHERS_PARENT],
        "others": world.networks["not given"],
        "made": world.networks["made by another agent"],
        "others_subnet": world.subnets["not given"],
    }
    text = json.dumps(attributes)
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    wanted = {"network_id": world.network, **json.loads(text)}
    good = {"network_id": world.network}
    body = {"ports": [good, wanted]} if way == "bulk" else {"port": wanted}
    headers = {"Idempotency-Key": "k1"} if way == "once" else {}
    answer = await world.agent("POST", "/v2.0/ports", body, **headers)
    assert answer.status == status, answer
    assert await everything(site) == before


async def test_an_agent_has_no_more_ports_than_it_may_have(site: Site, lan: str, vm: str) -> None:
    agent = await site.agent(vm, ports_max=3)
    await agent.create_port(lan)
    three = {"ports": [{"network_id": lan}] * 3}
    assert "may have 3" in refused(await agent("POST", "/v2.0/ports", three), 409, "OverQuota")
    await agent.must(201, "POST", "/v2.0/ports", {"ports": [{"network_id": lan}] * 2})
    answers = await asyncio.gather(
        *(agent("POST", "/v2.0/ports", {"port": {"network_id": lan}}) for _ in range(4))
    )
    assert {answer.status for answer in answers} == {409}


async def test_of_many_who_ask_at_once_no_more_get_a_port_than_there_may_be(
    site: Site, lan: str, vm: str
) -> None:
    agent = await site.agent(vm, ports_max=5)
    sides = [agent, site.other_side.holding(agent.credential)] * 10
    answers = await asyncio.gather(
        *(side("POST", "/v2.0/ports", {"port": {"network_id": lan}}) for side in sides)
    )
    assert sorted(answer.status for answer in answers) == [201] * 5 + [409] * 15


async def test_on_a_network_without_port_security_its_ports_have_it_all_the_same(site: Site, vm: str) -> None:
    bare = (await site.api.create("network", port_security_enabled=False))["id"]
    await site.api.create("subnet", network_id=bare, cidr="10.0.0.0/24", ip_version=4)
    agent = await site.agent(vm, networks=[bare])
    assert (await agent.create_port(bare))["port_security_enabled"] is True


async def test_a_network_taken_from_an_agent_is_gone_at_once(
    site: Site, lan: str, vm: str, agent: AgentSide
) -> None:
    port = await agent.create_port(lan)
    await site.code(vm, networks=[])
    refused(await agent("GET", f"/v2.0/networks/{lan}"), 404, "NetworkNotFound")
    refused(await agent("POST", "/v2.0/ports", {"port": {"network_id": lan}}), 404, "NetworkNotFound")
    # What it has there it may still see and take away.
    await agent.must(204, "DELETE", f"/v2.0/ports/{port['id']}")


async def test_an_agent_asks_as_no_administrator(world: World) -> None:
    network = (await world.agent.must(200, "GET", f"/v2.0/networks/{world.network}"))["network"]
    assert "provider:segmentation_id" not in network
    assert network["mtu"] > 0


async def test_only_an_administrator_makes_sees_and_ends_codes(tmp_path: Any, site: Site, vm: str) -> None:
    server = await Server.start("--northbound", site.northbound, "--trust-headers", log=tmp_path / "log")
    try:
        member = {"X-Project-Id": "default", "X-Roles": "member"}
        for method, path, status in (
            ("POST", "/v2.0/agent-codes", 403),
            ("GET", f"/v2.0/agent-codes/{vm}", 404),
            ("DELETE", f"/v2.0/agent-codes/{vm}", 404),
        ):
            body = {"agent_code": {"parent": vm}}
            await site.code(vm)
            got = await asyncio.to_thread(_answer, server.port, method, path, body, member)
            # This server has no key ring, and says so to nobody but an administrator.
            assert got.status == status, (method, got)
        listed = await asyncio.to_thread(_answer, server.port, "GET", "/v2.0/agent-codes", None, member)
        assert listed.body == {"agent_codes": []}
        admin = {"X-Project-Id": "default", "X-Roles": "admin"}
        got = await asyncio.to_thread(
            _answer, server.port, "POST", "/v2.0/agent-codes", {"agent_code": {"parent": vm}}, admin
        )
        assert (got.status, got.body["NeutronError"]["type"]) == (501, "NoAgents")
    finally:
        server.stop()


def _answer(port: int, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=10 * patience())
    try:
        content = json.dumps(body) if method == "POST" else None
        connection.request(method, path, content, {**headers, "Content-Type": "application/json"})
        response = connection.getresponse()
        said = response.read()
        return Answer(status=response.status, body=json.loads(said) if said else None)
    finally:
        connection.close()
