"""Paths, methods, headers and queries that mean mischief: a clear 4xx, and nothing changed."""

import asyncio
from collections.abc import AsyncIterator
from http.client import HTTPConnection
from urllib.parse import quote, urlsplit

import pytest
import pytest_asyncio

from tests.fuzz.conftest import Target, attacked
from tests.fuzz.test_bodies import assert_refused
from tests.fuzz.things import Things

pytestmark = [pytest.mark.fuzz, pytest.mark.asyncio(loop_scope="module")]

ABSENT = "00000000-0000-4000-8000-000000000000"
NO_IDS = (
    *(
        "",
        "x",
        "1",
        "-1",
        "null",
        "None",
        "*",
        "%",
        ".",
        "..",
        "%20",
        "%00",
        "%0a",
        "%25",
        "%2e%2e",
        "%c0%af",
    ),
    *("%2fetc%2fpasswd", "..%2f..%2fetc", "{id}", "$(id)", "';--", "%F0%9F%98%80", ABSENT, ABSENT.upper()),
    *(
        ABSENT.replace("-", ""),
        f"{{{ABSENT}}}",
        f"urn:uuid:{ABSENT}",
        f"{ABSENT}%00",
        f" {ABSENT}"[1:] + "%20",
    ),
    *("detail", "new", "tags", "default", ";type=x", "x" * 4000),
)
NO_PATHS = (
    *(
        "/v2.0/..",
        "/v2.0/../v2.0/ports",
        "/v2.0/./ports",
        "/v2.0//ports",
        "//v2.0/ports",
        "/v2.0/ports/../ports",
    ),
    *(
        "/v2.0%2fports",
        "/v2.0/ports%2f..",
        "/v2.0/%70orts%2f",
        "/v2.0/ports;x",
        "/v2.0/ports.xml",
        "/v2.0/PORTS",
    ),
    *("/V2.0/ports", "/v2.0/ports.json.json", "/v2.0/port", "/v2.0/portss", "/v2.0/ports ", "/v2.0/ports%00"),
    *(
        "/v2",
        "/v2.1/ports",
        "/v3",
        "/v2.0/routers",
        "/v2.0/security-groups",
        "/networks",
        "/admin",
    ),
    *(
        "/.git/config",
        "/healthz/x",
        "/readyz/..",
        "/v2.0/extensions/x",
        "/v2.0/extensions/..",
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with attacked(tmp_path_factory.mktemp("paths")) as target:
        yield target


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def things(target: Target) -> Things:
    return await Things.make(target.http)


async def test_what_is_no_path_is_404(target: Target, things: Things) -> None:
    async with target.unchanged():
        for path in NO_PATHS:
            encoded = path.replace(" ", "%20")
            for method in ("GET", "POST", "PUT", "DELETE"):
                body = {"port": things.good("port")} if method in ("POST", "PUT") else None
                answer = await target.http(method, encoded, body)
                statuses = (404,) if method == "GET" else (404, 405)
                assert_refused(f"{method} {path}", answer, *statuses)


async def test_what_is_no_id_is_404(target: Target, things: Things) -> None:
    others = [
        (kind, things.ids[other]) for kind in things.ids for other in things.ids if other[:4] != kind[:4]
    ]
    async with target.unchanged():
        for kind in ("network", "subnet", "port"):
            wrong = [
                *NO_IDS[1:],
                *(key for name, key in others if name == kind and key != things.ids["child"]),
            ]
            for key in wrong:
                path = f"/v2.0/{kind}s/{quote(key, safe='%')}"
                for method in ("GET", "PUT", "DELETE"):
                    body = {kind: {"name": "x"}} if method == "PUT" else None
                    assert_refused(f"{method} {path}", await target.http(method, path, body), 400, 404)
                    for below in ("tags", "tags/x"):
                        said = f"{method} {path}/{below}"
                        tags = {"tags": ["x"]} if (method, below) == ("PUT", "tags") else None
                        assert_refused(said, await target.http(method, f"{path}/{below}", tags), 400, 404)


async def test_an_encoded_slash_is_no_separator(target: Target, things: Things) -> None:
    path = things.path("port")
    async with target.unchanged():
        for trick in (path.replace("/ports/", "/ports%2f"), f"{path}%2ftags", f"{path}%2Ftags%2Fx"):
            for method in ("GET", "PUT", "DELETE"):
                assert_refused(f"{method} {trick}", await target.http(method, trick, None), 404)
        assert_refused("a tag", await target.http("PUT", f"{path}/tags/a%2Fb"), 404)


async def test_rows_that_are_no_resource_have_no_path(target: Target, things: Things) -> None:
    """The port of a physical network, the ledger, a port's document: rows of the same tables."""
    rows = await target.rows("Logical_Switch_Port", "Copp", "DHCP_Options", "Logical_Switch")
    strangers = rows - set(things.ids.values())
    assert len(strangers) >= 3, strangers
    async with target.unchanged():
        for key in strangers:
            for kind in ("network", "subnet", "port"):
                for method in ("GET", "PUT", "DELETE"):
                    body = {kind: {"name": "x"}} if method == "PUT" else None
                    answer = await target.http(method, f"/v2.0/{kind}s/{key}", body)
                    assert_refused(f"{method} {kind} {key}", answer, 404)
                    referred = {"port": {**things.good("port"), "binding:profile": {"parent_name": key}}}
                    assert_refused(f"parent {key}", await target.http("POST", "/v2.0/ports", referred), 404)


async def test_a_method_that_there_is_not_is_405_and_says_which_there_are(
    target: Target, things: Things
) -> None:
    allowed = {
        "/": "GET, HEAD",
        "/v2.0": "GET, HEAD",
        "/v2.0/extensions": "GET, HEAD",
        "/openapi.json": "GET, HEAD",
        "/healthz": "GET, HEAD",
        "/v2.0/ports": "GET, HEAD, POST",
        things.path("port"): "DELETE, GET, HEAD, PUT",
        f"{things.path('port')}/tags": "DELETE, GET, HEAD, PUT",
        f"{things.path('port')}/tags/x": "DELETE, GET, HEAD, PUT",
    }
    methods = (
        "GET",
        "POST",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "COPY",
        "LOCK",
        "PROPFIND",
        "SEARCH",
    )
    async with target.unchanged():
        for path, names in allowed.items():
            for method in methods:
                if method not in names:
                    answer = await target.http(method, path)
                    assert_refused(f"{method} {path}", answer, 405)
                    assert answer.headers["allow"] == names
        for method in ("FOO", "get", "G\x00T", "", "POST /v2.0/ports HTTP/1.1\r\nHost: x\r\n\r\nGET"):
            raw = f"{method} /v2.0/ports HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            answer = await target.http.raw(raw)
            assert 400 <= answer.status < 500, f"{method!r}: {answer}"


async def test_a_method_by_another_name_is_not_obeyed(target: Target, things: Things) -> None:
    """Headers and parameters by which frameworks let a POST be a DELETE."""
    async with target.unchanged():
        path = things.path("port")
        for header in ("X_HTTP_Method_Override", "X_HTTP_Method", "X_Method_Override"):
            assert_refused(header, await target.http("POST", path, None, **{header: "DELETE"}), 405)
        await target.http.json(200, "GET", f"{path}?_method=DELETE")


async def test_headers_over_64_kib_or_too_many_are_431(target: Target, things: Things) -> None:
    async with target.unchanged():
        long = await target.http("GET", "/v2.0/ports", None, X_Long="x" * 70_000)
        assert_refused("one long header", long, 431)
        many = "".join(f"X-{number}: y\r\n" for number in range(500))
        raw = f"GET /v2.0/ports HTTP/1.1\r\nHost: localhost\r\n{many}\r\n".encode()
        assert_refused("500 headers", await target.http.raw(raw), 431)
        assert_refused("a long path", await target.http("GET", "/v2.0/ports/" + "x" * 70_000), 431)
        nearly = await target.http("GET", "/v2.0/ports/" + "x" * 60_000)
        assert_refused("a path of nearly 64 KiB", nearly, 404)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "limit=-1",
            "limit=x",
            "limit=1.5",
            "limit=%00",
            "limit=%D9%A1",
            "limit=9999999999999999999",
            "limit=",
        ),
        *("limit=1&marker=x", f"limit=1&marker={ABSENT}", "limit=1&marker=..", "limit=1&marker=%00"),
        *("sort_key=name", "sort_dir=asc", "sort_key=spam&sort_dir=asc", "sort_key=name&sort_dir=up"),
        *(
            "sort_key=fixed_ips&sort_dir=asc",
            "sort_key=id&sort_key=name&sort_dir=asc",
            "spam=1",
            "%00=1",
            "__class__=x",
        ),
        *(
            "admin_state_up=maybe",
            "admin_state_up=",
            "revision_number=x",
            "revision_number=1e3",
            "changed_since=x",
        ),
        *("fixed_ips=192.0.2.1", "fixed_ips=spam%3D1", "fixed_ips=", "fixed_ips=ip_address.__class__%3Dx"),
        *(
            "binding:profile=x",
            "binding%3Aprofile=parent_name%3Dx",
            "name=%FF",
            "name=%ED%A0%80",
            "%FF=1",
            "=x",
        ),
        *(
            "changed_since=9999-99-99T00:00:00Z",
            "changed_since=0001-01-01T00:00:00%2B23:59",
            "tenant=x",
            "ID=x",
        ),
    ],
)
async def test_a_query_that_cannot_be_is_refused(target: Target, things: Things, query: str) -> None:
    async with target.unchanged():
        assert_refused(query, await target.http("GET", f"/v2.0/ports?{query}"), 400, 404)


async def test_a_query_that_only_looks_dangerous_is_answered(target: Target, things: Things) -> None:
    ids = "&".join(f"id={ABSENT[:-4]}{number:04d}" for number in range(1200))
    harmless = (
        *(
            "",
            "&&&",
            "fields=",
            "fields=__class__",
            "fields=%00",
            "fields=id&fields=id",
            "name=",
            "name=%00",
            "name='",
        ),
        *(
            "name=%27%20OR%201=1--",
            "name=%E2%80%AE",
            f"id={ABSENT}&id=x",
            "id=%2e%2e",
            ids,
            "limit=0",
            "limit=1",
        ),
        *(
            "limit=99999999999",
            "marker=x",
            "page_reverse=maybe",
            "limit=1&page_reverse=True",
            "name=a&name=b",
        ),
        *(
            "tags=",
            "tags=,",
            "not-tags=x",
            "tags-any=%00",
            "changed_since=2020-01-01",
            "sort_key=",
            "name=%2B%26",
        ),
        "fixed_ips=ip_address%3D&fixed_ips=ip_address_substr%3D%25&fixed_ips=subnet_id%3D%00",
    )
    async with target.unchanged():
        for query in harmless:
            answer = await target.http("GET", f"/v2.0/ports?{query}")
            assert answer.status == 200, f"{query[:80]}: {answer.status} {answer.content[:200]!r}"
            assert answer.body["ports"] is not None


async def test_if_match_that_is_none_is_refused(target: Target, things: Things) -> None:
    async with target.unchanged():
        for value in ("x", "*", '"1"', "revision_number=", "revision_number=-1", "revision_number=1;", "1"):
            for method, body in (("PUT", {"port": {"name": "x"}}), ("DELETE", None)):
                answer = await target.http(method, things.path("port"), body, If_Match=value)
                assert_refused(f"{method} {value}", answer, 400)
        far = await target.http("DELETE", things.path("port"), None, If_Match="revision_number=" + "9" * 18)
        assert_refused("another revision", far, 412)


async def test_requests_that_can_be_read_in_two_ways_are_400(target: Target, things: Things) -> None:
    path = things.path("port")
    start = f"DELETE {path} HTTP/1.1\r\nHost: localhost\r\n"
    tricks = (
        "Content-Length: 0\r\nContent-Length: 10\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: -1\r\n",
        "Host: evil.example\r\n",
        " folded: x\r\n",
        "No colon\r\n",
        "Bad\x00name: x\r\n",
        "Name : x\r\n",
    )
    async with target.unchanged():
        for trick in tricks:
            answer = await target.http.raw(f"{start}{trick}\r\n".encode() + b"0\r\n\r\n")
            assert answer.status in (400, 501), f"{trick!r}: {answer}"
        for version in ("HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/9", "HTTQ/1.1", ""):
            answer = await target.http.raw(f"DELETE {path} {version}\r\nHost: localhost\r\n\r\n".encode())
            assert answer.status in (400, 505), f"{version!r}: {answer}"


async def test_a_web_page_or_a_stranger_is_403(target: Target, things: Things) -> None:
    async with target.unchanged():
        for headers in (
            {"Origin": "http://localhost"},
            {"Origin": "null"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Host": "evil.example"},
            {"Host": "127.0.0.1.evil.example"},
            {"Host": "localhost@evil.example"},
            {"Host": ""},
        ):
            answer = await target.http("DELETE", things.path("port"), None, **headers)
            assert_refused(str(headers), answer, 400, 403)


@pytest.mark.timeout(60)
async def test_a_slow_head_is_cut_off_and_others_are_served_meanwhile(target: Target, things: Things) -> None:
    async with target.unchanged():
        dripping = [asyncio.create_task(_drip(target)) for _ in range(20)]
        url = urlsplit(target.url)
        connection = HTTPConnection(url.hostname or "", url.port, timeout=10)
        for _ in range(50):
            await asyncio.to_thread(connection.request, "GET", "/v2.0/ports")
            answer = await asyncio.to_thread(connection.getresponse)
            assert answer.status == 200
            await asyncio.to_thread(answer.read)
        connection.close()
        answers = await asyncio.gather(*dripping)
    assert {answer.split(b" ")[1] for answer in answers} == {b"408"}


async def _drip(target: Target) -> bytes:
    """What is answered to somebody who sends a byte now and then, and never ends."""
    reader, writer = await target.http.connect()
    writer.write(b"GET /v2.0/ports HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    answer = asyncio.create_task(reader.read())
    while not (await asyncio.wait({answer}, timeout=0.5))[0]:
        writer.write(b"x")
    writer.close()
    return await answer
