"""What is asked of every home: it reads what it wrote, and nothing it finds makes it fall over."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.address_group import AddressGroup
from ovnest.resources.address_scope import AddressScope
from ovnest.resources.agent_code import AgentCode
from ovnest.resources.vlan_tags import VlanTags
from ovnest.rows import HOMES
from ovnest.rows.document import read_document
from ovnest.rows.home import NOTHING, Home
from ovnest.rows.network import read_network
from ovnest.rows.port.keys import DETAILS
from ovnest.rows.port.reading import read_port
from ovnest.rows.subnet import read_subnet
from ovnest.rows.vlan_tags import KIND as VLAN_TAGS
from tests.in_memory import LAN, InMemory, a_network, a_port, a_subnet, uuid
from tests.resources.strategies import texts
from tests.rows.placed import ANY_KEYS


@given(ANY_KEYS, texts)
def test_rows_of_any_content_are_read_or_not_understood(ids: dict[str, str], text: str) -> None:
    # What a hand has written makes a ValueError or a KeyError, which leaves the row out, and nothing else.
    key = RowUuid(text)
    switch = LogicalSwitch(uuid=key, name=text, external_ids=ids)
    port = LogicalSwitchPort(uuid=key, name=text, external_ids=ids)
    document = Document(uuid=key, name=text, external_ids=ids)
    for read in (
        lambda: read_network(switch),
        lambda: read_subnet(DhcpOptions(uuid=key, cidr=text, external_ids=ids)),
        lambda: read_port(port, None, lambda network_id, address: "subnet"),
        lambda: read_document(DETAILS, document),
        lambda: read_document(VLAN_TAGS, document),
    ):
        with suppress(ValueError, KeyError):
            read()


ONE_OF_EACH: tuple[Any, ...] = (
    a_network(),
    a_subnet(),
    a_port(1, description="it has a document"),
    VlanTags(id=uuid(1), last=7),
    AgentCode(id=uuid(1), grant="g", plugged={uuid(2): "{}"}),
    AddressScope(id=uuid(3), project_id="red", name="scope", ip_version=6),
    AddressGroup(id=uuid(4), project_id="red", addresses=("192.0.2.0/24", "2001:db8::/64")),
)


@pytest.fixture
def db() -> InMemory:
    """One of each kind."""
    filled = InMemory()
    filled.put(*ONE_OF_EACH)
    return filled


def test_there_is_one_of_every_kind_here() -> None:
    assert {type(facts) for facts in ONE_OF_EACH} == {home.facts for home in HOMES}


@pytest.mark.parametrize("facts", ONE_OF_EACH, ids=lambda facts: type(facts).__name__)
def test_what_is_there_for_facts_is_what_there_should_be_and_is_theirs(db: InMemory, facts: Any) -> None:
    tx, home = db.tx(), HOMES.of(type(facts))
    present = home.current(facts.id, tx)
    wanted = home.desired(db.get(home.facts, facts.id), tx)
    assert set(map(type, present.rows)) <= set(home.keys)
    by_uuid = {row.uuid: row for row in present.rows}
    assert by_uuid == {row.uuid: row for row in wanted.rows}
    assert present.references == wanted.references
    assert home.uuid(facts.id) in by_uuid
    for row in present.rows:
        assert home.owner(row, tx) == facts.id
        assert home.leftover(row, tx) is None


@pytest.mark.parametrize("home", list(HOMES), ids=lambda home: home.facts.__name__)
def test_for_what_is_not_there_there_are_no_rows(db: InMemory, home: Home[Any]) -> None:
    assert home.current(uuid(99), db.tx()) == NOTHING
    assert home.current(LAN, InMemory().tx()) == NOTHING


@pytest.mark.parametrize("facts", ONE_OF_EACH[::-1], ids=lambda facts: type(facts).__name__)
def test_what_is_dropped_leaves_no_row_of_its_own(db: InMemory, facts: Any) -> None:
    home = HOMES.of(type(facts))
    before = home.current(facts.id, db.tx()).rows
    db.tx().drop(db.get(home.facts, facts.id))
    assert before
    assert [row for row in before if db.transaction.find(type(row), row.uuid) is not None] == []
