"""Request bodies: bytes to plain objects, strictly.

What two JSON readers could understand differently, and what OVSDB could not store, is refused here, before
anything else looks at it: duplicate keys, lone surrogates, NUL, NaN, numbers without a bound, nesting
without a bound. The standard library's reader with a hook for objects takes 4 µs for a body of 300 bytes;
msgspec's takes 1 µs, but lets duplicate keys pass, and to find those afterwards takes 10 µs.

Source: RFC 8259; RFC 7493 (I-JSON); neutron.api.v2.base, prepare_request_body (the wording).
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from msgspec import Struct

from ovnest.errors.fields import HTTPBadRequest

DEPTH_MAX = 64
BULK_MAX = 1000
_INT_MAX = 2**63 - 1  # what an OVSDB integer holds (RFC 7047, 3.1)
_INT_DIGITS = 20
_TOO_DEEP = f"it is nested deeper than {DEPTH_MAX} levels"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Wanted(Struct, frozen=True, kw_only=True):
    """What a create request wants: one object, or several in bulk."""

    items: list[dict[str, Any]]
    is_bulk: bool


def wanted(body: bytes, singular: str, plural: str) -> Wanted:
    """The objects in the body of a create request: `{singular: {...}}` or `{plural: [{...}, ...]}`.

    Raises:
        HTTPBadRequest: it is anything else.
    """
    top = _top_level(body, singular, {singular, plural})
    if plural not in top:
        return Wanted(items=[_object(top[singular], singular)], is_bulk=False)
    if singular in top:
        raise HTTPBadRequest(reason=f"Body contains both '{singular}' and '{plural}'. Send one of them.")

    items = top[plural]
    if not items:
        raise HTTPBadRequest(reason="Resources required")
    if not isinstance(items, list):
        raise HTTPBadRequest(reason=f"Body contains invalid data: '{plural}' is not a list")
    if len(items) > BULK_MAX:
        raise HTTPBadRequest(reason=f"'{plural}' has {len(items)} items, at most {BULK_MAX} are allowed")
    return Wanted(items=[_bulk_item(item, singular) for item in items], is_bulk=True)


def changed(body: bytes, singular: str, plural: str) -> dict[str, Any]:
    """The object in the body of an update request: `{singular: {...}}`.

    Raises:
        HTTPBadRequest: it is anything else.
    """
    top = _top_level(body, singular, {singular, plural})
    if plural in top:
        raise HTTPBadRequest(reason="Bulk operation not supported")
    return _object(top[singular], singular)


def decode(body: bytes) -> dict[str, Any]:
    """The JSON object that `body` is.

    Raises:
        HTTPBadRequest: it is not JSON, not an object, or has in it what is refused here.
    """
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise _invalid("it is not UTF-8") from error
    except RecursionError:
        raise _invalid(_TOO_DEEP) from None  # its traceback is one line a thousand times
    except ValueError as error:
        raise _invalid(str(error)) from error
    if not isinstance(value, dict):
        raise _invalid("it is not an object")
    # Without an escape no string can hold what is refused: the reader takes no raw control characters.
    has_escapes = "\\u" in text
    if has_escapes or text.count("{") + text.count("[") > DEPTH_MAX:
        _check(value, strings=has_escapes)
    return value


def _top_level(body: bytes, singular: str, known: set[str]) -> dict[str, Any]:
    top = decode(body) if body else {}
    unknown = sorted(top.keys() - known)
    if unknown and known & top.keys():
        raise HTTPBadRequest(reason=f"Unrecognized attribute(s) '{', '.join(unknown)}'")
    if not known & top.keys():
        raise HTTPBadRequest(reason=f"Unable to find '{singular}' in request body")
    return top


def _object(value: Any, singular: str) -> dict[str, Any]:
    if value is None:
        raise HTTPBadRequest(reason=f"Unable to find '{singular}' in request body")
    if not isinstance(value, dict):
        raise HTTPBadRequest(reason=f"Object '{singular}' contains invalid data")
    return value


def _bulk_item(item: Any, singular: str) -> dict[str, Any]:
    """Neutron takes the items of a list bare, and also each wrapped in the resource's name."""
    if isinstance(item, dict) and item.keys() == {singular}:
        item = item[singular]
    return _object(item, singular)


def _check(value: Any, *, strings: bool) -> None:
    """Refuse nesting over the bound, and strings that cannot be stored; level by level, without recursion."""
    level = [value]
    for _ in range(DEPTH_MAX):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                if strings:
                    _check_strings(item)
                    _check_strings(item.values())
                below.extend(item.values())
            elif isinstance(item, list):
                if strings:
                    _check_strings(item)
                below.extend(item)
        level = below
        if not level:
            return
    if any(isinstance(item, dict | list) for item in level):
        raise _invalid(_TOO_DEEP)


def _check_strings(values: Iterable[Any]) -> None:
    if any(isinstance(value, str) and _UNSTORABLE.search(value) for value in values):
        raise _invalid("a string has a NUL character or a lone surrogate in it")


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {json.dumps(twice)} stands twice in one object")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) <= _INT_DIGITS:
        value = int(digits)
        if -_INT_MAX - 1 <= value <= _INT_MAX:
            return value
    raise ValueError("a number is too large")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _invalid(what: str) -> HTTPBadRequest:
    return HTTPBadRequest(reason=f"Body contains invalid data: {what}")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of, parse_constant=_constant, parse_int=_integer, parse_float=_float
)
