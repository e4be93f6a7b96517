"""Address groups are written and read again; what their two sets have is derived from the facts."""

from contextlib import suppress
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ovnest.northbound.tables import AddressSet
from ovnest.ovsdb import RowUuid
from ovnest.resources.address_group import AddressGroup, in_order
from ovnest.rows import HOMES
from ovnest.rows.address_group import (
    GROUP,
    address_set_name,
    address_sets,
    group_of_address_set,
    is_address_group,
    read_address_group,
    second_address_set,
)
from tests.resources.strategies import address_groups, texts, uuids
from tests.rows.placed import ANY_KEYS, sent


@given(address_groups())
def test_a_group_is_written_and_read_again(group: AddressGroup) -> None:
    first, second = address_sets(group)
    assert read_address_group(first, second) == group
    assert is_address_group(first)
    assert not is_address_group(second)
    assert (first.name, second.name) == (address_set_name(group.id, 4), address_set_name(group.id, 6))
    assert (first.uuid, second.uuid) == (group.id, second_address_set(group.id))
    for row, version in ((first, 4), (second, 6)):
        sent(row)
        assert {ip_network(cidr).version for cidr in row.addresses} <= {version}
        assert row.addresses == tuple(sorted(set(row.addresses))), "a set of the database, in its order"
        assert row.external_ids[GROUP] == group.id
        for column, keys in HOMES.owned(AddressGroup)[AddressSet]:
            value = getattr(row, column)
            assert not isinstance(value, dict) or (keys is not None and set(value) <= keys)


@given(address_groups(), address_groups())
def test_wherever_an_address_stands_it_is_in_the_group(group: AddressGroup, other: AddressGroup) -> None:
    first, second = address_sets(group)
    mixed = tuple(sorted({*first.addresses, *second.addresses, *other.addresses}))
    whole = in_order((*group.addresses, *other.addresses))
    read = read_address_group(replace(first, addresses=second.addresses), replace(second, addresses=mixed))
    assert read == replace(group, addresses=whole)
    assert read_address_group(replace(first, addresses=mixed), None).addresses == whole


@given(uuids, st.sampled_from((4, 6)))
def test_a_set_says_whose_it_is_by_its_name(group_id: str, version: int) -> None:
    name = address_set_name(group_id, version)
    assert group_of_address_set(name) == group_id
    assert "-" not in name, "no word of a match could be"
    assert group_of_address_set(f"{name}x") is None
    assert second_address_set(group_id) != group_id


@given(ANY_KEYS, texts, st.lists(texts, max_size=3, unique=True))
def test_rows_of_any_content_are_read_or_not_understood(
    ids: dict[str, str], name: str, addresses: list[str]
) -> None:
    row = AddressSet(uuid=RowUuid(name), name=name, addresses=tuple(sorted(addresses)), external_ids=ids)
    with suppress(ValueError, KeyError):
        read_address_group(row, row)
