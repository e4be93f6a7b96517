from bisect import bisect_left
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovnest.allocation.addresses import TakenAddresses
from ovnest.allocation.ranges import AddressRange

LinesRun = Callable[[Callable[[], Any]], int]

# Runs that start and end around the edges of bitmaps (256) and of the nodes above them (65,536).
EDGES = st.builds(
    lambda base, block, offset: max(0, base + 256 * block + offset),
    st.sampled_from((0, 0xC0000200, 65536 - 256, 0x20010DB8 << 96, (1 << 128) - 2048)),
    st.integers(0, 6),
    st.integers(-3, 3),
)
RUNS = st.lists(st.tuples(st.booleans(), EDGES, st.sampled_from((1, 2, 255, 256, 257, 700))), max_size=8)


def v6(first: int, last: int) -> AddressRange:
    return AddressRange(version=6, first=first, last=min(last, (1 << 128) - 1))


def fill(runs: list[tuple[bool, int, int]]) -> tuple[TakenAddresses, set[int]]:
    taken, model = TakenAddresses(), set[int]()
    for add, first, length in runs:
        for address in range(first, min(first + length, 1 << 128)):
            if add:
                taken.add(address)
                model.add(address)
            else:
                taken.discard(address)
                model.discard(address)
    return taken, model


@settings(max_examples=150, deadline=None)
@given(RUNS)
def test_it_holds_what_a_set_holds(runs: list[tuple[bool, int, int]]) -> None:
    taken, model = fill(runs)
    assert list(taken) == sorted(model)
    assert len(taken) == len(model)
    for _, first, length in runs:
        for address in (first - 1, first, first + length - 1, first + length):
            assert (address in taken) == (address in model)


@settings(max_examples=150, deadline=None)
@given(RUNS, EDGES, st.integers(0, 2000))
def test_a_range_is_counted_as_by_counting(runs: list[tuple[bool, int, int]], first: int, more: int) -> None:
    taken, model = fill(runs)
    ordered = sorted(model)
    wanted = v6(first, first + more)
    expected = bisect_left(ordered, wanted.last + 1) - bisect_left(ordered, wanted.first)
    assert taken.count(wanted) == expected
    assert taken.count(v6(0, (1 << 128) - 1)) == len(model)


@settings(max_examples=250, deadline=None)
@given(RUNS, RUNS, st.lists(st.tuples(EDGES, st.integers(0, 900)), min_size=1, max_size=3), EDGES)
def test_the_first_free_address_is_the_one_that_looking_at_each_finds(
    runs: list[tuple[bool, int, int]],
    staged_runs: list[tuple[bool, int, int]],
    bounds: list[tuple[int, int]],
    start: int,
) -> None:
    taken, model = fill(runs)
    staged, staged_model = fill(staged_runs)
    ranges = [v6(first, first + more) for first, more in bounds if first < 1 << 128]
    in_order = sorted({address for each in ranges for address in range(each.first, each.last + 1)})
    wrapped = [a for a in in_order if a >= start] + [a for a in in_order if a < start]

    assert taken.first_free(ranges, start=start) == next((a for a in wrapped if a not in model), None)
    assert taken.first_free(ranges, skip=staged, start=start) == next(
        (a for a in wrapped if a not in model and a not in staged_model), None
    )


def test_a_freed_address_in_a_full_16_is_found_again() -> None:
    net = AddressRange(version=4, first=0x0A000000, last=0x0A00FFFF)
    taken = TakenAddresses(range(net.first, net.last + 1))
    assert taken.first_free([net]) is None
    assert taken.next_free(net.first) == net.last + 1

    taken.discard(0x0A00FE07)
    assert taken.first_free([net]) == 0x0A00FE07
    assert taken.first_free([net], start=0x0A00FE08) == 0x0A00FE07

    taken.add(0x0A00FE07)
    assert taken.first_free([net]) is None
    assert taken.count(net) == 65536


SIXTEEN = AddressRange(version=4, first=0x0A000001, last=0x0A00FFFE)
HOST = int(ip_address("2001:db8::"))
SIXTY_FOUR = AddressRange(version=6, first=HOST + 1, last=HOST + (1 << 64) - 1)
BUSY = {
    "a /16 with 60,000 at its start": (SIXTEEN, range(SIXTEEN.first, SIXTEEN.first + 60_000)),
    "a /64 with 50,000 all over": (SIXTY_FOUR, range(HOST + 1, HOST + (1 << 60), (1 << 60) // 50_000)),
    "a /64 with 70,000 at its start": (SIXTY_FOUR, range(HOST + 1, HOST + 70_001)),
    "a /64 with 270,000 at its start": (SIXTY_FOUR, range(HOST + 1, HOST + 270_001)),
}


@pytest.mark.parametrize("case", BUSY)
def test_it_is_as_fast_in_a_busy_subnet_as_in_an_empty_one(case: str, lines_run: LinesRun) -> None:
    subnet, addresses = BUSY[case]
    empty, taken = TakenAddresses(), TakenAddresses(addresses)
    free = next(a for a in range(subnet.first, subnet.last) if a not in taken)

    assert taken.first_free([subnet]) == free
    assert taken.first_free([subnet], skip=TakenAddresses([free])) != free
    least = lines_run(lambda: empty.first_free([subnet]))
    assert lines_run(lambda: taken.first_free([subnet])) <= least + 20
    assert lines_run(lambda: taken.first_free([subnet], skip=empty)) <= least + 40
    assert lines_run(lambda: taken.add(free)) <= 60
    assert lines_run(lambda: taken.discard(free)) <= 60
    assert taken.count(subnet) == len(addresses)


@pytest.mark.parametrize("case", BUSY)
def test_a_range_is_counted_by_nodes_not_by_addresses(case: str, lines_run: LinesRun) -> None:
    subnet, addresses = BUSY[case]
    taken = TakenAddresses(addresses)
    middle = addresses[len(addresses) // 2]
    half = AddressRange(version=subnet.version, first=subnet.first, last=middle)
    assert taken.count(half) == len(addresses) // 2 + 1
    assert lines_run(lambda: taken.count(half)) <= 2 * 9 * 256


def test_a_batch_that_staged_a_thousand_addresses_finds_the_next_as_fast(lines_run: LinesRun) -> None:
    net = [AddressRange(version=4, first=0x0A000001, last=0x0A00FFFE)]
    taken = TakenAddresses(range(0x0A000002, 0x0A00FFFF, 2))  # every other one: no run to leap over
    staged = TakenAddresses()
    for number in range(1000):
        address = taken.first_free(net, skip=staged)
        assert address == 0x0A000001 + 2 * number
        staged.add(address)
    assert lines_run(lambda: taken.first_free(net, skip=staged)) <= 250
    cursor = max(staged) + 1
    assert lines_run(lambda: taken.first_free(net, skip=staged, start=cursor)) <= 30


def test_adding_and_removing_again_leaves_nothing_behind() -> None:
    taken = TakenAddresses(range(1000))
    for address in range(1000):
        taken.discard(address)
        taken.discard(address)
    assert len(taken) == 0
    assert list(taken) == []
    assert taken.first_free([v6(0, 5)]) == 0
    taken.add(1 << 100)
    assert taken.count(v6(0, (1 << 100) - 1)) == 0
    assert taken.count(v6(1 << 100, 1 << 101)) == 1
