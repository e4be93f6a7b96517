"""The least that must be written: afterwards our columns are as wanted, and what is others' is as it was."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ovnest.derive.columns import OWNED_COLUMNS, OWNED_KEYS
from ovnest.northbound.tables import TABLES, DhcpOptions, LogicalSwitchPort
from ovnest.ovsdb import Replica, Row, RowUuid, Transaction
from ovnest.ovsdb.schema import convert_schema, fit
from ovnest.ovsdb.staging import Stage
from ovnest.transaction.reconcile import differences, new_references, reconcile
from tests.northbound_server import SCHEMA
from tests.resources.strategies import texts

SCHEMA_OF_OVN = convert_schema(json.loads(SCHEMA.read_text()))
ID = RowUuid("00000000-0000-4000-8000-000000000001")


def transaction() -> Transaction:
    """One on an empty database."""
    replica = Replica(TABLES)
    for shape in replica.shapes:
        fit(shape, SCHEMA_OF_OVN)
    stage = Stage(replica)
    stage.begin()
    return Transaction(stage, 1)


names = st.sampled_from(sorted(OWNED_KEYS[LogicalSwitchPort, "external_ids"] or ())) | texts
options = st.sampled_from(sorted(OWNED_KEYS[LogicalSwitchPort, "options"] or ())) | texts
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
        owned = OWNED_KEYS[LogicalSwitchPort, column] or frozenset()
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
    reconcile(tx, [present], [wanted])
    after = tx.find(LogicalSwitchPort, ID)
    assert after is not None
    assert differences(after, wanted) == {}
    assert after.up is present.up
    for column in ("options", "external_ids"):
        owned = OWNED_KEYS[LogicalSwitchPort, column] or frozenset()
        before = {key: value for key, value in getattr(present, column).items() if key not in owned}
        assert {key: value for key, value in getattr(after, column).items() if key not in owned} == before


@given(lsps)
def test_what_is_as_wanted_is_not_written(row: LogicalSwitchPort) -> None:
    tx = transaction()
    tx.insert(row)
    sent = len(tx._stage.operations)
    reconcile(tx, [row], [ours(row)])
    assert len(tx._stage.operations) == sent


@given(lsps, lsps)
def test_a_change_sends_no_more_than_what_differs(
    present: LogicalSwitchPort, other: LogicalSwitchPort
) -> None:
    wanted = ours(other)
    tx = transaction()
    tx.insert(present)
    sent = len(tx._stage.operations)
    reconcile(tx, [present], [wanted])
    written: set[str] = set()
    for operation in tx._stage.operations[sent:]:
        plain: Any = operation
        written |= set(getattr(plain, "row", {})) | {each[0] for each in getattr(plain, "mutations", ())}
    assert written == set(differences(present, wanted))


def test_rows_that_are_not_wanted_go_and_new_ones_come() -> None:
    tx = transaction()
    old = DhcpOptions(uuid=ID, cidr="192.0.2.0/24")
    new = DhcpOptions(uuid=RowUuid(ID.replace("1", "2")), cidr="198.51.100.0/24")
    tx.insert(old)
    reconcile(tx, [old], [new])
    assert list(tx.rows(DhcpOptions)) == [new]


def test_only_references_that_a_row_gets_have_to_be_there() -> None:
    parent = LogicalSwitchPort(uuid=ID, parent_name="parent", dhcpv4_options=ID)
    other = replace(parent, parent_name="other")
    assert new_references([parent], [parent]) == []
    assert new_references([parent], [other]) == [(LogicalSwitchPort, "other")]
    assert set(new_references([], [parent])) == {(LogicalSwitchPort, "parent"), (DhcpOptions, ID)}


@pytest.mark.parametrize("row_type", TABLES)
def test_owned_columns_are_columns(row_type: type[Row]) -> None:
    assert set(OWNED_COLUMNS[row_type]) <= set(row_type.__struct_fields__) - {"uuid", "up"}
