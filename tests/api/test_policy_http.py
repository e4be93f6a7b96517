"""Who may do what, over HTTP: default rules, policy files and projects, by headers that a proxy would set."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from ovnest.sandbox.until import until
from tests.cleanliness import assert_clean
from tests.http import Http
from tests.northbound_server import Northbound
from tests.serving import Server

pytestmark = [pytest.mark.api]

EVERYBODY = {"create_port:binding:profile": "", "get_port:binding:profile": ""}
OWN = "role:member and project_id:%(project_id)s"


class Callers:
    """A server that trusts headers, as different people ask it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.nobody = Http(server.url)
        self.admin = self.of("ops", "admin")
        self.service = self.of("services", "service")
        self.red = self.of("red", "member")
        self.blue = self.of("blue", "member")
        self.red_reader = self.of("red", "reader")

    def of(self, project: str, roles: str) -> Http:
        return Http(self.server.url, X_Project_Id=project, X_User_Id=f"{project}-user", X_Roles=roles)


Serve = Callable[..., Awaitable[Callers]]


@pytest.fixture(scope="module")
def options() -> tuple[str, ...]:
    return ("--trust-headers",)


@pytest.fixture
def callers(server: Server, northbound: Northbound) -> Iterator[Callers]:
    """With the default policy, one server for all tests of this file."""
    callers = Callers(server)
    yield callers
    try:
        asyncio.run(assert_clean(northbound.remote))
    finally:
        asyncio.run(callers.admin.clear())


@pytest.fixture
async def serve(northbound: Northbound, tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts a server of the test's own that trusts headers, with more options; it ends with the test."""
    async with AsyncExitStack() as stack:

        async def start(*options: str) -> Callers:
            log = tmp_path / "serve.log"
            own = ("--northbound", northbound.remote, "--no-durable", "--trust-headers")
            server = await Server.start(*own, *options, log=log)
            stack.callback(server.stop)
            return Callers(server)

        try:
            yield start
            await assert_clean(northbound.remote)
        finally:
            northbound.clear()


async def network_of(http: Http, **attributes: Any) -> str:
    """The id of a new network of the caller's, with a subnet."""
    network = await http.create("network", **attributes)
    await http.create("subnet", network_id=network["id"], ip_version=4, cidr="192.0.2.0/24")
    key: str = network["id"]
    return key


def policy(directory: Path, rules: object, name: str = "policy.json") -> Path:
    """A policy file, put in its place whole."""
    new = directory / f"{name}.new"
    new.write_text(rules if isinstance(rules, str) else json.dumps(rules))
    return new.rename(directory / name)


async def test_by_default_only_administrators_and_services_set_a_profile(callers: Callers) -> None:
    network = await network_of(callers.red)
    vm = await callers.red.create("port", network_id=network)
    profile = {"parent_name": vm["id"], "tag": 5}
    asked = {"port": {"network_id": network, "binding:profile": profile}}
    for who in (callers.red, callers.blue):
        refused = await who("POST", "/v2.0/ports", asked)
        expected = (403, "PolicyNotAuthorized") if who is callers.red else (404, "NetworkNotFound")
        assert (refused.status, refused.error) == expected
    refused = await callers.red("POST", "/v2.0/ports", asked)
    assert "create_port:binding:profile" in refused.message
    update = {"port": {"binding:profile": {"parent_name": vm["id"]}}}
    refused = await callers.red("PUT", f"/v2.0/ports/{vm['id']}", update)
    assert (refused.status, refused.error) == (403, "PolicyNotAuthorized")
    assert "update_port:binding:profile" in refused.message
    assert await callers.admin.list("port") == [await _shown(callers.admin, vm["id"])], "nothing was made"

    made = await callers.admin.json(201, "POST", "/v2.0/ports", asked)
    assert made["port"]["binding:profile"] == {"parent_name": vm["id"], "tag": 5}
    profile["tag"] = 6
    made = await callers.service.json(201, "POST", "/v2.0/ports", asked)
    assert made["port"]["binding:profile"]["tag"] == 6
    plain = await callers.red.create("port", network_id=network, name="without a profile")
    assert plain["project_id"] == "red"
    empty = await callers.red.create("port", network_id=network, binding__profile={})
    assert empty["name"] == "", "an empty profile asks for nothing"


async def _shown(http: Http, port_id: str) -> Any:
    return (await http.json(200, "GET", f"/v2.0/ports/{port_id}"))["port"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("policy.json", json.dumps(EVERYBODY)),
        ("policy.yaml", "# everybody may\n" + "".join(f'"{rule}": ""\n' for rule in EVERYBODY)),
        ("policy", "create_port:binding:profile: ''\nget_port:binding:profile: '@'\n"),
    ],
)
async def test_a_policy_file_lets_everybody_make_container_ports_under_their_own(
    serve: Serve, tmp_path: Path, name: str, text: str
) -> None:
    callers = await serve("--policy-file", str(policy(tmp_path, text, name)))
    network = await network_of(callers.red)
    vm = await callers.red.create("port", network_id=network)
    web = await callers.red.create(
        "port", network_id=network, binding__profile={"parent_name": vm["id"], "tag": 5}
    )
    assert web["binding:profile"] == {"parent_name": vm["id"], "tag": 5}
    assert web["project_id"] == "red"

    other = await network_of(callers.blue)
    asked = {"port": {"network_id": other, "binding:profile": {"parent_name": vm["id"]}}}
    refused = await callers.blue("POST", "/v2.0/ports", asked)
    assert (refused.status, refused.error) == (404, "PortNotFound"), "another project's VM is not there"
    assert vm["id"] in refused.message
    update = await callers.red("PUT", f"/v2.0/ports/{web['id']}", {"port": {"binding:profile": {}}})
    assert (update.status, update.error) == (403, "PolicyNotAuthorized"), "the file says nothing of updates"


async def test_a_changed_file_comes_into_force_while_the_server_runs_and_a_bad_one_does_not(
    serve: Serve, tmp_path: Path
) -> None:
    path = policy(tmp_path, {"create_port:binding:profile": "!"})
    callers = await serve("--policy-file", str(path), "--workers", "2")
    network = await network_of(callers.red)
    vm = await callers.red.create("port", network_id=network)
    asked = {"port": {"network_id": network, "binding:profile": {"parent_name": vm["id"]}}}

    async def statuses() -> set[int]:
        """What both workers answer; which of them does is the kernel's choice."""
        answers = [await callers.red("POST", "/v2.0/ports", asked) for _ in range(16)]
        return {answer.status for answer in answers}

    assert await statuses() == {403}
    assert (await callers.admin("POST", "/v2.0/ports", asked)).status == 403

    policy(tmp_path, {"create_port:binding:profile": ""})
    await until("everybody may", statuses, accept=lambda seen: seen == {201})

    for rules, named in (
        ({"create_prot:binding:profile": "!"}, "create_port:binding:profile"),
        ({"create_port:binding:profile": "role:"}, "create_port:binding:profile"),
        ("{", "JSON"),
    ):
        said = callers.server.log.read_text().count("policy file refused")
        policy(tmp_path, rules)

        async def refusals(before: int = said) -> list[str]:
            lines = callers.server.log.read_text().splitlines()
            return [line for line in lines if "policy file refused" in line][before:]

        lines = await until(
            "both workers have refused the file", refusals, accept=lambda seen: len(seen) == 2
        )
        assert all(named in line and "old policy stays" in line for line in lines), lines
        assert await statuses() == {201}, "the policy before it stays in force"

    path.unlink()
    await until("its absence is noticed", lambda: _says(callers.server, "No such file"))
    assert await statuses() == {201}
    policy(tmp_path, {"create_port:binding:profile": "role:admin"})
    await until("a good file comes into force again", statuses, accept=lambda seen: seen == {403})


async def _says(server: Server, words: str) -> bool:
    return words in server.log.read_text()


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"create_port:binding:profle": ""}, ("create_port:binding:profle", "create_port:binding:profile")),
        ({"create_port:binding:profile": "role:"}, ("create_port:binding:profile",)),
        ({"create_port": "rule:admin_or_onwer"}, ("create_port", "admin_or_onwer")),
        ({"create_port": None}, ("create_port", "string")),
        ("{", ("JSON",)),
        ("[]", ("mapping",)),
        ('{"create_port": "!", "create_port": "@"}', ("create_port", "twice")),
        (None, ("No such file",)),
    ],
)
async def test_a_file_that_cannot_be_is_refused_at_start_with_status_2_and_the_entry(
    northbound: Northbound, tmp_path: Path, rules: object, words: tuple[str, ...]
) -> None:
    path = policy(tmp_path, rules) if rules is not None else tmp_path / "absent.json"
    own = ("--northbound", northbound.remote, "--policy-file", str(path))
    with pytest.raises(AssertionError, match="ended with status 2") as ended:
        await Server.start(*own, log=tmp_path / "log")
    for word in (str(path), *words):
        assert word in str(ended.value)
    assert "Traceback" not in str(ended.value)


async def test_projects_do_not_see_each_other(callers: Callers) -> None:
    red, blue = callers.red, callers.blue
    network = await network_of(red, name="red's")
    port = await red.create("port", network_id=network)
    subnet = (await red.list("subnet"))[0]
    mine = {"network": network, "subnet": subnet["id"], "port": port["id"]}
    for kind, key in mine.items():
        assert await blue.list(kind) == []
        assert [each["id"] for each in await red.list(kind)] == [key]
        assert [each["id"] for each in await callers.red_reader.list(kind)] == [key]
        assert [each["id"] for each in await callers.admin.list(kind)] == [key]
        path = f"/v2.0/{kind}s/{key}"
        for method, below, body in (
            ("GET", "", None),
            ("PUT", "", {kind: {"name": "mine"}}),
            ("DELETE", "", None),
            ("GET", "/tags", None),
            ("PUT", "/tags/x", None),
            ("DELETE", "/tags", None),
        ):
            answer = await blue(method, path + below, body)
            assert (answer.status, answer.error) == (404, f"{kind.capitalize()}NotFound"), (
                kind,
                method,
                below,
            )
            assert "red" not in answer.message
        marker = await blue("GET", f"/v2.0/{kind}s?limit=1&marker={key}")
        assert marker.status == 404
        refused = await callers.red_reader("PUT", path, {kind: {"name": "x"}})
        assert (refused.status, refused.error) == (403, "PolicyNotAuthorized")
    for asked in (
        {"port": {"network_id": network}},
        {"subnet": {"network_id": network, "ip_version": 4, "cidr": "198.51.100.0/24"}},
    ):
        (kind,) = asked
        refused = await blue("POST", f"/v2.0/{kind}s", asked)
        assert (refused.status, refused.error) == (404, "NetworkNotFound")
    own = await network_of(blue)
    refused = await blue(
        "POST", "/v2.0/ports", {"port": {"network_id": own, "fixed_ips": [{"subnet_id": subnet["id"]}]}}
    )
    assert (refused.status, refused.error) == (404, "SubnetNotFound")


async def test_nobody_makes_things_for_another_project_but_administrators(callers: Callers) -> None:
    for key in ("project_id", "tenant_id"):
        refused = await callers.red("POST", "/v2.0/networks", {"network": {key: "blue"}})
        assert (refused.status, refused.error) == (400, "HTTPBadRequest"), key
        made = await callers.admin.create("network", **{key: "blue"})
        assert made["project_id"] == made["tenant_id"] == "blue"
    assert len(await callers.blue.list("network")) == 2


async def test_a_shared_network_is_seen_and_used_by_all_and_changed_by_its_own_only(callers: Callers) -> None:
    refused = await callers.red("POST", "/v2.0/networks", {"network": {"shared": True}})
    assert (refused.status, "create_network:shared" in refused.message) == (403, True)
    network = await network_of(callers.admin, shared=True, name="for all")
    assert [each["id"] for each in await callers.blue.list("network")] == [network]
    port = await callers.blue.create("port", network_id=network)
    assert [each["id"] for each in await callers.blue.list("port")] == [port["id"]]
    assert await callers.red.list("port") == [], "the network is shared, its ports are not"
    refused = await callers.blue("PUT", f"/v2.0/networks/{network}", {"network": {"name": "mine"}})
    assert (refused.status, refused.error) == (403, "PolicyNotAuthorized")
    refused = await callers.blue("DELETE", f"/v2.0/networks/{network}")
    assert (refused.status, refused.error) == (403, "PolicyNotAuthorized")
    unshared = await callers.admin("PUT", f"/v2.0/networks/{network}", {"network": {"shared": False}})
    assert (unshared.status, unshared.error) == (409, "InvalidSharedSetting")


async def test_what_one_may_not_see_is_neither_shown_nor_found_nor_sorted_by(callers: Callers) -> None:
    vlan = {
        "provider:network_type": "vlan",
        "provider:physical_network": "wire",
        "provider:segmentation_id": 7,
    }
    network = (
        await callers.admin.json(201, "POST", "/v2.0/networks", {"network": {**vlan, "project_id": "red"}})
    )["network"]
    shown = (await callers.red.json(200, "GET", f"/v2.0/networks/{network['id']}"))["network"]
    assert network.keys() - shown.keys() == vlan.keys()
    assert {name: network[name] for name in vlan} == vlan
    for query in ("provider:segmentation_id=7", "provider:network_type=vlan"):
        assert await callers.red.list("network", f"?{query}") == []
        assert len(await callers.admin.list("network", f"?{query}")) == 1

    hosts = ("h2", "h1")
    for host in hosts:
        asked = {"network_id": network["id"], "name": host, "binding:host_id": host, "project_id": "red"}
        await callers.admin.json(201, "POST", "/v2.0/ports", {"port": asked})
    ports = await callers.red.list("port")
    assert not any(
        name.startswith("binding:") and name != "binding:vnic_type" for port in ports for name in port
    )
    assert await callers.red.list("port", "?binding:host_id=h1") == []
    assert [port["name"] for port in await callers.admin.list("port", "?binding:host_id=h1")] == ["h1"]
    order = "?sort_key=binding:host_id&sort_dir={}&fields=id"
    ways = [await callers.red.list("port", order.format(way)) for way in ("asc", "desc")]
    assert ways[0] == ways[1] == sorted(ways[0], key=lambda port: str(port["id"])), "by id alone"
    ways = [await callers.admin.list("port", order.format(way)) for way in ("asc", "desc")]
    assert ways[0] == ways[1][::-1]
    assert await callers.red.list("port", "?fields=binding:host_id") == [{}, {}]
    changed = await callers.red.json(200, "PUT", f"/v2.0/ports/{ports[0]['id']}", {"port": {"name": "x"}})
    assert changed["port"].keys() == ports[0].keys(), "an update shows no more than a list"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_Roles": "admin"},
        {"X_Project_Id": "", "X_Roles": "admin"},
        {"X_Project_Id": "a b", "X_Roles": "admin"},
        {"X_Project_Id": "red", "X_Roles": "admin", "X_Identity_Status": "Invalid"},
        {"X_Project_Id": "red", "X_User_Id": "x" * 300, "X_Roles": "admin"},
        {"X_Project_Id": "red", "X_Roles": ",".join(f"r{n}" for n in range(200))},
    ],
)
async def test_who_does_not_say_who_asks_is_401(callers: Callers, headers: dict[str, str]) -> None:
    for method, path, body in (
        ("GET", "/v2.0/networks", None),
        ("POST", "/v2.0/networks", {"network": {}}),
        ("DELETE", "/v2.0/networks/x", None),
    ):
        answer = await callers.nobody(method, path, body, **headers)
        assert (answer.status, answer.error) == (401, "HTTPUnauthorized")
    for path in ("/healthz", "/readyz"):
        assert (await callers.nobody("GET", path, None, **headers)).status == 200
    assert await callers.admin.list("network") == []


async def test_rules_of_ones_own_roles_and_projects_are_obeyed(serve: Serve, tmp_path: Path) -> None:
    rules = {
        "create_network": "role:planner",
        "planners": "role:planner or role:admin",
        "delete_network": "rule:planners",
        "create_port:binding:profile": OWN,
        "get_port:binding:profile": OWN,
    }
    callers = await serve("--policy-file", str(policy(tmp_path, rules)))
    planner = callers.of("red", "planner,member")
    refused = await callers.red("POST", "/v2.0/networks", {"network": {}})
    assert (refused.status, refused.error) == (403, "PolicyNotAuthorized")
    assert (await callers.admin("POST", "/v2.0/networks", {"network": {}})).status == 403
    network = await network_of(planner)
    vm = await callers.red.create("port", network_id=network)
    web = await callers.red.create("port", network_id=network, binding__profile={"parent_name": vm["id"]})
    assert web["binding:profile"] == {"parent_name": vm["id"], "tag": 1}
    for port in (web, vm):
        assert (await callers.red("DELETE", f"/v2.0/ports/{port['id']}")).status == 204
    refused = await callers.red("DELETE", f"/v2.0/networks/{network}")
    assert (refused.status, refused.error) == (403, "PolicyNotAuthorized")
    assert (await planner("DELETE", f"/v2.0/networks/{network}")).status == 204
