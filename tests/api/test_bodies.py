"""Request bodies: what is taken, and in whose words the rest is refused."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.api.bodies import BULK_MAX, DEPTH_MAX, changed, decode, wanted
from ovnest.errors.fields import HTTPBadRequest

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | storable,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(storable, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(storable, values, max_size=4)


def refusal(body: bytes) -> str:
    with pytest.raises(HTTPBadRequest) as caught:
        decode(body)
    return str(caught.value)


def nested(depth: int) -> bytes:
    """An object whose innermost value is `depth` objects deep."""
    return b'{"a":' * depth + b"1" + b"}" * depth


@given(objects, st.booleans())
def test_every_storable_object_is_read_back_as_it_was(value: dict[str, Any], ascii_only: bool) -> None:
    assert decode(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(storable, st.lists(st.sampled_from(['{"x": @}', '{"y": [1, @]}']), max_size=5))
def test_a_key_that_stands_twice_is_refused_at_any_depth(key: str, around: list[str]) -> None:
    text = f"{{{json.dumps(key)}: 1, {json.dumps(key, ensure_ascii=False)}: 2}}"
    for wrapping in around:
        text = wrapping.replace("@", text)
    assert "stands twice" in refusal(text.encode())


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    with contextlib.suppress(HTTPBadRequest):
        assert isinstance(decode(body), dict)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b'{"a": 1,}', "Expecting|Illegal trailing comma|double quotes"),
        (b'{"a": 01}', "Expecting"),
        (b"{'a': 1}", "Expecting property name"),
        (b'{"a": 1} {"b": 2}', "Extra data"),
        (b'\xef\xbb\xbf{"a": 1}', "Expecting value"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        (b'{"a": "x\x01"}', "control character"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": [Infinity]}', "Infinity is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": -1e999}', "too large"),
        (b'{"a": 9223372036854775808}', "too large"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "too large"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"a": {"\\u0000": 1}}', "NUL"),
        (b'{"a": ["\\ud800"]}', "lone surrogate"),
        (b'{"a": "\\udc00\\ud800"}', "lone surrogate"),
        (b'{"\\uD800": 1}', "lone surrogate"),
        (b'{"a": [' + b"{}," * 100 + b'"\\u0000"]}', "NUL"),
        (b'{"a": [' + b"{}," * 100 + b'"\x00"]}', "control character"),
        (b'{"a": [' + b"{}," * 100 + b'"\xed\xa0\x80"]}', "UTF-8"),
        (b"[]", "not an object"),
        (b'"port"', "not an object"),
        (b"null", "not an object"),
        (nested(1000), "nested deeper"),
        (nested(100_000), "nested deeper"),
        (b'{"a": ' + b"[" * 500_000, "nested deeper"),
        (nested(DEPTH_MAX + 1), "nested deeper"),
    ],
)
def test_what_is_no_plain_json_object_is_refused_saying_why(body: bytes, reason: str) -> None:
    message = refusal(body)
    assert message.startswith("Body contains invalid data: ")
    assert any(part in message for part in reason.split("|"))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b' {"a": "\\ud83d\\ude00"} \n', {"a": "😀"}),
        (b'{"a": "\\\\u0000 \\\\ud800"}', {"a": "\\u0000 \\ud800"}),
        (b'{"a": -9223372036854775808, "b": 1E2}', {"a": -(2**63), "b": 100.0}),
        (b'{"a": {"a": 1}, "b": {"a": 2}}', {"a": {"a": 1}, "b": {"a": 2}}),
    ],
)
def test_what_only_looks_dangerous_is_taken(body: bytes, value: dict[str, Any]) -> None:
    assert decode(body) == value


def test_nesting_up_to_the_bound_is_taken() -> None:
    decode(nested(DEPTH_MAX))


def test_one_object_and_several_are_told_apart() -> None:
    one = wanted(b'{"port": {"name": "a"}}', "port", "ports")
    assert (one.items, one.is_bulk) == ([{"name": "a"}], False)
    several = wanted(b'{"ports": [{"name": "a"}, {"port": {"name": "b"}}]}', "port", "ports")
    assert (several.items, several.is_bulk) == ([{"name": "a"}, {"name": "b"}], True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Unable to find 'port' in request body"),
        (b"{}", "Unable to find 'port' in request body"),
        (b'{"network": {}}', "Unable to find 'port' in request body"),
        (b'{"port": null}', "Unable to find 'port' in request body"),
        (b'{"port": []}', "Object 'port' contains invalid data"),
        (b'{"port": "x"}', "Object 'port' contains invalid data"),
        (b'{"port": {}, "y": 1, "x": 1}', "Unrecognized attribute(s) 'x, y'"),
        (b'{"port": {}, "ports": [{}]}', "Body contains both 'port' and 'ports'. Send one of them."),
        (b'{"ports": []}', "Resources required"),
        (b'{"ports": {}}', "Resources required"),
        (b'{"ports": {"name": "a"}}', "Body contains invalid data: 'ports' is not a list"),
        (b'{"ports": [1]}', "Object 'port' contains invalid data"),
        (b'{"ports": [{"port": 1}]}', "Object 'port' contains invalid data"),
        (
            json.dumps({"ports": [{}] * (BULK_MAX + 1)}).encode(),
            f"'ports' has {BULK_MAX + 1} items, at most {BULK_MAX} are allowed",
        ),
    ],
)
def test_a_create_body_of_another_shape_is_refused_in_neutrons_words(body: bytes, message: str) -> None:
    with pytest.raises(HTTPBadRequest) as caught:
        wanted(body, "port", "ports")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Unable to find 'port' in request body"),
        (b'{"ports": [{"name": "a"}]}', "Bulk operation not supported"),
        (b'{"port": {}, "revision": 1}', "Unrecognized attribute(s) 'revision'"),
    ],
)
def test_an_update_body_of_another_shape_is_refused_in_neutrons_words(body: bytes, message: str) -> None:
    with pytest.raises(HTTPBadRequest) as caught:
        changed(body, "port", "ports")
    assert str(caught.value) == message


def test_an_update_names_one_object() -> None:
    assert changed(b'{"port": {"name": "a"}}', "port", "ports") == {"name": "a"}
