"""Lists: filters, fields, order, pages, and that a long one never holds the loop."""

import asyncio
import gc
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, field

from ovnest.api.listing import Item, Shown, list_response
from ovnest.api.query import Attribute, attributes_of, read_query
from ovnest.api.slices import Slices
from ovnest.errors import InvalidInput
from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.query import BadQuery
from tests.kinds import RESOURCES

MARCH = "2026-03-01T10:00:00Z"
URL = "http://api.example.org/v2.0/things"


class Address(Struct, frozen=True):
    subnet_id: str
    ip_address: str | None


class Thing(Struct, frozen=True, kw_only=True):
    id: str
    name: str = ""
    size: int = 0
    up: bool = True
    gateway: str | None = None
    external: bool = field(default=False, name="router:external")
    mac_address: str = "fa:16:3e:00:00:01"
    fixed_ips: tuple[Address, ...] = ()
    dns_nameservers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    updated_at: str = "2026-01-01T00:00:00Z"
    profile: dict[str, Any] = {}


async def answer(
    items: Iterable[Item], pairs: Iterable[tuple[str, str]], marker: Item | None = None
) -> dict[str, Any]:
    query = read_query(pairs, attributes_of(Thing))
    response = await list_response(items, query, plural="things", url=URL, slices=Slices(), marker=marker)
    assert response.status == 200
    body = response.body
    if not isinstance(body, bytes):
        body = b"".join([chunk async for chunk in body])
    value: dict[str, Any] = msgspec.json.decode(body)
    return value


def seen(things: Iterable[Thing], hidden: frozenset[str] = frozenset()) -> list[Item]:
    return [Shown(thing, hidden) for thing in things]


async def ids(things: Iterable[Thing], *pairs: tuple[str, str]) -> str:
    listed = await answer(seen(things), pairs)
    assert listed.keys() == {"things"}
    return "".join(thing["id"] for thing in listed["things"])


THINGS = [
    Thing(id="a", name="web", size=1, fixed_ips=(Address("s1", "10.0.0.5"), Address("s2", "fd00::5"))),
    Thing(id="b", name="db", size=2, up=False, gateway="10.0.0.1", tags=("red", "big")),
    Thing(id="c", size=3, external=True, fixed_ips=(Address("s1", "10.0.0.51"),), tags=("red",)),
    Thing(id="d", name="web", size=2, dns_nameservers=("1.1.1.1", "9.9.9.9"), updated_at=MARCH),
]


@pytest.mark.parametrize(
    ("pairs", "found"),
    [
        ([], "abcd"),
        ([("name", "web")], "ad"),
        ([("name", "web"), ("name", "db")], "abd"),
        ([("name", "web"), ("size", "2")], "d"),
        ([("name", "")], "c"),
        ([("name", "we")], ""),
        ([("up", "False")], "b"),
        ([("up", "0"), ("up", "TRUE")], "abcd"),
        ([("router:external", "true")], "c"),
        ([("size", "2"), ("size", "3")], "bcd"),
        ([("gateway", "10.0.0.1")], "b"),
        ([("gateway", "")], ""),
        ([("mac_address", "FA:16:3E:00:00:01"), ("id", "a")], "a"),
        ([("dns_nameservers", "9.9.9.9"), ("dns_nameservers", "8.8.8.8")], "d"),
        ([("fixed_ips", "ip_address=10.0.0.5")], "a"),
        ([("fixed_ips", "ip_address = 10.0.0.5")], "a"),
        ([("fixed_ips", "ip_address=10.0.0.5"), ("fixed_ips", "ip_address=10.0.0.51")], "ac"),
        ([("fixed_ips", "ip_address_substr=10.0.0.5")], "ac"),
        ([("fixed_ips", "subnet_id=s1"), ("fixed_ips", "ip_address_substr=fd00")], "a"),
        ([("fixed_ips", "subnet_id=s3")], ""),
        ([("tags", "red")], "bc"),
        ([("tags", "red,big")], "b"),
        ([("tags", "red"), ("tags", "big")], "b"),
        ([("tags-any", "big,small")], "b"),
        ([("not-tags", "red,big")], "acd"),
        ([("not-tags-any", "red,big")], "ad"),
        ([("changed_since", "2026-02-01T00:00:00Z")], "d"),
        ([("changed_since", "2026-03-01T11:00:00+01:00")], "d"),
        ([("changed_since", "2026-03-01T10:00:01")], ""),
        ([("sort_key", "size"), ("sort_dir", "asc")], "abdc"),
        ([("sort_key", "size"), ("sort_dir", "desc")], "cbda"),
        ([("sort_key", "size"), ("sort_dir", "desc"), ("sort_key", "name"), ("sort_dir", "desc")], "cdba"),
        ([("sort_key", "gateway"), ("sort_dir", "asc")], "acdb"),
        ([("sort_key", "gateway"), ("sort_dir", "desc")], "bacd"),
        ([("sort_key", "id"), ("sort_dir", "desc")], "dcba"),
        ([("marker", "b")], "abcd"),
        ([("limit", "0")], "abcd"),
    ],
)
async def test_a_query_finds(pairs: list[tuple[str, str]], found: str) -> None:
    assert await ids(reversed(THINGS), *pairs) == found


@pytest.mark.parametrize(
    ("pairs", "kind", "message"),
    [
        ([("spam", "1")], HTTPBadRequest, "['spam'] is invalid attribute for filtering"),
        (
            [("x", "1"), ("name", "a"), ("y", "2")],
            HTTPBadRequest,
            "['x', 'y'] is invalid attribute for filtering",
        ),
        ([("profile", "a")], HTTPBadRequest, "['profile'] is invalid attribute for filtering"),
        ([("fixed_ips", "mac=1")], HTTPBadRequest, "['fixed_ips=mac'] is invalid attribute for filtering"),
        (
            [("fixed_ips", "10.0.0.5")],
            InvalidInput,
            "Invalid input for operation: '10.0.0.5' is not of the form <key>=[value].",
        ),
        (
            [("up", "maybe")],
            InvalidInput,
            "Invalid input for operation: 'maybe' cannot be converted to boolean.",
        ),
        ([("size", "")], InvalidInput, "Invalid input for operation: '' is not an integer."),
        ([("size", "1.0")], InvalidInput, "Invalid input for operation: '1.0' is not an integer."),
        (
            [("changed_since", "yesterday")],
            InvalidInput,
            "Invalid input for operation: The input changed_since must be in the following format: "
            "YYYY-MM-DDTHH:MM:SSZ.",
        ),
        ([("sort_key", "name")], HTTPBadRequest, "The number of sort_keys and sort_dirs must be same"),
        (
            [("sort_key", "spam"), ("sort_dir", "asc")],
            HTTPBadRequest,
            "['spam'] is invalid attribute for sort_keys",
        ),
        (
            [("sort_key", "tags"), ("sort_dir", "asc")],
            HTTPBadRequest,
            "['tags'] is invalid attribute for sort_keys",
        ),
        (
            [("sort_key", "name"), ("sort_dir", "up")],
            HTTPBadRequest,
            "['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'",
        ),
        (
            [("limit", "-1")],
            BadQuery,
            "Bad limit request: Limit must be an integer 0 or greater and not '-1'.",
        ),
        (
            [("limit", "ten")],
            BadQuery,
            "Bad limit request: Limit must be an integer 0 or greater and not 'ten'.",
        ),
    ],
)
def test_a_query_that_cannot_be_is_refused_in_neutrons_words(
    pairs: list[tuple[str, str]], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        read_query(pairs, attributes_of(Thing))
    assert str(caught.value) == message


async def test_fields_choose_what_is_shown_and_unknown_ones_are_let_pass() -> None:
    listed = await answer(
        seen(THINGS[:1]), [("fields", "size"), ("fields", "router:external"), ("fields", "x")]
    )
    assert listed["things"] == [{"size": 1, "router:external": False}]
    everything = await answer(seen(THINGS[:1]), [("fields", "")])
    assert msgspec.convert(everything["things"], list[Thing]) == THINGS[:1]


async def test_what_is_hidden_is_neither_shown_nor_filtered_nor_sorted_by() -> None:
    things = seen(THINGS, frozenset({"size", "fixed_ips"}))
    listed = await answer(things, [])
    assert all(
        thing.keys() == attributes_of(Thing).keys() - {"size", "fixed_ips"} for thing in listed["things"]
    )
    assert (await answer(things, [("size", "1")]))["things"] == []
    assert (await answer(things, [("fixed_ips", "subnet_id=s1")]))["things"] == []
    by_size = await answer(things, [("sort_key", "size"), ("sort_dir", "desc")])
    assert [thing["id"] for thing in by_size["things"]] == ["a", "b", "c", "d"]


# Pages


def links(listed: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    for link in listed["things_links"]:
        assert link["href"].startswith(URL + "?")
    return {link["rel"]: parse_qsl(urlsplit(link["href"]).query) for link in listed["things_links"]}


async def test_pages_have_links_to_their_neighbours() -> None:
    given = [("limit", "2"), ("fields", "id"), ("marker", "b"), ("page_reverse", "False")]
    listed = await answer(seen(THINGS), given, Shown(THINGS[1], frozenset()))
    assert [thing["id"] for thing in listed["things"]] == ["c", "d"]
    assert links(listed) == {
        "next": [("limit", "2"), ("fields", "id"), ("marker", "d")],
        "previous": [("limit", "2"), ("fields", "id"), ("marker", "c"), ("page_reverse", "True")],
    }


async def test_the_last_page_has_no_next_and_the_first_in_reverse_no_previous() -> None:
    last = await answer(seen(THINGS), [("limit", "2"), ("marker", "c")], Shown(THINGS[2], frozenset()))
    assert [thing["id"] for thing in last["things"]] == ["d"]
    assert links(last).keys() == {"previous"}
    first = await answer(
        seen(THINGS),
        [("limit", "2"), ("marker", "b"), ("page_reverse", "true")],
        Shown(THINGS[1], frozenset()),
    )
    assert [thing["id"] for thing in first["things"]] == ["a"]
    assert links(first).keys() == {"next"}


things_lists = st.lists(
    st.builds(
        Thing,
        id=st.text("abcdef", min_size=1, max_size=4),
        name=st.sampled_from(["", "x", "y"]),
        size=st.integers(0, 2),
        gateway=st.sampled_from([None, "", "g"]),
    ),
    unique_by=lambda thing: thing.id,
    max_size=12,
)
sort_keys = st.lists(
    st.tuples(st.sampled_from(["name", "size", "gateway", "id"]), st.sampled_from(["asc", "desc"])),
    max_size=3,
    unique_by=lambda sort: sort[0],
)


def in_order(things: list[Thing], sorts: list[tuple[str, str]]) -> list[str]:
    """What the order means, said the slow way: stable sorts from the last key to the first.

    `reverse` keeps equal ones in the order they had.
    """
    ordered = sorted(things, key=lambda thing: thing.id)
    for name, direction in reversed(sorts):
        ordered.sort(
            key=lambda thing: (getattr(thing, name) is not None, getattr(thing, name)),
            reverse=direction == "desc",
        )
    return [thing.id for thing in ordered]


@given(things_lists, sort_keys, st.integers(1, 5), st.booleans())
def test_all_pages_together_are_the_list(
    things: list[Thing], sorts: list[tuple[str, str]], limit: int, reverse: bool
) -> None:
    by_id = {thing.id: thing for thing in things}
    order = [pair for key, direction in sorts for pair in (("sort_key", key), ("sort_dir", direction))]

    async def walk() -> Iterator[list[str]]:
        pages = []
        pairs = [*order, ("limit", str(limit)), ("page_reverse", str(reverse))]
        while True:
            marker = dict(pairs).get("marker")
            item = Shown(by_id[marker], frozenset()) if marker else None
            listed = await answer(seen(things), pairs, item)
            pages.append([thing["id"] for thing in listed["things"]])
            link = links(listed).get("previous" if reverse else "next")
            if link is None or not pages[-1]:
                return iter(pages)
            assert len(pages) <= len(things) + 1
            pairs = link

    pages = list(asyncio.run(walk()))
    assert all(len(page) <= limit for page in pages)
    if reverse:
        pages.reverse()
    assert [key for page in pages for key in page] == in_order(things, sorts)


@given(things_lists, sort_keys)
def test_a_list_without_pages_is_in_the_same_order(things: list[Thing], sorts: list[tuple[str, str]]) -> None:
    order = [pair for key, direction in sorts for pair in (("sort_key", key), ("sort_dir", direction))]
    listed = asyncio.run(answer(seen(things), order))
    assert [thing["id"] for thing in listed["things"]] == in_order(things, sorts)


# Long lists


@pytest.fixture
def frozen_heap() -> Iterator[None]:
    """What the tests before have left is none of the collector's business: it would hold the loop itself."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen_heap")
@pytest.mark.parametrize("order", [[], [("sort_key", "size"), ("sort_dir", "desc")]])
async def test_a_long_list_is_whole_and_in_order_and_never_holds_the_loop(
    order: list[tuple[str, str]],
) -> None:
    count = 30_000
    items = (
        Shown(Thing(id=f"{number * 7919 % count:06}", size=number % 10), frozenset())
        for number in range(count)
    )
    longest_s = 0.0

    async def feel() -> None:
        nonlocal longest_s
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest_s = max(longest_s, time.perf_counter() - before)

    feeling = asyncio.create_task(feel())
    await asyncio.sleep(0)
    started = time.perf_counter()
    response = await list_response(
        items, read_query(order, attributes_of(Thing)), plural="things", url=URL, slices=Slices()
    )
    assert not isinstance(response.body, bytes)
    chunks = [chunk async for chunk in response.body]
    took_s = time.perf_counter() - started
    await asyncio.sleep(0)  # if it was held to the end, it is felt now
    feeling.cancel()

    assert longest_s < took_s / 5  # held for good it would be all of it; slices are a fiftieth
    things = msgspec.json.decode(b"".join(chunks))["things"]
    keys = [(-thing["size"] if order else 0, thing["id"]) for thing in things]
    assert len(keys) == count
    assert keys == sorted(keys)


# What can be asked of the resources there are


def test_attributes_are_read_from_the_structs_that_are_shown() -> None:
    attributes = attributes_of(Thing)
    assert attributes["router:external"] == Attribute(name="router:external", field="external", kind="bool")
    assert attributes["gateway"].kind == "str"
    assert attributes["fixed_ips"].parts == ("subnet_id", "ip_address")
    assert not attributes["profile"].filterable
    assert not attributes["tags"].sortable


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
def test_every_attribute_of_every_resource_has_a_kind(resource: Any) -> None:
    attributes = attributes_of(resource.body)
    assert next(iter(attributes)) == resource.key
    if resource.has_tags:
        assert {"id", "name", "project_id", "tenant_id", "updated_at", "tags"} <= attributes.keys()
    assert attributes[resource.key].filterable
    assert attributes[resource.key].sortable
