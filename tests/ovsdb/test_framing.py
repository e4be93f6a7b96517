"""A stream cut anywhere gives the messages that were put in, whole or in pieces."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovnest.ovsdb.framing import Framer, NotJson, Piece

TEXT = st.text(alphabet=st.sampled_from('ab"\\{}[],:é\n'), max_size=12)
VALUE = st.one_of(
    TEXT,
    st.integers(),
    st.booleans(),
    st.lists(st.tuples(TEXT, TEXT), max_size=4).map(lambda pairs: ["map", [list(pair) for pair in pairs]]),
)
ROW = st.dictionaries(TEXT, VALUE, max_size=4)
ROW_UPDATE = st.one_of(
    st.tuples(st.sampled_from(["initial", "insert", "modify"]), ROW).map(lambda pair: {pair[0]: pair[1]}),
    st.just({"delete": None}),
)
UPDATES = st.dictionaries(
    st.sampled_from(["Port", "Switch", "Copp"]), st.dictionaries(TEXT, ROW_UPDATE, max_size=5), max_size=3
)
MESSAGE = st.one_of(
    UPDATES.map(lambda updates: {"id": 3, "result": [False, "u", updates], "error": None}),
    UPDATES.map(lambda updates: {"method": "update3", "params": ["data", "u", updates], "id": None}),
    st.lists(ROW, max_size=3).map(lambda rows: {"id": 4, "result": [{"rows": rows}, {}], "error": None}),
    ROW.map(lambda row: {"id": 5, "result": {"tables": {"T": {"columns": {"c": row}}}}, "error": None}),
    st.just({"method": "echo", "params": [], "id": "echo"}),
)


def assemble(found: list[bytes | Piece]) -> list[Any]:
    """The messages, with the pieces put back where they were cut out."""
    messages = []
    pieces: list[Piece] = []
    for each in found:
        if isinstance(each, Piece):
            pieces.append(each)
            continue
        message = json.loads(each)
        for piece in pieces:
            tables = (message.get("result") or message.get("params"))[2]
            rows = json.loads(piece.rows)
            assert rows, "an empty piece"
            assert not tables[piece.table].keys() & rows.keys()
            tables[piece.table].update(rows)
        pieces = []
        messages.append(message)
    assert not pieces
    return messages


def through(stream: bytes, cuts: list[int]) -> list[bytes | Piece]:
    framer = Framer()
    found = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        framer.feed(stream[start:end])
        while (each := framer.next()) is not None:
            found.append(each)
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(MESSAGE, max_size=4), st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
def test_messages_come_out_as_they_went_in(messages: list[Any], cuts: list[int], spaced: bool) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    stream = "".join(json.dumps(message, separators=separators, ensure_ascii=False) for message in messages)
    assert assemble(through(stream.encode(), cuts)) == messages


def test_a_long_update_comes_in_pieces_and_its_message_is_short() -> None:
    rows = {
        f"{n:036}": {"initial": {"name": f"p{n}", "external_ids": ["map", [["a", "}},{"]]]}}
        for n in range(5_000)
    }
    message = {
        "id": 1,
        "result": [False, "u", {"Port": rows, "Switch": {"s": {"initial": {}}}}],
        "error": None,
    }
    stream = json.dumps(message).encode()
    found = through(stream, list(range(0, len(stream), 65_536)))
    assert assemble(found) == [message]
    pieces = [each for each in found if isinstance(each, Piece)]
    assert len(pieces) >= len(stream) // 65_536
    assert max(len(piece.rows) for piece in pieces) < 200_000
    assert len(found[-1]) < 200


@settings(max_examples=200, deadline=None)
@given(st.lists(MESSAGE, max_size=4), st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
def test_a_guess_that_decodes_is_the_message(messages: list[Any], cuts: list[int], spaced: bool) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    stream = "".join(json.dumps(message, separators=separators, ensure_ascii=False) for message in messages)
    framer = Framer()
    found: list[bytes | Piece] = []
    data = stream.encode()
    for start, end in pairwise([0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]):
        framer.feed(data[start:end])
        while (each := guessed(framer) or framer.next()) is not None:
            found.append(each)
    assert assemble(found) == messages


def guessed(framer: Framer) -> bytes | None:
    guess = framer.guess()
    try:
        if guess is None or json.loads(guess) is None:
            return None
    except ValueError:
        return None
    framer.took(guess)
    return guess


def test_every_byte_alone() -> None:
    message = {
        "id": 1,
        "result": [True, "u", {"Port": {"a": {"modify": {"n": 'x"\\}'}}, "b": {"delete": None}}}],
    }
    stream = json.dumps(message).encode() * 3
    assert assemble(through(stream, list(range(len(stream))))) == [message] * 3


def test_what_is_no_json_is_said() -> None:
    framer = Framer()
    framer.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n{}")
    with pytest.raises(NotJson, match="HTTP"):
        framer.next()
