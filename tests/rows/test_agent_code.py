"""Agent codes: the document of each, and the glance at what an agent says of one port."""

from hypothesis import given
from hypothesis import strategies as st

from ovnest.codec import encode_json
from ovnest.northbound.names import document_uuid
from ovnest.northbound.tables import Document
from ovnest.resources.agent_code import AgentCode, Plugged
from ovnest.rows.agent_code import HOME, KIND, WORD, AgentWord
from ovnest.rows.document import read_document, to_document
from tests.in_memory import InMemory, a_network, a_port, uuid
from tests.resources.strategies import texts, uuids, words
from tests.rows.placed import sent

times = st.integers(0, 2**40)
said = st.builds(Plugged, plugged=st.booleans(), reason=texts, since=times)
codes = st.builds(
    AgentCode,
    id=uuids,
    mode=st.sampled_from(("nested", "overlay")),
    project_id=texts,
    networks=st.lists(words, max_size=3).map(tuple),
    ports_max=times,
    networks_max=times,
    made=st.lists(words, max_size=3).map(tuple),
    code=words,
    code_expires=times,
    grant=words,
    generation=times,
    nonce=texts,
    enrolled_at=times,
    renewed_at=times,
    conflict_at=times,
    reported_at=times,
    plugged=st.dictionaries(uuids, said.map(encode_json), max_size=3),
)


def word_of(row: Document) -> AgentWord | None:
    found: AgentWord | None = WORD.read(row)
    return found


@given(codes)
def test_a_code_is_read_as_it_was_written_and_the_glance_says_the_same(code: AgentCode) -> None:
    row = to_document(KIND, code.id, code)
    sent(row)
    assert read_document(KIND, row) == code
    assert row.uuid == WORD.uuid(code.id)
    word = word_of(row)
    assert word is not None
    assert word.reported_at == (code.reported_at or code.enrolled_at)
    for port_id, written in code.plugged.items():
        seen = word.of(port_id)
        assert seen is not None
        assert encode_json(seen) == written
    assert word.of("another") is None


@given(codes)
def test_of_an_agent_that_has_not_enrolled_there_is_no_word(code: AgentCode) -> None:
    row = to_document(KIND, code.id, code)
    ids = {key: value for key, value in row.external_ids.items() if key != "grant"}
    assert word_of(Document(uuid=row.uuid, name=row.name, external_ids=ids)) is None


@given(texts, texts)
def test_what_a_hand_has_written_is_no_word_and_no_fault(number: str, json: str) -> None:
    ids = {"grant": "g", "reported_at": number, "plugged.p": json}
    word = word_of(Document(uuid=document_uuid("agent", "p"), name="ovnest:agent:p", external_ids=ids))
    if word is None:
        assert not (number.isascii() and number.isdecimal() and len(number) <= 18)
    else:
        assert word.reported_at == int(number)
        assert word.of("p") is None or json.lstrip().startswith("{")


def test_a_permission_hangs_on_nothing_when_its_parent_is_gone_and_a_chassis_is_no_port() -> None:
    db = InMemory()
    db.put(a_network(), a_port(1), AgentCode(id=uuid(1)), AgentCode(id="hv1", mode="overlay"))
    rows = [db.row(Document, document_uuid("agent", key)) for key in (uuid(1), "hv1")]
    assert [HOME.leftover(row, db.tx()) for row in rows] == [None, None]
    db.tx().drop(a_port(1))
    assert [HOME.leftover(row, db.tx()) for row in rows] == [f"the port {uuid(1)} is gone", None]
