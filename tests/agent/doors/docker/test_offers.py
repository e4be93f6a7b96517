"""Which CIDRs Docker is promised."""

import time
from ipaddress import ip_network

import pytest

from ovnest.agent.doors.docker import offers
from ovnest.agent.doors.docker.offers import FREE, Offers
from ovnest.agent.errors import BadRequest

NET = ip_network


def test_what_is_free_is_given_in_order_and_to_nobody_twice() -> None:
    given = Offers()
    assert given.offer("", 4, [NET("10.200.0.128/25")]) == NET("10.200.1.0/24")
    assert given.offer("", 4, []) == NET("10.200.0.0/24")
    assert given.offer("", 4, [NET("10.200.0.0/16"), NET("fd00::/8")]) == NET("192.168.192.0/24")


def test_when_all_is_taken_that_is_said() -> None:
    given = Offers()
    for _ in FREE:
        given.offer("", 4, [])
    with pytest.raises(BadRequest, match="no free subnet"):
        given.offer("", 4, [])
    given.withdraw(str(FREE[7]))
    assert given.offer("", 4, []) == FREE[7]


def test_a_wanted_one_is_given_as_the_network_that_it_is_in() -> None:
    given = Offers()
    assert given.offer("10.77.0.5/24", 4, []) == NET("10.77.0.0/24")
    assert given.has("10.77.0.0/24")
    assert given.offer("fd00:0:77::/64", 6, []) == NET("fd00:0:77::/64")
    assert given.has("fd00:0:77:0::/64")
    given.withdraw("10.77.0.0/24")
    assert not given.has("10.77.0.0/24")


@pytest.mark.parametrize("wanted", ["10.77.0.0/24", "10.77.0.128/25", "10.0.0.0/8", "10.78.0.0/31", "x"])
def test_what_cannot_be_had_is_refused(wanted: str) -> None:
    given = Offers()
    given.offer("10.77.0.0/24", 4, [])
    with pytest.raises(BadRequest):
        given.offer(wanted, 4, [])
    assert given.has("10.77.0.0/24")


def test_no_ipv6_prefix_is_made_up() -> None:
    with pytest.raises(BadRequest, match="--subnet"):
        Offers().offer("", 6, [])


def test_a_promise_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    given = Offers()
    given.offer("10.77.0.0/24", 4, [])
    now += offers.OFFERED_S - 1
    assert given.has("10.77.0.0/24")
    now += 2
    assert not given.has("10.77.0.0/24")
    given.offer("10.77.0.0/25", 4, [])
