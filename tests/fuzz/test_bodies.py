"""Bodies that are no JSON, or JSON that two readers read differently, or no request: each is a clear 400."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.fuzz.conftest import Target, attacked
from tests.fuzz.things import Things
from tests.http import Answer
from tests.kinds import WHOLE, path_of

pytestmark = [pytest.mark.fuzz, pytest.mark.asyncio(loop_scope="module")]

GOOD = '{"network_id": "00000000-0000-4000-8000-000000000000"}'
NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "blank": b" \n",
    "cut off": b'{"%s": {',
    "single quotes": b"{'%s': {}}",
    "a comment": b'{"%s": {} /* */}',
    "a comma too many": b'{"%s": {},}',
    "two documents": b'{"%s": {}}{"%s": {}}',
    "something after it": b'{"%s": {}} x',
    "NaN": b'{"%s": {"name": NaN}}',
    "Infinity": b'{"%s": {"name": -Infinity}}',
    "a number past every float": b'{"%s": {"name": 1e999}}',
    "an integer past every database": b'{"%s": {"name": 1' + b"0" * 400 + b"}}",
    "an integer of 100,000 digits": b'{"%s": {"name": ' + b"9" * 100_000 + b"}}",
    "a leading zero": b'{"%s": {"name": 01}}',
    "hexadecimal": b'{"%s": {"name": 0x10}}',
    "a key twice": b'{"%s": {"name": "a", "name": "b"}}',
    "a key twice, once escaped": b'{"%s": {"name": "a", "n\\u0061me": "b"}}',
    "the resource twice": b'{"%s": {}, "%s": {}}',
    "NUL escaped": b'{"%s": {"name": "a\\u0000b"}}',
    "NUL in a key": b'{"%s": {"name\\u0000": "b"}}',
    "NUL raw": b'{"%s": {"name": "a\x00b"}}',
    "a line break in a string": b'{"%s": {"name": "a\nb"}}',
    "half a surrogate pair": b'{"%s": {"name": "\\ud800"}}',
    "the other half": b'{"%s": {"name": "\\udc00\\ud800"}}',
    "half a pair in a key": b'{"%s": {"\\ud83d": 1}}',
    "half a pair, raw": b'{"%s": {"name": "\xed\xa0\x80"}}',
    "no UTF-8": b'{"%s": {"name": "\xff"}}',
    "overlong UTF-8": b'{"%s": {"name": "\xc0\xaf"}}',
    "a byte order mark": b'\xef\xbb\xbf{"%s": {}}',
    "a bad escape": b'{"%s": {"name": "\\x41"}}',
    "an array 1,000 deep": b'{"%s": {"name": ' + b"[" * 1000 + b"]" * 1000 + b"}}",
    "an object 1,000 deep": b'{"%s": {"name": ' + b'{"a":' * 1000 + b"1" + b"}" * 1001 + b"}",
    "100,000 brackets": b"[" * 100_000,
    "65 deep": b'{"%s": {"name": ' + b"[" * 63 + b"]" * 63 + b"}}",
    "XML": b"<%s/>",
    "a form": b"%s=1",
}
NO_REQUEST: dict[str, Any] = {
    "null": None,
    "a list": [],
    "a string": "x",
    "a number": 1,
    "true": True,
    "an empty object": {},
    "another resource": {"router": {}},
    "upper case": {"NETWORK": {}, "PORT": {}, "SUBNET": {}},
    "its id": {"id": "x"},
}
NO_RESOURCE: dict[str, Any] = {
    "null": None,
    "a list": [],
    "a string": "x",
    "a number": 1,
    "false": False,
    "itself, nested": "ITSELF",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with attacked(tmp_path_factory.mktemp("bodies")) as target:
        yield target


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def things(target: Target) -> Things:
    return await Things.make(target.http)


def assert_refused(said: str, answer: Answer, *statuses: int) -> None:
    """Fail unless it is a clear refusal: one of these statuses, and Neutron's form."""
    assert answer.status in (statuses or (400,)), f"{said}: {answer.status} {answer.content[:300]!r}"
    assert len(answer.message) >= 10, f"{said}: {answer.message}"


@pytest.mark.parametrize("resource", WHOLE, ids=lambda resource: resource.singular)
async def test_what_is_no_json_is_400_and_changes_nothing(
    target: Target, things: Things, resource: Any
) -> None:
    name = resource.singular.encode()
    async with target.unchanged():
        for said, template in NO_JSON.items():
            body = template.replace(b"%s", name)
            for method, path in (
                ("POST", path_of(resource.singular)),
                ("PUT", things.path(resource.singular)),
            ):
                answer = await target.http(method, path, body)
                assert_refused(f"{method} {said}", answer)
        for encoding in ("utf-16", "utf-32", "utf-7"):
            body = f'{{"{resource.singular}": {GOOD}}}'.encode(encoding)
            if encoding != "utf-7":
                assert_refused(encoding, await target.http("POST", path_of(resource.singular), body))


@pytest.mark.parametrize("resource", WHOLE, ids=lambda resource: resource.singular)
async def test_json_that_is_no_request_is_400_and_changes_nothing(
    target: Target, things: Things, resource: Any
) -> None:
    one, many = resource.singular, resource.plural
    good = things.good(one)
    update = {"name": "changed"}
    async with target.unchanged():
        for said, whole in NO_REQUEST.items():
            for method, path in (("POST", path_of(one)), ("PUT", things.path(one))):
                body = json.dumps(whole).encode()
                assert_refused(f"{method} {said}", await target.http(method, path, body))
        for said, inner in NO_RESOURCE.items():
            for method, path, fine in (("POST", path_of(one), good), ("PUT", things.path(one), update)):
                wrong = {one: fine} if inner == "ITSELF" else inner
                answer = await target.http(method, path, {one: wrong})
                assert_refused(f"{method} {one}: {said}", answer)
        bulks: list[Any] = [
            [],
            {},
            "x",
            None,
            good,
            [good, None],
            [good, "x"],
            [good, [good]],
            [good, {}] if resource.parent is not None else [good, {"spam": 1}],
            [good, {**good, "spam": 1}],
            [{one: good, "spam": 1}],
            [good] * 1001,
        ]
        for bulk in bulks:
            answer = await target.http("POST", path_of(one), {many: bulk})
            assert_refused(f"bulk {str(bulk)[:60]}", answer)
        both = {one: good, many: [good]}
        assert_refused("both", await target.http("POST", path_of(one), both))
        assert_refused("beside", await target.http("POST", path_of(one), {one: good, "spam": 1}))
        assert_refused("bulk update", await target.http("PUT", things.path(one), {many: [update]}))
        assert_refused("a body for DELETE", await target.http("DELETE", things.path(one), {one: update}))


async def test_tags_that_are_none_are_400_and_change_nothing(target: Target, things: Things) -> None:
    path = f"{things.path('port')}/tags"
    wrong: list[Any] = [
        {},
        {"tags": None},
        {"tags": "a"},
        {"tags": {"a": 1}},
        {"tags": [1]},
        {"tags": [None]},
        {"tags": [["a"]]},
        {"tags": ["a/b"]},
        {"tags": ["a,b"]},
        {"tags": [""]},
        {"tags": ["x" * 256]},
        {"tags": [str(n) for n in range(51)]},
        {"tags": ["a"], "spam": 1},
        [],
        None,
    ]
    async with target.unchanged():
        for body in wrong:
            answer = await target.http("PUT", path, json.dumps(body).encode())
            assert_refused(str(body)[:60], answer)
        for body in NO_JSON.values():
            answer = await target.http("PUT", path, body.replace(b'"%s": {"name": ', b'"tags": ['))
            assert_refused(repr(body[:60]), answer)
        assert_refused("a long tag", await target.http("PUT", f"{path}/{'x' * 256}"))
        assert_refused("a comma", await target.http("PUT", f"{path}/a%2Cb"))


async def test_a_body_that_is_packed_is_415_and_one_that_is_not_said_to_be_json_too(
    target: Target, things: Things
) -> None:
    body = json.dumps({"port": things.good("port")}).encode()
    async with target.unchanged():
        for coding in ("gzip", "deflate", "br", "compress", "zstd", "gzip, gzip", "x"):
            answer = await target.http("POST", "/v2.0/ports", gzip.compress(body), Content_Encoding=coding)
            assert_refused(coding, answer, 415)
        assert_refused("gzip, not said", await target.http("POST", "/v2.0/ports", gzip.compress(body)))
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"):
            answer = await target.http("POST", "/v2.0/ports", body, Content_Type=kind)
            assert_refused(kind, answer, 415)


async def test_a_body_over_1_mib_is_413_and_a_bulk_of_nearly_that_is_judged_item_by_item(
    target: Target, things: Things
) -> None:
    port = things.good("port")
    long = {"port": {**port, "description": "x" * 1024 * 1024}}
    async with target.unchanged():
        assert_refused("over 1 MiB", await target.http("POST", "/v2.0/ports", long), 413)
        almost = {"ports": [{**port, "description": "x" * 900}] * 900 + [{**port, "description": "x" * 256}]}
        assert_refused("nearly 1 MiB", await target.http("POST", "/v2.0/ports", almost))
