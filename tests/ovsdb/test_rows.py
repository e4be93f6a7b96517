"""A Struct for each table, worked out once: what its annotations mean, and the way to the wire and back."""
# ruff: noqa: RUF012 - a Struct makes a new one of each empty default

from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.ovsdb import Row, RowUuid
from ovnest.ovsdb.rows import Shape
from ovnest.ovsdb.values import Arity


class Everything(Row, frozen=True, kw_only=True, gc=False):
    """A column of every sort."""

    TABLE: ClassVar[str] = "Everything"

    name: str = ""
    size: int = 0
    weight: float = 0.0
    up: bool = False
    type_: str = ""
    tag: int | None = None
    parent: RowUuid | None = None
    addresses: tuple[str, ...] = ()
    members: tuple[RowUuid, ...] = ()
    options: dict[str, str] = {}
    ports: dict[str, RowUuid] = {}


SHAPE = Shape(Everything)
texts = st.text(max_size=4)
uuids = st.uuids().map(lambda each: RowUuid(str(each)))
everything = st.builds(
    Everything,
    uuid=st.just(RowUuid("u")),
    name=texts,
    size=st.integers(-(2**53), 2**53),
    weight=st.floats(allow_nan=False, allow_infinity=False),
    up=st.booleans(),
    type_=texts,
    tag=st.none() | st.integers(0, 4095),
    parent=st.none() | uuids,
    addresses=st.sets(texts, max_size=3).map(lambda found: tuple(sorted(found))),
    members=st.sets(uuids, max_size=3).map(lambda found: tuple(sorted(found))),
    options=st.dictionaries(texts, texts, max_size=3),
    ports=st.dictionaries(texts, uuids, max_size=3),
)


def crossed(wire: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(wire))


@given(everything)
def test_a_row_that_is_inserted_is_built_again_and_its_defaults_are_not_sent(row: Everything) -> None:
    wire = crossed(SHAPE.encode(row))
    assert SHAPE.build(row.uuid, wire) == row
    defaults = Everything(uuid=row.uuid)
    sent = {column.attribute for column in SHAPE.columns.values() if column.name in wire}
    differing = {
        name
        for name in row.__struct_fields__
        if name != "uuid" and getattr(row, name) != getattr(defaults, name)
    }
    assert sent == differing


@given(everything, everything)
def test_a_modify_leads_from_one_row_to_the_other(old: Everything, new: Everything) -> None:
    wire: dict[str, Any] = {}
    for column in SHAPE.columns.values():
        before, after = getattr(old, column.attribute), getattr(new, column.attribute)
        if before == after:
            continue
        if column.arity is Arity.SET:
            after = set(before) ^ set(after)
        elif column.arity is Arity.MAP:
            after = {k: after.get(k, before.get(k)) for k in before | after if before.get(k) != after.get(k)}
        wire[column.name] = crossed(column.encode(after))
    assert SHAPE.modify(old, wire) == new


def test_a_row_of_which_nothing_of_ours_changed_stays_the_same_object() -> None:
    row = Everything(uuid=RowUuid("u"))
    assert SHAPE.modify(row, {}) is row
    assert SHAPE.modify(row, {"of_others": 5}) is row


def test_a_real_number_that_comes_as_an_integer_is_a_real_number() -> None:
    weight = SHAPE.build(RowUuid("u"), {"weight": 5}).weight
    assert type(weight) is float


def test_a_trailing_underscore_is_not_in_the_columns_name() -> None:
    assert SHAPE.encode(Everything(uuid=RowUuid("u"), type_="x")) == {"type": "x"}


def test_a_column_that_the_server_has_not_is_neither_sent_nor_read() -> None:
    shape = Shape(Everything)
    shape.use(column for column in shape.by_attribute.values() if column.name != "tag")
    assert shape.encode(Everything(uuid=RowUuid("u"), tag=5, name="a")) == {"name": "a"}
    assert shape.build(RowUuid("u"), {"tag": 5}).tag is None


def test_a_type_that_no_column_has_and_a_default_that_ovsdb_has_not_are_mistakes() -> None:
    class Odd(Row, frozen=True, kw_only=True, gc=False):
        TABLE: ClassVar[str] = "Odd"
        items: tuple[int, str] | None = None

    class Off(Row, frozen=True, kw_only=True, gc=False):
        TABLE: ClassVar[str] = "Off"
        enabled: bool = True

    class Nameless(Row, frozen=True, kw_only=True, gc=False):
        name: str = ""

    with pytest.raises(TypeError, match="items"):
        Shape(Odd)
    with pytest.raises(TypeError, match=r"Off\.enabled has the default True; it must be OVSDB's, False"):
        Shape(Off)
    with pytest.raises(TypeError, match="Nameless does not say its TABLE"):
        Shape(Nameless)
