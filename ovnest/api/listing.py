"""Lists: filtered, in order, by pages, encoded and streamed in slices, so that the loop is never held long.

The rows of a list are a snapshot that its caller took. They are sorted in runs, which are merged while they
are encoded, since sorting 100,000 rows at once would hold the loop for 50 ms. The order is always whole: `id`
is its last key, so that pages neither repeat a row nor leave one out.

Source: neutron.api.api_common, PaginationNativeHelper and get_pagination_links.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from heapq import merge
from operator import attrgetter
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Struct

from ovnest.api.query import Attribute, Filter, Query, Sort, attributes_of
from ovnest.api.responses import Response
from ovnest.api.slices import Slices

_RUN = 512  # sorting one takes 2 ms at most
# An answer up to this size is sent with its length, a larger one in chunks of about this.
_CHUNK_BYTES = 64 * 1024


class Item(Protocol):
    """One resource as a list asks for it."""

    @property
    def id(self) -> str:
        """What it is known by: the last key of every order."""

    @property
    def hidden(self) -> frozenset[str]:
        """The attributes that the caller may not see."""

    def is_there(self) -> bool:
        """Whether it can be shown; what is not is left out."""

    def value(self, attribute: Attribute) -> Any:
        """The value of an attribute."""

    def text(self, fields: frozenset[str]) -> bytes | None:
        """It as JSON, of that only `fields`, if any are named; None as `is_there` says."""


class Shown(Struct, frozen=True, gc=False):
    """One resource as it is shown, and the attributes of it that the caller may not see."""

    body: Struct
    hidden: frozenset[str]
    key: str = "id"

    @property
    def id(self) -> str:
        """See `Item`."""
        key: str = getattr(self.body, self.key)
        return key

    def is_there(self) -> bool:
        """See `Item`."""
        return True

    def value(self, attribute: Attribute) -> Any:
        """See `Item`."""
        return getattr(self.body, attribute.field)

    def text(self, fields: frozenset[str]) -> bytes:
        """See `Item`."""
        body, hidden = self.body, self.hidden
        if not fields and not hidden:
            return msgspec.json.encode(body)
        values = (
            (name, getattr(body, attribute.field))
            for name, attribute in attributes_of(type(body)).items()
            if name not in hidden and (not fields or name in fields)
        )
        return msgspec.json.encode({name: value for name, value in values if value is not UNSET})


class _Entry(Struct, frozen=True, gc=False):
    key: Any
    item: Item


_KEY = attrgetter("key")


class _Descending:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Self) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]  # a key of an order, never of a mapping


async def list_response(
    items: Iterable[Item],
    query: Query,
    *,
    plural: str,
    url: str,
    slices: Slices,
    marker: Item | None = None,
    project_id: str = "",
) -> Response:
    """The answer to a list request: those of `items` that match, as `query` wants them.

    `url` is the list's own, for links to other pages; `marker` is what the query names as its marker;
    `slices` are those of the process.
    """
    runs = await _collect(items, query, marker, slices)
    chunks = _encoded(runs, query, plural, url, slices)
    first = b""
    async for chunk in chunks:
        if first:
            return _response(_chained(first + chunk, chunks), project_id)
        first = chunk
    return _response(first, project_id)


async def _collect(
    items: Iterable[Item], query: Query, marker: Item | None, slices: Slices
) -> list[list[_Entry]]:
    """The items that match, in sorted runs; of a page just the first `limit`, in one run."""
    key_of = _key_maker(query)
    after = key_of(marker) if marker is not None else None
    looks_inside = bool(query.filters or query.sorts)
    runs: list[list[_Entry]] = []
    run: list[_Entry] = []
    with slices.work() as slice_:
        for item in items:
            await slice_.pause_if_over()
            if looks_inside and not item.is_there():
                continue
            if query.filters and not _matches(item, query.filters):
                continue
            key = key_of(item)
            if after is not None and not after < key:
                continue
            if query.limit is not None and not looks_inside and not item.is_there():
                continue  # it would leave a page too short, which means that it is the last
            run.append(_Entry(key, item))
            if query.limit is not None and len(run) >= max(_RUN, 2 * query.limit):
                run.sort(key=_KEY)
                del run[query.limit :]
            elif query.limit is None and len(run) >= _RUN:
                run.sort(key=_KEY)
                runs.append(run)
                run = []
    run.sort(key=_KEY)
    if query.limit is not None:
        del run[query.limit :]
    return [*runs, run]


def _matches(item: Item, filters: Sequence[Filter]) -> bool:
    for condition in filters:
        attribute = condition.attribute
        if attribute.name in item.hidden or not condition.matches(item.value(attribute)):
            return False
    return True


def _key_maker(query: Query) -> Callable[[Item], Any]:
    """What orders an item: the wanted keys, then `id`. Pages in reverse go through the reverse order."""
    reverse = query.page_reverse
    sorts = query.sorts
    if not sorts and not reverse:
        return attrgetter("id")
    sorted_by_id = any(sort.attribute.name == "id" for sort in sorts)

    def key_of(item: Item) -> Any:
        parts = [_part(item, sort, reverse) for sort in sorts]
        if not sorted_by_id:
            parts.append(_Descending(item.id) if reverse else item.id)
        return tuple(parts)

    return key_of


def _part(item: Item, sort: Sort, reverse: bool) -> Any:
    attribute = sort.attribute
    value = None if attribute.name in item.hidden else item.value(attribute)
    if value is UNSET:
        value = None
    ordered = (value is not None, value)  # null comes before everything
    return ordered if sort.ascending is not reverse else _Descending(ordered)


async def _encoded(
    runs: list[list[_Entry]], query: Query, plural: str, url: str, slices: Slices
) -> AsyncIterator[bytes]:
    """The list's JSON, in chunks."""
    is_page = query.limit is not None
    if is_page and query.page_reverse:
        runs[0].reverse()
    ordered = merge(*map(_used_up, runs), key=_KEY) if len(runs) > 1 else _used_up(runs[0])
    first_id = last_id = None
    count = 0
    separator = b""
    buffer = bytearray(b'{"%b":[' % plural.encode())
    with slices.work() as slice_:
        for entry in ordered:
            if not count:
                first_id = entry.item.id
            last_id = entry.item.id
            count += 1
            text = entry.item.text(query.fields)
            if text is not None:
                buffer += separator
                buffer += text
                separator = b","
            if len(buffer) >= _CHUNK_BYTES:
                yield bytes(buffer)
                buffer.clear()
            await slice_.pause_if_over()
    buffer += b"]"
    if is_page:
        links = _links(query, url, first_id, last_id, count)
        buffer += b',"%b_links":%b' % (plural.encode(), msgspec.json.encode(links))
    buffer += b"}"
    yield bytes(buffer)


def _used_up(run: list[_Entry]) -> Iterator[_Entry]:
    """The entries of a run, each forgotten as it is given: to forget 50,000 at once takes 50 ms."""
    run.reverse()
    while run:
        yield run.pop()


def _links(query: Query, url: str, first: str | None, last: str | None, count: int) -> list[dict[str, str]]:
    """Links to the next and previous page, where there may be one."""
    is_short = query.limit is not None and count < query.limit
    links = []
    if query.page_reverse or not is_short:
        links.append({"rel": "next", "href": _page_url(query, url, last, reverse=False)})
    if not query.page_reverse or not is_short:
        links.append({"rel": "previous", "href": _page_url(query, url, first, reverse=True)})
    return links


def _page_url(query: Query, url: str, marker: str | None, *, reverse: bool) -> str:
    pairs = [(name, value) for name, value in query.pairs if name not in ("marker", "page_reverse")]
    if marker is not None:
        pairs.append(("marker", marker))
    if reverse:
        pairs.append(("page_reverse", "True"))
    return f"{url}?{urlencode(pairs)}"


def _response(body: bytes | AsyncIterator[bytes], project_id: str) -> Response:
    headers = {"Content-Type": "application/json"}
    return Response(status=200, headers=headers, body=body, project_id=project_id)


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
