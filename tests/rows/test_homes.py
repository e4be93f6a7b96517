"""All homes together: what is derived from what, and which keys and columns are ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.ovsdb import Row
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.vlan_tags import VlanTags
from ovnest.rows import HOMES
from ovnest.rows.home import Glance, Lookup, PartHome
from ovnest.rows.network import localnet_port, logical_switch
from ovnest.rows.port.lookups import OWNER, PortOwner
from tests.resources.strategies import networks, placed_ports
from tests.rows.placed import Placed, rows_of


def owned(kind: type, row: Row) -> dict[str, frozenset[str] | None]:
    return dict(HOMES.owned(kind)[type(row)])


def assert_ours(kind: type, row: Row) -> None:
    """Every key of a map that a home wants is one that a write owns."""
    for column, keys in owned(kind, row).items():
        value = getattr(row, column)
        if isinstance(value, dict) and keys is not None:
            assert set(value) <= keys, column


@given(networks())
def test_the_keys_of_a_switch_and_a_localnet_port_are_ours(network: Network) -> None:
    assert_ours(Network, logical_switch(network))
    localnet = localnet_port(network)
    if localnet is not None:
        assert_ours(Network, localnet)


@given(placed_ports(), st.booleans())
def test_the_keys_of_a_port_are_ours(placed: Placed, virtual: bool) -> None:
    parents = ("a",) if virtual else ()
    rows = rows_of(placed, virtual_address="192.0.2.1", virtual_parents=parents)
    for row in (rows.port, *rows.dhcp_options):
        assert_ours(Port, row)


def test_dependents_go_round_in_no_circle() -> None:
    # Of one kind among themselves they may: each resource is derived again once.
    edges = {cause: {kind for kind in kinds if kind is not cause} for cause, kinds in HOMES.causes.items()}

    def reached(kind: type, way: tuple[type, ...]) -> None:
        assert kind not in way, " -> ".join(each.__name__ for each in (*way, kind))
        for dependent in edges.get(kind, ()):
            reached(dependent, (*way, kind))

    for cause in edges:
        reached(cause, ())
    assert edges


def test_every_row_a_lookup_goes_through_is_one_that_is_monitored() -> None:
    for home in HOMES:
        assert home.row in HOMES.row_types
        for lookup in home.lookups:
            assert lookup.index in HOMES.indexes
            assert lookup.index.row_type in HOMES.row_types
    assert len(set(HOMES.indexes)) == len(HOMES.indexes), "an index that stands twice is kept twice"
    assert len(HOMES.by_table) == len(HOMES.row_types), "two types of rows of one table"


def test_a_kind_is_a_home_a_glance_or_a_part_and_is_asked_as_such() -> None:
    part = PartHome(facts=str, whole=Port, field="tags", owner="id", by=Lookup(HOMES.indexes[0], Port))
    more = HOMES.plus(part)
    assert more.part(str) is part
    assert HOMES.part(Port) is more.part(Port) is None
    assert isinstance(more.any(PortOwner), Glance)
    assert more.any(PortOwner) is OWNER
    with pytest.raises(KeyError):
        HOMES.any(str)
    assert [home.facts for home in more] == [home.facts for home in HOMES], "a part has no rows of its own"


def test_documents_of_two_kinds_have_different_names() -> None:
    names = [kind.name for kind in HOMES.documents]
    assert len(set(names)) == len(names)
    assert VlanTags in {home.facts for home in HOMES if home.documents}
