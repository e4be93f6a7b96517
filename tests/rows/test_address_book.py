"""The book of taken addresses says what the rows say, in whichever order it was told of them."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.rows import HOMES
from ovnest.rows.address_book import AddressBook
from ovnest.rows.port.keys import CIDRS, NAME, SWITCH

NETWORK = "00000000-0000-4000-8000-000000000000"
PORTS = range(4)
HELD = st.dictionaries(st.sampled_from(PORTS), st.sets(st.integers(1, 4), min_size=0, max_size=2))


def _port(number: int, addresses: set[int]) -> LogicalSwitchPort:
    cidrs = " ".join(f"192.0.2.{address}/24" for address in sorted(addresses))
    ids = {NAME: "", SWITCH: f"neutron-{NETWORK}", CIDRS: cidrs}
    return LogicalSwitchPort(uuid=RowUuid(f"port{number}"), name=f"port{number}", external_ids=ids)


@given(st.lists(HELD, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_an_address_is_taken_as_long_as_any_port_has_it(
    states: list[dict[int, set[int]]], chance: Random
) -> None:
    book = AddressBook(HOMES)
    (tracker,) = book.trackers
    before: dict[int, set[int]] = {}
    for after in states:
        order = list(PORTS)
        chance.shuffle(order)  # the order in which an update names its rows
        for number in order:
            if number in before:
                tracker.removed(_port(number, before[number]))
            if number in after:
                tracker.added(_port(number, after[number]))
        held = set().union(*after.values())
        assert {address & 0xFF for address in book.taken(NETWORK, 4)} == held
        for address in range(1, 5):
            holders = sum(address in each for each in after.values())
            assert book.holders(NETWORK, f"192.0.2.{address}") == holders
        before = after
