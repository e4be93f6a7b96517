"""The routes over HTTP, with `ovnest serve` as a process and a real Northbound behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import pytest_asyncio

from tests.api.wire import Answer, RawClient
from tests.ovsdb.servers import standalone
from tests.serving import Server

pytestmark = [pytest.mark.api, pytest.mark.asyncio(loop_scope="module")]
ABSENT = "00000000-0000-4000-8000-000000000000"


class Http:
    """Requests to the server under test, each on a connection of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        if content:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        async with RawClient(*await asyncio.open_connection("127.0.0.1", self._port)) as client:
            return await client.ask(
                "\r\n".join(lines).encode() + b"\r\n\r\n" + content, is_head=method == "HEAD"
            )

    async def json(self, status: int, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's body; its status must be as said."""
        answer = await self(method, path, body, **headers)
        assert answer.status == status, answer
        return json.loads(answer.body) if answer.body else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Http]:
    """A server on an empty Northbound of its own, for all tests of this file."""
    log = tmp_path_factory.mktemp("serve") / "log"
    async with standalone() as northbound:
        server = await Server.start("--northbound", northbound.remote, log=log)
        try:
            yield Http(server.port)
        finally:
            server.stop()
    assert "Traceback" not in log.read_text()


@pytest_asyncio.fixture(loop_scope="module")
async def network(http: Http) -> str:
    """The id of a network with a subnet."""
    made = await http.json(201, "POST", "/v2.0/networks", {"network": {"name": "net"}})
    key: str = made["network"]["id"]
    subnet = {"network_id": key, "ip_version": 4, "cidr": "10.0.0.0/16"}
    await http.json(201, "POST", "/v2.0/subnets", {"subnet": subnet})
    return key


@pytest.mark.parametrize("suffix", ["", ".json"])
async def test_create_show_list_update_delete(http: Http, network: str, suffix: str) -> None:
    asked = {"port": {"network_id": network, "name": "web"}}
    made = await http.json(201, "POST", f"/v2.0/ports{suffix}", asked)
    path = f"/v2.0/ports/{made['port']['id']}{suffix}"
    assert await http.json(200, "GET", path) == made
    assert await http.json(200, "GET", f"/v2.0/ports{suffix}?network_id={network}") == {
        "ports": [made["port"]]
    }
    changed = await http.json(200, "PUT", path, {"port": {"name": "db"}})
    assert changed["port"]["name"] == "db"
    assert await http.json(200, "GET", path) == changed
    assert await http.json(204, "DELETE", path) is None
    gone = await http("GET", path)
    assert (gone.status, gone.error()[0]) == (404, "PortNotFound")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", "GET, HEAD"),
        ("/healthz", "GET, HEAD"),
        ("/v2.0/extensions", "GET, HEAD"),
        ("/v2.0/ports", "GET, HEAD, POST"),
        (f"/v2.0/ports/{ABSENT}", "DELETE, GET, HEAD, PUT"),
        (f"/v2.0/ports/{ABSENT}/tags", "DELETE, GET, HEAD, PUT"),
    ],
)
async def test_a_wrong_method_is_405_and_says_which_are_right(http: Http, path: str, allowed: str) -> None:
    for method in ("PATCH", "OPTIONS", "TRACE"):
        answer = await http(method, path)
        assert (answer.status, answer.error()[0]) == (405, "HTTPMethodNotAllowed")
        assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/v2.0/spam", "/v2.0/ports/a/b", "/v3", "/v2.0/ports/a/tags/b/c", "//", "/v2.0x"]
)
async def test_what_is_not_there_is_404(http: Http, path: str) -> None:
    answer = await http("GET", path)
    assert answer.status == 404
    assert answer.error() == ("HTTPNotFound", "The resource could not be found.")


async def test_head_is_get_without_the_body(http: Http, network: str) -> None:
    got = await http("GET", f"/v2.0/networks/{network}")
    head = await http("HEAD", f"/v2.0/networks/{network}")
    assert head.status == 200
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_several_are_made_in_one_request_or_none_is(http: Http, network: str) -> None:
    wanted = [{"network_id": network, "name": name} for name in ("a", "b", "c")]
    made = await http.json(201, "POST", "/v2.0/ports", {"ports": wanted})
    assert [port["name"] for port in made["ports"]] == ["a", "b", "c"]
    taken = {
        "network_id": network,
        "fixed_ips": [{"ip_address": made["ports"][0]["fixed_ips"][0]["ip_address"]}],
    }
    refused = await http("POST", "/v2.0/ports", {"ports": [*wanted, taken]})
    assert refused.status == 409
    listed = await http.json(200, "GET", f"/v2.0/ports?network_id={network}")
    assert len(listed["ports"]) == 3


async def test_a_change_can_depend_on_the_revision_number(http: Http, network: str) -> None:
    path, change = f"/v2.0/networks/{network}", {"network": {"name": "new"}}
    revision = (await http.json(200, "GET", path))["network"]["revision_number"]
    stale = await http("PUT", path, change, If_Match=f"revision_number={revision + 1}")
    assert (stale.status, stale.error()[0]) == (412, "RevisionNumberConstraintFailed")
    assert (await http("PUT", path, change, If_Match="revision_number=x")).status == 400
    changed = await http.json(200, "PUT", path, change, If_Match=f"revision_number={revision}")
    assert changed["network"]["revision_number"] == revision + 1
    assert (await http("DELETE", path, If_Match=f"revision_number={revision}")).status == 412
    await http.json(204, "DELETE", path, If_Match=f"revision_number={revision + 1}")


async def test_pages_are_walked_by_their_links(http: Http, network: str) -> None:
    wanted = [{"network_id": network, "name": f"p{number}"} for number in range(7)]
    await http.json(201, "POST", "/v2.0/ports", {"ports": wanted})
    path = f"/v2.0/ports?network_id={network}&fields=name&sort_key=name&sort_dir=desc&limit=3"
    pages: list[list[str]] = []
    while True:
        listed = await http.json(200, "GET", path)
        pages.append([port["name"] for port in listed["ports"]])
        following = [link["href"] for link in listed["ports_links"] if link["rel"] == "next"]
        if not following:
            break
        url = urlsplit(following[0])
        path = f"{url.path}?{url.query}"
    assert pages == [["p6", "p5", "p4"], ["p3", "p2", "p1"], ["p0"]]


async def test_a_marker_that_is_not_there_is_404(http: Http) -> None:
    answer = await http("GET", f"/v2.0/ports?limit=1&marker={ABSENT}")
    assert answer.status == 404
    assert answer.error() == ("PortNotFound", f"Port {ABSENT} could not be found.")


async def test_ports_are_found_by_their_addresses(http: Http, network: str) -> None:
    asked = {"network_id": network, "fixed_ips": [{"ip_address": "10.0.7.77"}]}
    made = await http.json(201, "POST", "/v2.0/ports", {"port": asked})
    for part in ("ip_address=10.0.7.77", "ip_address_substr=0.7.7"):
        found = await http.json(200, "GET", f"/v2.0/ports?network_id={network}&fixed_ips={quote(part)}")
        assert [port["id"] for port in found["ports"]] == [made["port"]["id"]]
    none = await http.json(200, "GET", f"/v2.0/ports?network_id={network}&fixed_ips=ip_address%3D10.0.7.7")
    assert none == {"ports": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/v2.0/ports", None, "Unable to find 'port' in request body"),
        ("POST", "/v2.0/ports", b"{", "Body contains invalid data: "),
        ("POST", "/v2.0/ports", {"port": {}}, "Failed to parse request. Required attribute 'network_id' not"),
        ("POST", "/v2.0/ports", {"port": {"spam": 1}}, "Unrecognized attribute(s) 'spam'"),
        ("PUT", f"/v2.0/ports/{ABSENT}", {"ports": []}, "Bulk operation not supported"),
        ("DELETE", f"/v2.0/ports/{ABSENT}", {}, "Request body is not supported in DELETE."),
        ("GET", "/v2.0/ports?spam=1", None, "['spam'] is invalid attribute for filtering"),
        ("GET", "/v2.0/ports?limit=x", None, "Bad limit request: Limit must be an integer 0 or greater"),
    ],
)
async def test_a_bad_request_is_400_in_neutrons_words(
    http: Http, method: str, path: str, body: Any, message: str
) -> None:
    answer = await http(method, path, body)
    assert answer.status == 400
    assert answer.error()[1].startswith(message)


async def test_the_server_is_ready(http: Http) -> None:
    assert await http.json(200, "GET", "/readyz") == {"ready": True, "reason": ""}
    assert await http.json(200, "GET", "/healthz") == {"alive": True}
