"""Group commit: many operations one transaction, each answered for itself. No server."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from ovnest.ovsdb import Options, Replica, RowUuid, TooLarge, Transaction
from ovnest.ovsdb.batch import Batch, Verdict
from ovnest.ovsdb.messages import Message
from ovnest.ovsdb.waiting import Pending, WaitingRoom
from tests.ovsdb.staged import port, replica_with, switch
from tests.ovsdb.tables import Port, Switch


class Desk:
    """A replica with a switch, and operations that wait for it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.replica: Replica = replica_with([switch(1), port(0)])
        self.room = WaitingRoom()

    def ask(self, operation: Callable[[Transaction], Any], *, items: int = 1, comment: str = "") -> Pending:
        made = Pending(operation, self.loop.create_future(), "me", comment, items, 0.0)
        self.room.add(made)
        return made

    def batch(self, **options: Any) -> Batch:
        batch = Batch()
        usual: dict[str, Any] = {"batch_ms": 60_000, "durable": False}
        batch.fill(self.room, self.replica, Options(**usual | options))
        return batch


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.loop.close()


def insert(number: int, size: int = 0) -> Callable[[Transaction], str]:
    def operation(tx: Transaction) -> str:
        tx.insert(port(number, name="x" * size))
        return f"p{number}"

    return operation


def refuse(tx: Transaction) -> None:
    tx.insert(port(9))
    raise ZeroDivisionError


def operations(batch: Batch) -> list[Any]:
    """What it sends, after the database's name."""
    database, *rest = msgspec.json.decode(b"[" + batch.params("DB") + b"]")
    assert database == "DB"
    return list(rest)


def test_operations_go_out_together_each_seeing_those_before(desk: Desk) -> None:
    desk.ask(insert(1))
    later = desk.ask(lambda tx: sorted(row.uuid for row in tx.rows(Port)))
    batch = desk.batch()
    assert [each["op"] for each in operations(batch)] == ["insert"]
    batch.deliver()
    assert later.future.result() == ["p0", "p1"]
    assert desk.replica.find(Port, RowUuid("p1")) is None, "it is not written yet"


def test_one_that_refuses_is_undone_alone_and_told_so(desk: Desk) -> None:
    good, bad = desk.ask(insert(1)), desk.ask(refuse)
    after = desk.ask(lambda tx: tx.find(Port, RowUuid("p9")))
    batch = desk.batch()
    assert [each["uuid"] for each in operations(batch)] == ["p1"]
    batch.deliver()
    assert good.future.result() == "p1"
    assert isinstance(bad.future.exception(), ZeroDivisionError)
    assert after.future.result() is None


def test_a_batch_that_stages_nothing_is_not_sent(desk: Desk) -> None:
    desk.ask(lambda tx: tx.find(Port, RowUuid("p0")))
    desk.ask(refuse)
    assert not desk.batch(durable=True).written


def test_members_comments_and_durability_come_last_and_once(desk: Desk) -> None:
    def join(number: int) -> Callable[[Transaction], None]:
        def operation(tx: Transaction) -> None:
            tx.insert(port(number))
            tx.change_references(Switch, RowUuid("s1"), "ports", add=[RowUuid(f"p{number}")])

        return operation

    for number in (1, 2, 3):
        desk.ask(join(number), comment="make" if number < 3 else "")
    sent = operations(desk.batch(durable=True))
    parts = ["insert", "wait", "insert", "insert"]  # the switch is asked for once
    assert [each["op"] for each in sent] == [*parts, "mutate", "comment", "commit"]
    assert sent[-3]["mutations"][0][2][1] == [["uuid", "p1"], ["uuid", "p2"], ["uuid", "p3"]]
    assert sent[-2]["comment"] == "make"


@pytest.mark.parametrize(
    ("options", "fit"),
    [({"batch_operations": 2}, 2), ({"batch_items": 6}, 2), ({"batch_bytes": 700}, 3), ({"batch_ms": 0}, 1)],
)
def test_a_batch_ends_where_it_is_full_and_the_rest_waits(
    desk: Desk, options: dict[str, Any], fit: int
) -> None:
    asked = [desk.ask(insert(number, size=130), items=3) for number in range(1, 6)]
    batch = desk.batch(**options)
    assert batch.pending == asked[:fit]
    assert list(desk.room.take_fairly()) == asked[fit:], "and in its order"


def test_one_that_is_larger_than_a_batch_goes_alone_and_one_beyond_all_bounds_is_refused(desk: Desk) -> None:
    large, small = desk.ask(insert(1, size=900)), desk.ask(insert(2))
    assert desk.batch(batch_bytes=500).pending == [large]
    assert desk.batch(batch_bytes=500).pending == [small]
    huge = desk.ask(insert(3, size=900))
    batch = desk.batch(operation_bytes=500)
    assert batch.pending == []
    assert not batch.written
    assert isinstance(huge.future.exception(), TooLarge)


def test_a_group_that_is_run_again_is_a_batch_by_itself(desk: Desk) -> None:
    again = [desk.ask(insert(1)), desk.ask(insert(2))]
    list(desk.room.take_fairly())
    waiting = desk.ask(insert(3))
    desk.room.put_back(again)
    assert desk.batch(batch_operations=1).pending == again
    assert desk.batch().pending == [waiting]
    assert [each.attempts for each in (*again, waiting)] == [1, 1, 1]


def told(error: str | None, at: int) -> Message:
    """The reply of a server that fails at that operation; -1: it has none to blame."""
    if error is not None and at < 0:
        return Message(id=1, error={"error": error})
    results: list[Any] = [{} for _ in range(20)]
    if error is not None:
        results[at] = {"error": error}
    return Message(id=1, result=results)


@pytest.mark.parametrize(
    ("error", "at", "verdict", "blamed"),
    [
        (None, 0, Verdict.COMMITTED, None),
        ("timed out", 0, Verdict.LEDGER, None),
        ("timed out", 1, Verdict.LEDGER, None),
        ("duplicate uuid", 2, Verdict.CONFLICT, 0),
        ("timed out", 3, Verdict.CONFLICT, 2),
        ("constraint violation", 4, Verdict.FAULT, 2),
        ("constraint violation", 5, Verdict.COMMIT, None),
        ("referential integrity violation", 9, Verdict.COMMIT, None),
        ("not supported", -1, Verdict.COMMIT, None),
    ],
)
def test_a_reply_blames_the_operation_whose_part_failed(
    desk: Desk, error: str | None, at: int, verdict: Verdict, blamed: int | None
) -> None:
    # Two operations of the ledger, then the parts: one, none (it only reads), two.
    def two(tx: Transaction) -> None:
        insert(2)(tx)
        insert(3)(tx)

    asked = [desk.ask(insert(1)), desk.ask(lambda tx: None), desk.ask(two)]
    batch = desk.batch()
    batch.order(7, 1, [b'{"op":"first"}', b'{"op":"second"}'])
    assert [each["op"] for each in operations(batch)] == ["first", "second", *["insert"] * 3]
    found, problem, pending = batch.judge(told(error, at))
    assert found is verdict
    assert (problem is None) == (error is None)
    assert pending is (None if blamed is None else asked[blamed])


def test_the_same_bytes_are_sent_again(desk: Desk) -> None:
    desk.ask(insert(1))
    batch = desk.batch()
    batch.order(7, 1, [b'{"op":"first"}'])
    assert batch.params("DB") == batch.params("DB")
