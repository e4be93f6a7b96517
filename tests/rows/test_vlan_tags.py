"""What is remembered of a parent's tags, in its document row."""

from hypothesis import given
from hypothesis import strategies as st

from ovnest.northbound.names import document_uuid
from ovnest.northbound.tables import Document
from ovnest.resources.vlan_tags import VlanTags
from ovnest.rows.document import read_document, to_document
from ovnest.rows.vlan_tags import FORMER, HOME, KIND
from tests.in_memory import InMemory, a_network, a_port, uuid
from tests.resources.strategies import uuids
from tests.rows.placed import sent


@given(
    st.builds(
        VlanTags,
        id=uuids,
        last=st.integers(0, 4094),
        freed=st.dictionaries(st.integers(1, 4094), st.integers(0, 2**40), max_size=20),
    )
)
def test_vlan_tags(memory: VlanTags) -> None:
    row = to_document(KIND, memory.id, memory)
    sent(row)
    assert read_document(KIND, row) == memory
    assert set(row.external_ids) <= {"ovnest:kind", "last", *(f"freed.{tag}" for tag in memory.freed)}


def test_a_row_of_the_layout_before_is_read_and_becomes_one_of_the_new_name() -> None:
    db = InMemory()
    db.put(a_network(), a_port(1))
    memory = VlanTags(id=uuid(1), last=7, freed={3: 9})
    db.transaction.insert(to_document(FORMER, uuid(1), memory))
    assert db.find(VlanTags, uuid(1)) == memory
    db.put(VlanTags(id=uuid(1), last=8, freed={3: 9}))
    assert db.find(VlanTags, uuid(1)) == VlanTags(id=uuid(1), last=8, freed={3: 9})
    assert db.transaction.find(Document, document_uuid(FORMER.name, uuid(1))) is None
    assert db.row(Document, document_uuid(KIND.name, uuid(1))).external_ids["last"] == "8"


def test_what_is_remembered_hangs_on_nothing_once_its_port_is_gone() -> None:
    db = InMemory()
    db.put(a_network(), a_port(1), VlanTags(id=uuid(1), last=7))
    row = db.row(Document, document_uuid(KIND.name, uuid(1)))
    assert HOME.leftover(row, db.tx()) is None
    db.tx().drop(a_port(1))
    assert HOME.leftover(row, db.tx()) == f"the port {uuid(1)} is gone"


def test_nothing_to_remember_is_no_row() -> None:
    db = InMemory()
    db.put(a_network(), a_port(1), VlanTags(id=uuid(1), last=7))
    db.put(VlanTags(id=uuid(1)))
    assert db.transaction.find(Document, document_uuid(KIND.name, uuid(1))) is None
