"""What is staged is seen by who comes after, is sent as little as can be, and is undone without a trace."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.ovsdb import Delete, DuplicateUuid, Insert, Mutate, OvsdbError, RowGone, RowUuid, Update, Wait
from ovnest.ovsdb.staging import Stage, Transaction
from tests.ovsdb.staged import port, replica_with, staged, switch
from tests.ovsdb.tables import (
    PORT_BY_NAME,
    PORT_BY_NUMBER,
    PORT_BY_TAG,
    SWITCH_BY_NAME,
    Port,
    Switch,
    TagTracker,
)

NUMBERS = range(4)


def key(number: int) -> RowUuid:
    return RowUuid(f"p{number}")


Step = Callable[[Transaction], Any]


def a_step(which: str, number: int, other: int) -> Step:
    """One thing that an operation may do to port `number`; `other` says with what."""

    def insert(tx: Transaction) -> None:
        tx.insert(port(number, name=f"n{other}", external_ids={"tag": str(other + 1)}))

    def update(tx: Transaction) -> None:
        tx.update(port(number), name=f"n{other}", parent_name="vm" if other % 2 else None, tag=other or None)

    def change_map(tx: Transaction) -> None:
        tx.change_map(port(number), "external_ids", {"tag": str(other + 1)}, ["gone"])

    def change_set(tx: Transaction) -> None:
        tx.change_set(port(number), "addresses", [f"a{other}"], [f"a{other + 1}"])

    def delete(tx: Transaction) -> None:
        tx.delete(port(number))

    def join(tx: Transaction) -> None:
        tx.change_references(Switch, RowUuid(f"s{other % 2}"), "ports", add=[key(number)])

    def leave(tx: Transaction) -> None:
        tx.change_references(Switch, RowUuid(f"s{other % 2}"), "ports", remove=[key(number)])

    def look(tx: Transaction) -> None:
        tx.all(PORT_BY_NAME, f"n{other}")  # an index is worked out when somebody asks

    steps: dict[str, Step] = {each.__name__: each for each in (insert, update, change_map, change_set)}
    steps |= {each.__name__: each for each in (delete, join, leave, look)}
    return steps[which]


KINDS = ("insert", "update", "change_map", "change_set", "delete", "join", "leave", "look")
steps = st.lists(
    st.builds(a_step, st.sampled_from(KINDS), st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)),
    max_size=8,
)


def do(tx: Transaction, wanted: list[Step]) -> None:
    """Each step that can be done; one that cannot is refused and leaves nothing."""
    for step in wanted:
        with suppress(OvsdbError):
            step(tx)


def a_stage() -> tuple[Stage, TagTracker]:
    tracker = TagTracker()
    rows = [port(0, name="n0", external_ids={"tag": "1"}), port(1, name="n1", addresses=("a1", "a2"))]
    replica = replica_with([*rows, switch(0, name="s"), switch(1)], [("s0", "p0")], [tracker])
    return Stage(replica), tracker


def seen(stage: Stage, tracker: TagTracker) -> Any:
    """All that can be asked of a stage, and what it would send for the batch as a whole."""
    tx = Transaction(stage)
    return (
        {row.uuid: row for row in tx.rows(Port)},
        {name: {row.uuid for row in tx.all(PORT_BY_NAME, name)} for name in ("", "n0", "n1", "n2", "n3")},
        {tag: {row.uuid for row in tx.all(PORT_BY_TAG, ("vm", tag))} for tag in NUMBERS},
        {number: {row.uuid for row in tx.all(PORT_BY_NUMBER, number)} for number in range(1, 5)},
        {owner: set(tx.children(Switch, "ports", RowUuid(owner))) for owner in ("s0", "s1")},
        {number: set(tx.owners(Switch, "ports", key(number))) for number in NUMBERS},
        {repr(operation) for operation in stage.link_operations()},
        set(stage.required),
        +tracker._taken,
    )


@given(steps, steps)
def test_an_operation_that_is_undone_leaves_the_stage_as_it_was(kept: list[Step], undone: list[Step]) -> None:
    stage, tracker = a_stage()
    stage.begin()
    do(Transaction(stage), kept)
    before = seen(stage, tracker)
    stage.begin()
    do(Transaction(stage), undone)
    stage.undo()
    assert seen(stage, tracker) == before
    assert stage.operations == []


@given(steps)
def test_what_is_staged_is_found_by_each_index_as_it_is_now(wanted: list[Step]) -> None:
    stage, _ = a_stage()
    stage.begin()
    tx = Transaction(stage)
    do(tx, wanted)
    rows = list(tx.rows(Port))
    assert len({row.uuid for row in rows}) == len(rows)
    assert {number: tx.find(Port, key(number)) for number in NUMBERS} == {
        number: next((row for row in rows if row.uuid == key(number)), None) for number in NUMBERS
    }
    for index in (PORT_BY_NAME, PORT_BY_TAG, PORT_BY_NUMBER):
        for found in {each for row in rows for each in index.keys(row)} | {"none"}:
            wanted_rows = {row.uuid for row in rows if found in index.keys(row)}
            assert {row.uuid for row in tx.all(index, found)} == wanted_rows


@given(steps)
def test_trackers_follow_what_is_staged_and_go_back_when_all_have_run(wanted: list[Step]) -> None:
    stage, tracker = a_stage()
    before = +tracker._taken
    stage.begin()
    tx = Transaction(stage)
    do(tx, wanted)
    numbers = [int(row.external_ids["tag"]) for row in tx.rows(Port) if "tag" in row.external_ids]
    assert sorted((+tracker._taken).elements()) == sorted(numbers)
    stage.close()
    assert +tracker._taken == before


@given(steps)
def test_members_are_seen_from_both_ends_alike(wanted: list[Step]) -> None:
    stage, _ = a_stage()
    stage.begin()
    tx = Transaction(stage)
    do(tx, wanted)
    ends = {
        (owner, child) for owner in ("s0", "s1") for child in tx.children(Switch, "ports", RowUuid(owner))
    }
    assert ends == {(owner, key(n)) for n in NUMBERS for owner in tx.owners(Switch, "ports", key(n))}


@pytest.fixture
def tx() -> Transaction:
    """On a port with keys of ours and of others, in a switch."""
    mine = port(1, name="n1", addresses=("a", "b"), external_ids={"mine": "1", "theirs": "2"})
    return staged(replica_with([mine, switch(1)], [("s1", "p1")]))


def sent(tx: Transaction) -> list[Any]:
    """What it would send, but for the checks that rows are there."""
    return [each for each in tx._stage.operations if not isinstance(each, Wait)]


def test_a_change_of_a_map_names_just_its_keys_and_replaces_what_may_have_come_meanwhile(
    tx: Transaction,
) -> None:
    tx.change_map(port(1), "external_ids", {"mine": "9", "new": "3"}, ["absent"])
    (mutate,) = sent(tx)
    assert isinstance(mutate, Mutate)
    # An insert replaces no key, so those that are put are deleted first, also those not known to be there.
    assert [(name, how) for name, how, _ in mutate.mutations] == [
        ("external_ids", "delete"),
        ("external_ids", "insert"),
    ]
    assert set(mutate.mutations[0][2][1]) == {"mine", "new"}
    assert dict(mutate.mutations[1][2][1]) == {"mine": "9", "new": "3"}
    after = tx.find(Port, key(1))
    assert after is not None
    assert after.external_ids == {"mine": "9", "theirs": "2", "new": "3"}


def test_a_change_of_a_set_names_just_its_elements(tx: Transaction) -> None:
    tx.change_set(port(1), "addresses", ["b", "c"], ["a", "absent"])
    (mutate,) = sent(tx)
    assert mutate.mutations == [
        ("addresses", "delete", ("set", ["a"])),
        ("addresses", "insert", ("set", ["c"])),
    ]
    assert tx.find(Port, key(1)).addresses == ("b", "c")  # type: ignore[union-attr]  # it is there


def test_a_change_that_changes_nothing_sends_nothing(tx: Transaction) -> None:
    row = tx.find(Port, key(1))
    assert row is not None
    assert tx.update(row, name="n1", tag=None) is row
    assert tx.change_map(row, "external_ids", {"mine": "1"}, ["absent"]) is row
    assert tx.change_set(row, "addresses", ["a"], ["absent"]) is row
    assert sent(tx) == []
    assert not tx.written


def test_an_update_is_of_the_row_as_it_is_and_not_as_its_caller_saw_it(tx: Transaction) -> None:
    stale = tx.find(Port, key(1))
    assert stale is not None
    tx.update(stale, tag=5)
    assert tx.update(stale, name="n2").tag == 5


def test_a_row_that_is_changed_must_still_be_there_and_is_asked_for_once(tx: Transaction) -> None:
    for tag in (1, 2, 3):
        tx.update(port(1), tag=tag)
    assert [type(each) for each in tx._stage.operations] == [Wait, Update, Update, Update]
    tx.insert(port(2))
    tx.update(port(2), tag=4)
    assert [type(each) for each in tx._stage.operations[4:]] == [Insert, Update], "this batch makes it"


def test_what_is_gone_cannot_be_changed_and_what_is_there_cannot_be_made(tx: Transaction) -> None:
    with pytest.raises(DuplicateUuid):
        tx.insert(port(1))
    tx.delete(port(1))
    assert isinstance(sent(tx)[-1], Delete)
    for change in (
        lambda: tx.update(port(1), tag=1),
        lambda: tx.change_map(port(1), "options", {"a": "b"}),
        lambda: tx.change_set(port(1), "addresses", ["a"]),
        lambda: tx.delete(port(1)),
        lambda: tx.change_references(Switch, RowUuid("s9"), "ports", add=[key(1)]),
        lambda: tx.require(Port, key(1)),
    ):
        with pytest.raises(RowGone):
            change()
    tx.insert(port(1))


def test_only_columns_that_are_sets_and_references_are_changed_as_such(tx: Transaction) -> None:
    with pytest.raises(TypeError, match="name is no set"):
        tx.change_set(port(1), "name", ["a"])
    with pytest.raises(TypeError, match="neither in its CONTAINS nor in its JOINS"):
        tx.change_references(Switch, RowUuid("s1"), "name", add=[key(1)])


def test_members_are_sent_once_for_the_batch_and_on_balance(tx: Transaction) -> None:
    owner = RowUuid("s1")
    tx.change_references(Switch, owner, "ports", remove=[key(1)])
    tx.change_references(Switch, owner, "ports", add=[key(1), key(2), key(3)])
    tx.change_references(Switch, owner, "ports", remove=[key(3)])
    (mutate,) = tx._stage.link_operations()
    assert isinstance(mutate, Mutate)
    assert list(mutate.mutations) == [("ports", "insert", ("set", [("uuid", "p2")]))]
    tx.delete(switch(1))
    assert tx._stage.link_operations() == [], "a switch that goes needs no members taken out"


def test_rows_of_a_type_of_which_nothing_is_staged_are_the_replicas(tx: Transaction) -> None:
    tx.update(port(1), name="n2")
    assert [row.uuid for row in tx.all(SWITCH_BY_NAME, "")] == ["s1"]
    assert [row.uuid for row in tx.rows(Switch)] == ["s1"]
