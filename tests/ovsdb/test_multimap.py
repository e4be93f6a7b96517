"""A multimap is a set for each key, in the order in which its members came."""

from hypothesis import given
from hypothesis import strategies as st

from ovnest.ovsdb import RowUuid
from ovnest.ovsdb.multimap import Multimap

PORTS = [RowUuid(f"p{number}") for number in range(6)]
steps = st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from(PORTS)))


@given(steps)
def test_a_multimap_is_a_set_for_each_key(steps: list[tuple[bool, int, RowUuid]]) -> None:
    entries: Multimap[int] = Multimap()
    model: dict[int, set[RowUuid]] = {}
    for add, key, uuid in steps:
        if add:
            entries.add(key, uuid)
            model.setdefault(key, set()).add(uuid)
        else:
            entries.discard(key, uuid)
            model.get(key, set()).discard(uuid)
        assert len(entries.get(key)) == len(model.get(key, ()))
        assert set(entries.get(key)) == model.get(key, set())
    assert set(entries) == {key for key, uuids in model.items() if uuids}
    assert len(entries) == len(set(entries)), "a key whose last member went takes no space"


@given(steps)
def test_members_come_in_the_order_in_which_they_came(steps: list[tuple[bool, int, RowUuid]]) -> None:
    entries: Multimap[int] = Multimap()
    model: dict[int, list[RowUuid]] = {key: [] for key in range(4)}
    for add, key, uuid in steps:
        mine = model[key]
        if add:
            entries.add(key, uuid)
            if uuid not in mine:
                mine.append(uuid)
        else:
            entries.discard(key, uuid)
            if uuid in mine:
                mine.remove(uuid)
        assert {each: list(entries.get(each)) for each in model} == model
