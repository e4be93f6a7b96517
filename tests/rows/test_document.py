"""Document rows: facts written as keys of text, and read again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from ovnest.codec import plain
from ovnest.northbound.names import document_name, document_uuid
from ovnest.northbound.tables import Document
from ovnest.resources.port import AddressPair, DhcpOption
from ovnest.rows.document import (
    KIND,
    document_home,
    is_document,
    is_empty,
    key_of,
    read_document,
    to_document,
)
from ovnest.rows.home import NOTHING, DocumentKind, Home
from ovnest.rows.port.keys import DETAILS, PortDetails
from tests.in_memory import InMemory
from tests.resources.strategies import json_values, tags, texts
from tests.rows.placed import sent

pairs = st.builds(AddressPair, ip_address=texts, mac_address=texts)
options = st.builds(DhcpOption, opt_name=texts, opt_value=texts)
details = st.builds(
    PortDetails,
    id=texts,
    description=texts,
    tags=tags,
    profile=st.dictionaries(texts, json_values, max_size=2),
    host_id=texts,
    allowed_address_pairs=st.lists(
        st.builds(AddressPair, ip_address=texts, mac_address=texts), max_size=2
    ).map(tuple),
    extra_dhcp_opts=st.lists(options, max_size=2).map(tuple),
)


@given(details)
def test_what_is_written_is_read_again_and_is_empty_just_where_no_key_is(given: PortDetails) -> None:
    row = to_document(DETAILS, given.id, given)
    sent(row)
    assert is_document(DETAILS, row)
    assert key_of(DETAILS, row) == given.id
    assert read_document(DETAILS, row) == given
    assert is_empty(given) == (row.external_ids == {KIND: "port"})


class Note(Struct, frozen=True, kw_only=True):
    """Facts of a kind that was once called otherwise."""

    id: str
    words: str = ""


def kind(name: str) -> DocumentKind:
    return DocumentKind(name=name, of="a test", subject="Notes", codec=plain(Note, without=("id",)))


OLD, NEW = kind("old-note"), kind("note")
HOME: Home[Note] = document_home(Note, NEW, may_be_empty=True, former=OLD, layout=2)


class At:
    """The little that a home asks of a database whose rows have that layout."""

    def __init__(self, layout: int, *rows: Document) -> None:
        db = InMemory()
        for row in rows:
            db.transaction.insert(row)
        self.view: Any = db.transaction
        self.settings: Any = None
        self.layout = layout

    def find(self, kind: Any, key: str) -> Any:
        row = self.view.find(Document, document_uuid(NEW.name, key))
        return None if row is None else HOME.read(row, self)  # type: ignore[arg-type]  # no Tx


def rows(layout: int, facts: Note, *there: Document) -> tuple[list[str], list[str]]:
    """The names of the rows that are there for these facts, and of those that should be."""
    at: Any = At(layout, *there)
    current, desired = HOME.current(facts.id, at).rows, HOME.desired(facts, at).rows
    return [getattr(row, "name", "") for row in current], [getattr(row, "name", "") for row in desired]


def test_a_renamed_kind_is_written_by_its_old_name_until_the_ledger_says_the_new_layout() -> None:
    note = Note(id="1", words="hello")
    old = to_document(OLD, "1", note)
    assert rows(1, note, old) == (["ovnest:old-note:1"], ["ovnest:old-note:1"])
    assert rows(2, note, old) == (["ovnest:old-note:1"], ["ovnest:note:1"])
    assert rows(2, note, old, to_document(NEW, "1", note))[0] == ["ovnest:note:1", "ovnest:old-note:1"]


def test_rows_of_either_name_are_of_the_kind_and_are_read() -> None:
    note = Note(id="1", words="hello")
    at: Any = At(2)
    for each in (OLD, NEW):
        row = to_document(each, "1", note)
        assert HOME.is_one(row)
        assert HOME.read(row, at) == note
        assert HOME.owner(row, at) == "1"


def test_facts_with_nothing_in_them_have_no_row() -> None:
    at: Any = At(2)
    assert HOME.desired(Note(id="1"), at) == NOTHING
    assert HOME.desired(Note(id="1", words="x"), at) != NOTHING


@pytest.mark.parametrize(
    ("name", "said"), [("ovnest:note:1", "old-note"), ("theirs", "note"), ("ovnest:note:1", None)]
)
def test_name_and_key_of_a_document_go_together(name: str, said: str | None) -> None:
    ids = {} if said is None else {KIND: said}
    row = Document(uuid=document_uuid("note", "1"), name=name, external_ids=ids)
    assert not is_document(NEW, row)
    assert not HOME.is_one(row)


@given(st.text(max_size=20), st.sampled_from((OLD, NEW, DETAILS)))
def test_a_document_is_of_one_kind_only_whatever_its_id(key: str, other: DocumentKind) -> None:
    row = to_document(NEW, key, Note(id=key))
    assert is_document(other, row) == (other is NEW)
    assert key_of(NEW, row) == key
    assert row.name == document_name("note", key)
