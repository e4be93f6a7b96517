from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ovnest.allocation.tags import HOLD_DOWN_S, TAGS, next_tag, tags_in_hold_down

LinesRun = Callable[[Callable[[], Any]], int]


@given(st.sets(st.sampled_from(TAGS), min_size=1, max_size=5), st.sampled_from(TAGS))
def test_the_free_tag_is_found_and_the_one_just_freed_comes_last(free: set[int], last: int) -> None:
    tag = next_tag(set(TAGS) - free, after=last)
    assert tag in free
    assert tag != last or free == {last}


@given(st.sets(st.sampled_from(TAGS), max_size=40), st.integers(0, 4094))
def test_it_is_the_nearest_free_tag_behind_the_last(taken: set[int], last: int) -> None:
    tag = next_tag(taken, after=last)
    assert tag is not None
    distance = (tag - last - 1) % len(TAGS)
    assert not any((other - last - 1) % len(TAGS) < distance for other in set(TAGS) - taken), (
        "a free tag was passed over"
    )


def test_every_tag_is_given_once_then_none() -> None:
    taken: set[int] = set()
    last = 0
    while (tag := next_tag(taken, after=last)) is not None:
        taken.add(tag)
        last = tag
    assert taken == set(TAGS)
    assert (min(taken), max(taken)) == (1, 4094)


def test_it_is_as_fast_with_4000_taken_as_with_none(lines_run: LinesRun) -> None:
    taken = set(range(1, 4001))
    assert next_tag(taken, after=0) == 4001
    assert lines_run(lambda: next_tag(taken, after=0)) == lines_run(lambda: next_tag(set(), after=0))


@given(st.dictionaries(st.sampled_from(TAGS), st.floats(-2000, 2000), max_size=9))
def test_a_freed_tag_rests_ten_minutes(ages: dict[int, float]) -> None:
    now = 1_700_000_000.0
    freed = {tag: now - age for tag, age in ages.items()}
    held = tags_in_hold_down(freed, now)
    assert all(freed[tag] == at for tag, at in held.items())
    assert set(held) == {tag for tag, at in freed.items() if -HOLD_DOWN_S < now - at < HOLD_DOWN_S}
    assert HOLD_DOWN_S == 600
