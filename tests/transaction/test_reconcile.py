"""The least that must be written: afterwards our columns are as wanted, and what is others' is as it was."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Replica, RowUuid, Transaction
from ovnest.ovsdb.schema import convert_schema, fit
from ovnest.ovsdb.staging import Stage
from ovnest.resources.port import Port
from ovnest.rows import HOMES
from ovnest.rows.home import NOTHING, Entry, Home, Reference, Wanted
from ovnest.transaction.reconcile import differences, new_references, reconcile
from tests.northbound_server import SCHEMA
from tests.resources.strategies import texts

SCHEMA_OF_OVN = convert_schema(json.loads(SCHEMA.read_text()))
ID = RowUuid("00000000-0000-4000-8000-000000000001")
OTHER = RowUuid("00000000-0000-4000-8000-000000000002")
OWNED = HOMES.owned(Port)
KEYS = {column: keys or frozenset() for column, keys in OWNED[LogicalSwitchPort]}


def transaction() -> Transaction:
    """One on an empty database."""
    replica = Replica(HOMES.row_types)
    for shape in replica.shapes:
        fit(shape, SCHEMA_OF_OVN)
    stage = Stage(replica)
    stage.begin()
    return Transaction(stage)


names = st.sampled_from(sorted(KEYS["external_ids"])) | texts
options = st.sampled_from(sorted(KEYS["options"])) | texts
sets = st.lists(texts, max_size=3, unique=True).map(sorted).map(tuple)
lsps = st.builds(
    LogicalSwitchPort,
    uuid=st.just(ID),
    name=texts,
    type=texts,
    addresses=sets,
    port_security=sets,
    parent_name=st.none() | texts,
    tag_request=st.none() | st.integers(0, 4095),
    tag=st.none() | st.integers(1, 4095),
    up=st.none() | st.booleans(),
    enabled=st.none() | st.booleans(),
    options=st.dictionaries(options, texts, max_size=4),
    dhcpv4_options=st.none() | st.just(ID),
    dhcpv6_options=st.none(),
    external_ids=st.dictionaries(names, texts, max_size=6),
)


def ours(row: LogicalSwitchPort) -> LogicalSwitchPort:
    """The row as `derive` would make it: with our own keys only."""
    for column in ("options", "external_ids"):
        owned = KEYS[column]
        kept = {key: value for key, value in getattr(row, column).items() if key in owned}
        row = replace(row, **{column: kept})
    return row


@given(lsps, lsps)
def test_a_row_becomes_what_is_wanted_and_keeps_what_is_others(
    present: LogicalSwitchPort, other: LogicalSwitchPort
) -> None:
    wanted = ours(other)
    tx = transaction()
    tx.insert(present)
    reconcile(tx, Wanted(rows=(present,)), Wanted(rows=(wanted,)), OWNED)
    after = tx.find(LogicalSwitchPort, ID)
    assert after is not None
    assert differences(after, wanted, OWNED[LogicalSwitchPort]) == {}
    assert after.up is present.up
    for column in ("options", "external_ids"):
        owned = KEYS[column]
        before = {key: value for key, value in getattr(present, column).items() if key not in owned}
        assert {key: value for key, value in getattr(after, column).items() if key not in owned} == before


@given(lsps)
def test_what_is_as_wanted_is_not_written(row: LogicalSwitchPort) -> None:
    tx = transaction()
    tx.insert(row)
    sent = len(tx._stage.operations)
    reconcile(tx, Wanted(rows=(row,)), Wanted(rows=(ours(row),)), OWNED)
    assert len(tx._stage.operations) == sent


@given(lsps, lsps)
def test_a_change_sends_no_more_than_what_differs(
    present: LogicalSwitchPort, other: LogicalSwitchPort
) -> None:
    wanted = ours(other)
    tx = transaction()
    tx.insert(present)
    sent = len(tx._stage.operations)
    reconcile(tx, Wanted(rows=(present,)), Wanted(rows=(wanted,)), OWNED)
    written: set[str] = set()
    for operation in tx._stage.operations[sent:]:
        plain: Any = operation
        written |= set(getattr(plain, "row", {})) | {each[0] for each in getattr(plain, "mutations", ())}
    assert written == set(differences(present, wanted, OWNED[LogicalSwitchPort]))


def test_rows_that_are_not_wanted_go_and_new_ones_come() -> None:
    tx = transaction()
    old = DhcpOptions(uuid=ID, cidr="192.0.2.0/24")
    new = DhcpOptions(uuid=RowUuid(ID.replace("1", "2")), cidr="198.51.100.0/24")
    tx.insert(old)
    reconcile(tx, Wanted(rows=(old,)), Wanted(rows=(new,)), OWNED)
    assert list(tx.rows(DhcpOptions)) == [new]


def test_only_references_that_a_row_gets_have_to_be_there() -> None:
    parent = LogicalSwitchPort(uuid=ID, parent_name="parent", dhcpv4_options=ID)
    other = replace(parent, parent_name="other")
    tables = HOMES.by_table
    assert new_references([parent], [parent], tables) == []
    assert new_references([parent], [other], tables) == [(LogicalSwitchPort, "other")]
    new = new_references([], [parent], tables)
    assert set(new) == {(LogicalSwitchPort, "parent"), (DhcpOptions, ID)}


def test_a_reference_moves_from_one_owner_to_another() -> None:
    tx = transaction()
    port = LogicalSwitchPort(uuid=ID)
    for owner in (ID, OTHER):
        tx.insert(LogicalSwitch(uuid=owner))
    tx.insert(port)
    here, there = (
        Wanted(rows=(port,), references=frozenset((Reference(LogicalSwitch, owner, "ports", ID),)))
        for owner in (ID, OTHER)
    )
    reconcile(tx, Wanted(rows=(port,)), here, OWNED)
    assert list(tx.owners(LogicalSwitch, "ports", ID)) == [ID]
    reconcile(tx, here, there, OWNED)
    assert list(tx.owners(LogicalSwitch, "ports", ID)) == [OTHER]
    reconcile(tx, there, NOTHING, {})
    assert list(tx.owners(LogicalSwitch, "ports", ID)) == []
    assert tx.find(LogicalSwitchPort, ID) is None


def test_a_shared_row_comes_with_the_first_key_and_goes_with_the_last() -> None:
    tx = transaction()
    shared = Document(uuid=ID, name="shared")

    def keys(**items: str) -> Wanted:
        return Wanted(entries=(Entry(shared, "external_ids", tuple(items.items())),))

    def there() -> dict[str, str] | None:
        row = tx.find(Document, ID)
        return None if row is None else row.external_ids

    reconcile(tx, NOTHING, keys(a="1"), {})
    reconcile(tx, NOTHING, keys(b="2"), {})
    assert there() == {"a": "1", "b": "2"}
    reconcile(tx, keys(a="1"), keys(c="3"), {})
    assert there() == {"b": "2", "c": "3"}
    reconcile(tx, keys(b="2"), NOTHING, {})
    assert there() == {"c": "3"}
    reconcile(tx, keys(c="3"), NOTHING, {})
    assert there() is None


@pytest.mark.parametrize("home", list(HOMES), ids=lambda home: home.facts.__name__)
def test_owned_columns_are_columns_that_ovn_does_not_fill_in(home: Home[Any]) -> None:
    for row_type, owned in HOMES.owned(home.facts).items():
        assert {column for column, _ in owned} == set(row_type.__struct_fields__) - {"uuid", "up"}
