"""The codec: what is written is read again, and what another writer left is read or is a ValueError."""

from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from ovnest.codec import (
    Codec,
    decode_json,
    derived,
    flag,
    json_of,
    number,
    plain,
    read_number,
    some_number,
    some_text,
    structs_of,
    text,
    words,
)


class Pair(Struct, frozen=True):
    left: str
    right: str


class Facts(Struct, frozen=True, kw_only=True):
    name: str
    note: str | None
    size: int
    vlan: int | None
    up: bool
    hidden: bool
    hints: tuple[str, ...]
    pairs: tuple[Pair, ...]
    tags: tuple[str, ...]


CODEC = Codec(
    Facts,
    {
        "name": text("x:name", "the name"),
        "note": some_text("x:note", "a note", absent=None),
        "size": number("x:size", "the size"),
        "vlan": some_number("x:vlan", "the VLAN"),
        "up": flag("x:up", "false when it is down", written=False),
        "hidden": flag("x:hidden", "true when it is hidden", written=True),
        "hints": words("x:hints", "hints", separator=",", always=True),
        "pairs": structs_of(Pair, "x:pairs", "pairs", separator="-"),
        "tags": json_of(tuple[str, ...], "x:tags", "tags", absent=()),
    },
    others=[derived("x:shown", "computed")],
)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Document(Struct, frozen=True, kw_only=True):
    id: str
    mode: Literal["nested", "overlay"] = "nested"
    colour: Colour = Colour.RED
    title: Annotated[str, Meta(description="what it is called")] = ""
    most: int = 0
    list: tuple[str, ...] = ()
    freed: dict[int, int] = {}


DOCUMENT = plain(Document, prefix="y:", without=("id",), spread=("freed",))

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
words_ = st.text("abc.:", min_size=1, max_size=5)
facts = st.builds(
    Facts,
    name=texts,
    note=st.none() | texts,
    size=st.integers(-(10**17), 10**17),
    vlan=st.none() | st.integers(0, 4095),
    up=st.booleans(),
    hidden=st.booleans(),
    hints=st.lists(words_, max_size=3).map(tuple),
    pairs=st.lists(st.builds(Pair, words_, words_), max_size=3).map(tuple),
    tags=st.lists(texts, max_size=3).map(tuple),
)
documents = st.builds(
    Document,
    id=st.just("id"),
    mode=st.sampled_from(("nested", "overlay")),
    colour=st.sampled_from(Colour),
    title=texts,
    most=st.integers(0, 2**40),
    list=st.lists(texts, max_size=3).map(tuple),
    freed=st.dictionaries(st.integers(1, 4094), st.integers(0, 2**40), max_size=3),
)


@given(facts)
def test_what_is_written_is_read_again(given: Facts) -> None:
    written = CODEC.write(given)
    assert set(written) <= CODEC.owned
    assert CODEC.read(written) == given


@given(documents)
def test_a_plain_struct_is_read_again_and_its_defaults_have_no_key(given: Document) -> None:
    written = DOCUMENT.write(given)
    assert DOCUMENT.read(written, id=given.id) == given
    assert all(DOCUMENT.owns(name) for name in written)
    assert len([name for name in written if name.startswith("y:freed.")]) == len(given.freed)
    assert DOCUMENT.write(Document(id="id")) == {}


@given(st.dictionaries(st.sampled_from(sorted(CODEC.owned | DOCUMENT.owned | {"y:freed.7"})), texts))
def test_what_another_writer_left_is_read_or_not_understood(found: dict[str, str]) -> None:
    with suppress(ValueError):
        CODEC.read(found)
    with suppress(ValueError):
        DOCUMENT.read(found, id="id")


@pytest.mark.parametrize("found", ["[" * 1200, "{" * 5000, "²", "1_0", "9" * 5000, "", " 1", "NaN"])
def test_neither_depth_nor_length_nor_other_digits_get_further(found: str) -> None:
    for field in ("x:tags", "x:size"):
        with pytest.raises(ValueError, match=r"."):
            CODEC.read({field: found})
    with pytest.raises(ValueError, match=r"."):
        read_number(found)
    with pytest.raises(ValueError, match=r"."):
        decode_json(found, tuple[str, ...])


class Must(Struct, frozen=True, kw_only=True):
    version: Literal[4, 6]
    mode: Literal["a", "b"]
    owner: str


def test_a_field_without_a_default_must_be_there_and_only_a_string_may_be_empty() -> None:
    codec = plain(Must)
    given = Must(version=6, mode="a", owner="")
    written = codec.write(given)
    assert written == {"version": "6", "mode": "a"}
    assert codec.read(written) == given
    for missing in written:
        with pytest.raises(ValueError, match=f"^{missing} is missing$"):
            codec.read({name: text for name, text in written.items() if name != missing})
    with pytest.raises(ValueError, match="5"):
        codec.read({**written, "version": "5"})


def test_a_field_that_is_none_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="nosuch"):
        Codec(Facts, {"nosuch": text("x", "y")})


def test_the_meaning_of_a_plain_key_is_its_fields() -> None:
    assert DOCUMENT.fields["title"].meaning == "what it is called"
    assert DOCUMENT.spread["freed"].name == "y:freed"
