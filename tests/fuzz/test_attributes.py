"""Every attribute of every resource is given what it cannot be: a 400 that names it, and nothing changed.

The table is the registry: what an attribute may be is read from the type that its Struct declares.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec import Struct, inspect

from tests.fuzz.conftest import Target, attacked
from tests.fuzz.test_bodies import assert_refused
from tests.fuzz.things import BY_NAME, Things
from tests.kinds import WHOLE, path_of

pytestmark = [pytest.mark.fuzz, pytest.mark.asyncio(loop_scope="module")]

LONG = "x" * 10_000
NAMES_OF_NO_PORT: list[Any] = [None, "", "x", 5, {}, []]
TAGS_THAT_ARE_NONE: list[Any] = [-1, 4095, "x", 1.5, None]
WRONG: dict[type, list[Any]] = {
    str: [True, 0, 5, 1.5, [], ["x"], {}, {"a": 1}, LONG],
    bool: ["", "maybe", "yes", "2", 2, -1, 0.5, 1.0, [], [True], {}, LONG],
    int: [
        "",
        "x",
        "1.0",
        "0x10",
        "1e3",
        " 1",
        "1_0",
        "١",
        True,
        1.0,
        1.5,
        [],
        [1],
        {},
        2**62,
        -(2**63),
        "9" * 30,
    ],
    tuple: ["", "x", True, 5, 1.5, {}, {"a": 1}, [5], [True], [[]], [1.5], [{"spam": 1}], LONG],
    dict: ["", "x", True, 5, 1.5, [], [1], LONG, {"a": LONG}],
}
# Neutron turns what these are given into something: null into the default, 1 into true.
EVERYTHING: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, -(2**63), 1.5, 1e308, -0.0),
    *(
        "",
        " ",
        "x",
        "0",
        "-1",
        "null",
        "\n",
        "\t",
        "'",
        '"',
        "\\",
        "{}",
        "[]",
        "%s%n",
        "{0}",
        "${x}",
        "../..",
    ),
    *("\u202e", "\u2028", "\ufeff", "\U0001f600" * 255, LONG, "00000000-0000-4000-8000-000000000000"),
    *("192.0.2.1", "192.0.2.0/24", "0.0.0.1", "0.0.0.0/0", "255.255.255.255", "::", "::/0", "::1"),
    *("fe80::1%eth0", "::ffff:192.0.2.1", "224.0.0.1", "ff02::1", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"),
    *([], [None], [""], ["x"], [[]], [{}], [{"a": "b"}], ["x"] * 1000, ["192.0.2.1", "192.0.2.1"]),
    *(
        [{"ip_address": None}],
        [{"subnet_id": None}],
        [{"ip_address": "192.0.2.300"}],
        [{"ip_address": "::1"}],
    ),
    *([{"start": "192.0.2.9", "end": "192.0.2.1"}], [{"start": "::1", "end": "192.0.2.1"}], [{"start": "x"}]),
    *([{"destination": "192.0.2.0/33", "nexthop": "x"}], [{"destination": "::/0", "nexthop": "192.0.2.1"}]),
    *([{"opt_name": "", "opt_value": ""}], [{"opt_name": "mtu", "opt_value": "x"}], [{"opt_name": "a b"}]),
    *({}, {"": ""}, {"a": None}, {"a": [{}]}, {"tag": 1}, {"tag": None}, {"capabilities": ["switchdev"]}),
    *({"parent_name": each} for each in NAMES_OF_NO_PORT),
    *({"parent_name": "x", "tag": each} for each in TAGS_THAT_ARE_NONE),
    *({"vtep-physical-switch": each, "vtep-logical-switch": each} for each in (1, "", "x", None)),
]


KINDS: dict[type[inspect.Type], type] = {
    inspect.StrType: str,
    inspect.LiteralType: str,
    inspect.BoolType: bool,
    inspect.IntType: int,
    inspect.VarTupleType: tuple,
    inspect.DictType: dict,
}
NOTHING = (inspect.NoneType, inspect.CustomType)  # null, and a field left out


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with attacked(tmp_path_factory.mktemp("attributes")) as target:
        yield target


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def things(target: Target) -> Things:
    return await Things.make(target.http)


def kinds(struct: type[Struct]) -> Iterator[tuple[str, type]]:
    """The attributes that a request may have, and what each is: str, bool, int, tuple or dict."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        members = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        (kind,) = {KINDS[type(member)] for member in members if not isinstance(member, NOTHING)}
        yield field.encode_name, kind


REQUESTS = [(resource.singular, verb) for resource in WHOLE for verb in ("create", "update")]


def _request(things: Things, one: str, verb: str) -> tuple[str, str, type[Struct], dict[str, Any]]:
    resource = BY_NAME[one]
    assert resource.create is not None
    assert resource.update is not None
    if verb == "create":
        return "POST", path_of(one), resource.create, things.good(one)
    return "PUT", things.path(one), resource.update, {"name": "changed"}


@pytest.mark.parametrize(("one", "verb"), REQUESTS)
async def test_an_attribute_of_the_wrong_type_is_400_that_names_it(
    target: Target, things: Things, one: str, verb: str
) -> None:
    method, path, struct, good = _request(things, one, verb)
    tried = 0
    async with target.unchanged():
        for name, kind in kinds(struct):
            for value in WRONG[kind]:
                answer = await target.http(method, path, {one: {**good, name: value}})
                said = f"{method} {one} {name}={str(value)[:40]!r}"
                assert_refused(said, answer)
                assert name in answer.message, f"{said}: {answer.message}"
                tried += 1
    print(f"{one} {verb}: {tried} wrong values")
    least = min(map(len, WRONG.values()))
    assert tried >= least * len(struct.__struct_fields__) > 0


@pytest.mark.parametrize(("one", "verb"), REQUESTS)
async def test_an_attribute_that_there_is_not_is_400_that_names_it(
    target: Target, things: Things, one: str, verb: str
) -> None:
    method, path, _, good = _request(things, one, verb)
    resource = BY_NAME[one]
    allowed = set(resource.create_coercions if verb == "create" else resource.update_coercions)
    shown = {field.encode_name for field in msgspec.structs.fields(resource.body)}
    names = [
        *sorted(shown - allowed),
        *(
            "spam",
            "",
            " ",
            "NAME",
            " name",
            "name ",
            "name\u200b",
            "__class__",
            "__proto__",
            "binding_profile",
        ),
        *("constructor", one, f"{one}s", "fields", "$ref", "\U0001f600", "x" * 1000),
    ]
    async with target.unchanged():
        for name in names:
            answer = await target.http(method, path, {one: {**good, name: "x"}})
            assert_refused(f"{method} {one} {name!r}", answer)
            assert name in answer.message


@pytest.mark.parametrize(("one", "verb"), REQUESTS)
async def test_whatever_an_attribute_is_given_it_is_taken_or_refused_clearly(
    target: Target, one: str, verb: str
) -> None:
    things = await Things.make(target.http, vlan=100 + REQUESTS.index((one, verb)))
    method, path, struct, good = _request(things, one, verb)
    statuses = []
    made = []
    for name, _ in kinds(struct):
        for value in EVERYTHING:
            answer = await target.http(method, path, {one: {**good, name: value}})
            if answer.status in (200, 201):
                made.append(answer.body[one]["id"])
                if verb == "create":  # a subnet would be in the next one's way
                    await target.http.json(204, "DELETE", path_of(one, made[-1]))
            else:
                assert_refused(f"{method} {one} {name}={str(value)[:40]!r}", answer, 400, 404, 409)
            statuses.append(answer.status)
    print(f"{one} {verb}: {len(statuses)} values, {len(made)} of them taken")
    assert len(made) > len(statuses) // 20, "the request itself is wrong, so nothing was tried"
