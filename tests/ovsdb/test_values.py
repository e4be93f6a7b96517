"""Values cross the wire and come back; a difference takes a set and a map to where the server has it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.ovsdb.values import (
    DECODERS,
    ENCODERS,
    Arity,
    decode_map,
    decode_raw_references,
    decode_references,
    decode_set,
    differ_map,
    differ_set,
    encode_map,
    encode_set,
)

uuids = st.uuids().map(str)
atoms = st.text(max_size=5) | st.integers(-(2**53), 2**53) | st.booleans()
sets = st.one_of(
    st.sets(st.text(max_size=5), max_size=4), st.sets(st.integers(-(2**53), 2**53), max_size=4)
).map(lambda found: tuple(sorted(found)))
maps = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=4)
VALUES: dict[tuple[Arity, bool], st.SearchStrategy[Any]] = {
    (Arity.ONE, False): atoms,
    (Arity.ONE, True): uuids,
    (Arity.OPTIONAL, False): st.none() | atoms,
    (Arity.OPTIONAL, True): st.none() | uuids,
    (Arity.SET, False): sets,
    (Arity.SET, True): st.sets(uuids, max_size=4).map(lambda found: tuple(sorted(found))),
    (Arity.MAP, False): maps,
    (Arity.MAP, True): st.dictionaries(st.text(max_size=3), uuids, max_size=4),
}


def crossed(wire: Any) -> Any:
    """What the other side decodes from JSON."""
    return msgspec.json.decode(msgspec.json.encode(wire))


@pytest.mark.parametrize("sort", VALUES, ids=lambda sort: f"{sort[0].name}-{'uuid' if sort[1] else 'plain'}")
@given(data=st.data())
def test_a_value_that_is_sent_is_read_as_it_was(sort: tuple[Arity, bool], data: st.DataObject) -> None:
    value = data.draw(VALUES[sort])
    assert DECODERS[sort](crossed(ENCODERS[sort](value))) == value


def test_a_set_of_one_comes_as_its_element_and_is_a_set_all_the_same() -> None:
    # RFC 7047, 5.1: "An <atom> represents a set of one element."
    assert DECODERS[Arity.SET, False]("a") == ("a",)
    assert DECODERS[Arity.SET, True](["uuid", "u"]) == ("u",)
    assert DECODERS[Arity.OPTIONAL, False](["set", []]) is None
    assert DECODERS[Arity.OPTIONAL, False](["set", [4]]) == 4
    assert DECODERS[Arity.OPTIONAL, True](["set", [["uuid", "u"]]]) == "u"
    assert decode_references(["uuid", "u"]) == {"u"}


@given(st.lists(st.text(max_size=3), max_size=5, unique=True).flatmap(st.permutations))
def test_a_set_is_the_same_in_whatever_order_it_comes(items: list[str]) -> None:
    assert decode_set(["set", items]) == tuple(sorted(items))


@given(st.sets(uuids, max_size=5))
def test_references_read_from_json_are_those_read_from_lists(found: set[str]) -> None:
    wire = [["uuid", each] for each in found]
    for written in (["set", wire], *(wire if len(wire) == 1 else [])):
        raw = msgspec.Raw(msgspec.json.encode(written))
        assert decode_raw_references(raw) == decode_references(written) == found
        assert decode_references(decode_raw_references(raw)) == found


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_a_difference_of_sets_leads_from_the_old_to_the_new(old: set[int], new: set[int]) -> None:
    # As ovsdb-server words it: the elements that are in one of both (ovsdb-server(7), 4.1.14).
    wire = crossed(encode_set(old ^ new))
    assert differ_set(tuple(sorted(old)), wire, decode_set) == tuple(sorted(new))


@given(maps, maps)
def test_a_difference_of_maps_leads_from_the_old_to_the_new(old: dict[str, str], new: dict[str, str]) -> None:
    # As ovsdb-server words it: a pair that goes as it was, one that comes or changes as it will be.
    changed = {key: value for key, value in new.items() if old.get(key) != value}
    gone = {key: value for key, value in old.items() if key not in new}
    before = dict(old)
    assert differ_map(old, crossed(encode_map({**changed, **gone})), decode_map) == new
    assert old == before, "the row that is there is not changed in place"
