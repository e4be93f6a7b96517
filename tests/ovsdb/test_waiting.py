"""Operations that wait: each caller in turn, and first those that are to be run again."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.ovsdb.waiting import Pending, WaitingRoom


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def pending(loop: asyncio.AbstractEventLoop, caller: str, comment: str = "") -> Pending:
    return Pending(lambda tx: None, loop.create_future(), caller, comment, 1, 0.0)


@given(callers=st.lists(st.sampled_from("abc"), max_size=30))
def test_each_caller_has_his_turn_and_his_own_order(
    loop: asyncio.AbstractEventLoop, callers: list[str]
) -> None:
    room = WaitingRoom()
    for number, caller in enumerate(callers):
        room.add(pending(loop, caller, str(number)))
    assert len(room) == len(list(room)) == len(callers)
    taken = list(room.take_fairly())
    assert len(room) == 0
    assert Counter(each.caller for each in taken) == Counter(callers)
    for caller in "abc":
        own = [int(each.comment) for each in taken if each.caller == caller]
        assert own == sorted(own)
    for count in range(len(taken)):
        served, left = Counter(e.caller for e in taken[:count]), Counter(e.caller for e in taken[count:])
        # Nobody who still waits has been served less often than another, but for the round under way.
        assert all(served[mine] >= served[other] - 1 for mine in left for other in served)


def test_what_did_not_fit_is_the_next_and_its_caller_too(loop: asyncio.AbstractEventLoop) -> None:
    room = WaitingRoom()
    for caller, comment in (("a", "1"), ("a", "2"), ("b", "3")):
        room.add(pending(loop, caller, comment))
    first = next(room.take_fairly())
    room.put_back_one(first)
    assert len(room) == 3
    assert [each.comment for each in room.take_fairly()] == ["1", "3", "2"]


def test_groups_go_before_all_others_one_at_a_time_in_the_order_given(
    loop: asyncio.AbstractEventLoop,
) -> None:
    room = WaitingRoom()
    room.add(pending(loop, "a", "waiting"))
    one, two, three = ([pending(loop, "a", name)] for name in ("1", "2", "3"))
    room.put_back(three)
    room.put_back(one, [], two)
    assert len(room) == 4
    assert [each.comment for each in room] == ["1", "2", "3", "waiting"]
    assert [room.take_group() for _ in range(4)] == [one, two, three, []]
    assert [each.comment for each in room.take_fairly()] == ["waiting"]


def test_what_has_expired_is_taken_out_and_run_by_nobody(loop: asyncio.AbstractEventLoop) -> None:
    room = WaitingRoom()
    old, group = pending(loop, "a"), [pending(loop, "a"), pending(loop, "b")]
    room.add(old)
    room.put_back(group)
    old.expired = group[0].expired = True
    assert room.take_group() == group[1:]
    assert list(room.take_fairly()) == []
    assert len(room) == 0


def test_taking_stops_where_the_batch_is_full(loop: asyncio.AbstractEventLoop) -> None:
    room = WaitingRoom()
    for _ in range(5):
        room.add(pending(loop, "a"))
    assert len(list(islice(room.take_fairly(), 2))) == 2
    assert len(room) == 3


def test_an_answer_counts_once_and_not_after_its_caller_has_left(loop: asyncio.AbstractEventLoop) -> None:
    answered, left = pending(loop, "a"), pending(loop, "a")
    answered.succeed(1)
    answered.fail(ZeroDivisionError())
    answered.succeed(2)
    assert answered.future.result() == 1
    left.future.cancel()
    left.succeed(1)
    left.fail(ZeroDivisionError())
    assert left.future.cancelled()
