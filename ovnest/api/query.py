"""What a list request's query asks: filters, fields, order, page; read into a `Query`, or refused.

Everything that a resource shows can be filtered by, but for free mappings, and sorted by, but for lists and
mappings. A list of objects, such as a port's `fixed_ips`, is filtered by `fixed_ips=ip_address=192.0.2.5`.

Source: Neutron API reference, "Filtering and Column Selection", "Sorting", "Pagination";
neutron.api.api_common.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from msgspec import Struct, inspect

from ovnest.errors import InvalidInput
from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.query import BadQuery
from ovnest.resources.fields import boolean, integer

PAGE_MAX = 10_000  # of a larger page the rest is behind its link to the next
RESERVED = frozenset({"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"})
_SUBSTRING = "_substr"
_KINDS: dict[type[inspect.Type], str] = {
    inspect.StrType: "str",
    inspect.LiteralType: "str",
    inspect.IntType: "int",
    inspect.BoolType: "bool",
    inspect.DictType: "dict",
}

Matches = Callable[[Any], bool]


class Attribute(Struct, frozen=True, kw_only=True):
    """One attribute that a resource shows.

    `name` is its name at the wire, `field` that in the Struct; `kind` one of str, int, bool, list, dict;
    `parts` the names in a list's objects, empty for a list of strings.
    """

    name: str
    field: str
    kind: str
    parts: tuple[str, ...] = ()

    @property
    def filterable(self) -> bool:
        return self.kind != "dict"

    @property
    def sortable(self) -> bool:
        return self.kind in ("str", "int", "bool")


class Filter(Struct, frozen=True, kw_only=True):
    """One condition on one attribute's value."""

    attribute: Attribute
    matches: Matches


class Sort(Struct, frozen=True, kw_only=True):
    """One key of an order."""

    attribute: Attribute
    ascending: bool


class Query(Struct, frozen=True, kw_only=True):
    """A list request's query, understood.

    `fields` empty means all. `given` are the filters as they came, by name, for choosing an index;
    `pairs` the whole query, for links to other pages. `limit` None means no pages.
    """

    fields: frozenset[str]
    filters: tuple[Filter, ...]
    sorts: tuple[Sort, ...]
    limit: int | None
    marker: str | None
    page_reverse: bool
    given: dict[str, list[str]]
    pairs: tuple[tuple[str, str], ...]


@cache
def attributes_of(body: type[Struct]) -> dict[str, Attribute]:
    """The attributes that `body` shows, by their names at the wire, in order."""
    info = inspect.type_info(body)
    assert isinstance(info, inspect.StructType)  # noqa: S101  (narrows the type)
    attributes = (_attribute(field.encode_name, field.name, field.type) for field in info.fields)
    return {attribute.name: attribute for attribute in attributes}


def read_query(pairs: Iterable[tuple[str, str]], attributes: Mapping[str, Attribute]) -> Query:
    """The query of a list request for a resource with these attributes.

    Raises:
        HTTPBadRequest: it filters or sorts by what cannot be filtered or sorted by.
        InvalidInput: a filter's value is not of the attribute's kind.
        BadQuery: the limit is no number.
    """
    pairs = tuple(pairs)
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    given = {name: values[name] for name in values if name not in RESERVED}
    limit = _limit(values)
    return Query(
        fields=fields_of(pairs),
        filters=_filters(given, attributes),
        sorts=_sorts(values, attributes),
        limit=limit,
        marker=_last(values, "marker") if limit is not None else None,
        page_reverse=(_last(values, "page_reverse") or "").lower() == "true",
        given=given,
        pairs=pairs,
    )


def fields_of(pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The attributes that a list or show request wants, empty for all. Names that there are not may stand."""
    return frozenset(value for name, value in pairs if name == "fields" and value)


def _attribute(name: str, field: str, kind: inspect.Type) -> Attribute:
    if isinstance(kind, inspect.UnionType):
        kind = next(member for member in kind.types if not isinstance(member, inspect.NoneType))
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        item = kind.item_type
        parts = tuple(f.encode_name for f in item.fields) if isinstance(item, inspect.StructType) else ()
        return Attribute(name=name, field=field, kind="list", parts=parts)
    return Attribute(name=name, field=field, kind=_KINDS[type(kind)])


# Filters


def _filters(given: Mapping[str, Sequence[str]], attributes: Mapping[str, Attribute]) -> tuple[Filter, ...]:
    filters: list[Filter] = []
    unknown: list[str] = []
    for name, values in given.items():
        special = _SPECIAL.get(name)
        attribute = attributes.get(special[0] if special else name)
        if attribute is None or not attribute.filterable:
            unknown.append(name)
        elif special:
            filters.append(Filter(attribute=attribute, matches=special[1](values)))
        elif attribute.parts:
            filters += [Filter(attribute=attribute, matches=m) for m in _part_matches(attribute, values)]
        else:
            filters.append(Filter(attribute=attribute, matches=_value_matches(attribute, values)))
    if unknown:
        raise HTTPBadRequest(reason=f"{unknown} is invalid attribute for filtering")
    return tuple(filters)


def _value_matches(attribute: Attribute, values: Sequence[str]) -> Matches:
    """Any of the values; of a list, any of its items."""
    if attribute.kind == "bool":
        booleans = {_converted(boolean, value) for value in values}
        return lambda actual: actual in booleans
    if attribute.kind == "int":
        integers = {_converted(integer, value) for value in values}
        return lambda actual: actual in integers
    if attribute.name == "mac_address":
        macs = {value.lower().replace("-", ":") for value in values}
        return lambda actual: actual in macs
    strings = set(values)
    if attribute.kind == "list":
        return lambda actual: not strings.isdisjoint(actual)
    return lambda actual: actual in strings


def _part_matches(attribute: Attribute, values: Sequence[str]) -> list[Matches]:
    """One condition for each `part=value` there is; several values of one part are alternatives."""
    wanted: dict[str, set[str]] = {}
    for value in values:
        part, equals, text = (piece.strip() for piece in value.partition("="))
        if not part or not equals:
            raise InvalidInput(error_message=f"'{value}' is not of the form <key>=[value]")
        if part.removesuffix(_SUBSTRING) not in attribute.parts:
            raise HTTPBadRequest(reason=f"{[f'{attribute.name}={part}']} is invalid attribute for filtering")
        wanted.setdefault(part, set()).add(text)
    return [_part_matcher(part, texts) for part, texts in wanted.items()]


def _part_matcher(part: str, texts: set[str]) -> Matches:
    if not part.endswith(_SUBSTRING):
        return lambda items: any(_text(getattr(item, part)) in texts for item in items)
    name = part.removesuffix(_SUBSTRING)
    return lambda items: any(text in _text(getattr(item, name)) for item in items for text in texts)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _converted(convert: Callable[[Any], Any], value: str) -> Any:
    try:
        return convert(value)
    except ValueError as error:
        raise InvalidInput(error_message=str(error)) from error


def _tag_set(values: Sequence[str]) -> frozenset[str]:
    return frozenset(tag for value in values for tag in value.split(","))


def _has_all_tags(values: Sequence[str]) -> Matches:
    tags = _tag_set(values)
    return lambda actual: tags.issubset(actual)


def _has_any_tag(values: Sequence[str]) -> Matches:
    tags = _tag_set(values)
    return lambda actual: not tags.isdisjoint(actual)


def _not(make: Callable[[Sequence[str]], Matches]) -> Callable[[Sequence[str]], Matches]:
    def negated(values: Sequence[str]) -> Matches:
        matches = make(values)
        return lambda actual: not matches(actual)

    return negated


def _is_changed_since(values: Sequence[str]) -> Matches:
    try:
        moment = datetime.fromisoformat(values[0])
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (
        ValueError,
        OverflowError,
    ) as error:  # the second: in UTC it would be before year 1, or after 9999
        raise InvalidInput(
            error_message="The input changed_since must be in the following format: YYYY-MM-DDTHH:MM:SSZ"
        ) from error
    since = moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    return lambda actual: bool(actual >= since)  # as text: both have the one form that the API shows


# What each is for, for the OpenAPI document.
SPECIAL_FILTERS = {
    "tags": "having all of these tags, separated by commas",
    "tags-any": "having any of these tags, separated by commas",
    "not-tags": "not having all of these tags, separated by commas",
    "not-tags-any": "having none of these tags, separated by commas",
    "changed_since": "changed at or after this time, YYYY-MM-DDTHH:MM:SSZ",
}


# Filters with a name of their own: the attribute they look at, and what they ask of it.
# Source: neutron.objects.tag, neutron.services.timestamp.timestamp_db.
_SPECIAL: dict[str, tuple[str, Callable[[Sequence[str]], Matches]]] = {
    "tags": ("tags", _has_all_tags),
    "tags-any": ("tags", _has_any_tag),
    "not-tags": ("tags", _not(_has_all_tags)),
    "not-tags-any": ("tags", _not(_has_any_tag)),
    "changed_since": ("updated_at", _is_changed_since),
}


def filtered_by(name: str) -> str:
    """The attribute that a filter of that name looks at."""
    return _SPECIAL[name][0] if name in _SPECIAL else name


# Order and pages


def _sorts(values: Mapping[str, Sequence[str]], attributes: Mapping[str, Attribute]) -> tuple[Sort, ...]:
    keys = [value for value in values.get("sort_key", ()) if value]
    directions = [value for value in values.get("sort_dir", ()) if value]
    if len(keys) != len(directions):
        raise HTTPBadRequest(reason="The number of sort_keys and sort_dirs must be same")
    unknown = [key for key in keys if key not in attributes or not attributes[key].sortable]
    if unknown:
        raise HTTPBadRequest(reason=f"{unknown} is invalid attribute for sort_keys")
    wrong = [direction for direction in directions if direction not in ("asc", "desc")]
    if wrong:
        raise HTTPBadRequest(
            reason=f"{wrong} is invalid value for sort_dirs, valid value is 'asc' and 'desc'"
        )
    return tuple(
        Sort(attribute=attributes[key], ascending=direction == "asc")
        for key, direction in zip(keys, directions, strict=True)
    )


def _limit(values: Mapping[str, Sequence[str]]) -> int | None:
    text = _last(values, "limit")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadQuery(resource="limit", msg=f"Limit must be an integer 0 or greater and not '{text}'")
    return min(int(text), PAGE_MAX) or None


def _last(values: Mapping[str, Sequence[str]], name: str) -> str | None:
    found = values.get(name)
    return found[-1] if found else None
