"""The keys by which a row is known to be a port of the API."""

import pytest

from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.rows.port.columns import PortRows
from ovnest.rows.port.keys import CIDRS, DETAILS, KEYS, NAME, SWITCH, addresses_of, is_port, network_id_of
from tests.in_memory import LAN, InMemory, a_network, a_port, a_subnet
from tests.rows.placed import rows_of


def lsp(name: str = "p", **ids: str) -> LogicalSwitchPort:
    return LogicalSwitchPort(uuid=RowUuid("p"), name=name, external_ids=ids)


def test_a_port_is_named_after_its_own_id_marked_and_on_one_of_our_networks() -> None:
    ours = {NAME: "", SWITCH: f"neutron-{LAN}"}
    assert is_port(lsp(**ours))
    assert network_id_of(lsp(**ours)) == LAN
    assert not is_port(lsp("another", **ours)), "a copy of a port's row is none"
    for missing in ours:
        left = {key: value for key, value in ours.items() if key != missing}
        assert not is_port(lsp(**left))
        assert network_id_of(lsp(**left)) is None
    assert network_id_of(lsp(**{NAME: "", SWITCH: "theirs"})) is None


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("192.0.2.2/24 2001:db8::2/64", ["192.0.2.2", "2001:db8::2"]),
        ("192.0.2.2", ["192.0.2.2"]),
        ("", []),
        (None, []),
    ],
)
def test_addresses_are_told_without_their_prefix(written: str | None, addresses: list[str]) -> None:
    assert addresses_of(lsp() if written is None else lsp(**{CIDRS: written})) == addresses


def test_no_two_facts_of_a_port_stand_under_one_key() -> None:
    names = [key.name for key in KEYS.keys]
    assert len(set(names)) == len(names)
    assert len(DETAILS.codec.owned) == len(DETAILS.codec.fields)


def test_every_key_of_a_row_is_said_to_be_ours_and_each_is_there_but_for_an_idempotency_key() -> None:
    rows: PortRows = rows_of((a_network(), (a_subnet(),), a_port(1)))
    assert set(rows.port.external_ids) == KEYS.owned - {"ovnest:idempotency"}


def test_description_and_tags_stand_in_the_document_and_not_on_the_row() -> None:
    db = InMemory()
    plain, described = a_port(1), a_port(2, description="d", tags=("t",), profile={"a": 1})
    db.put(a_network(), plain, described)
    ids = [db.row(LogicalSwitchPort, each.id).external_ids for each in (plain, described)]
    assert ids[0].keys() == ids[1].keys()
