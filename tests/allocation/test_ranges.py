"""Ranges of addresses, and an address as a number and as text."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.allocation.ranges import HIGHEST, AddressRange, address_number, address_text, ip_version

versions = st.sampled_from((4, 6))


@st.composite
def ranges(draw: st.DrawFn, version: int = 0) -> AddressRange:
    chosen: Any = version or draw(versions)
    # Small numbers meet often, and each end of the whole space is among them.
    number = st.integers(0, 20) | st.integers(HIGHEST[chosen] - 20, HIGHEST[chosen])
    first, last = sorted((draw(number), draw(number)))
    return AddressRange(version=chosen, first=first, last=last)


@given(ranges(), ranges())
def test_ranges_overlap_just_where_they_share_an_address(one: AddressRange, other: AddressRange) -> None:
    share = one.version == other.version and any(
        edge in one and edge in other for edge in (one.first, one.last, other.first, other.last)
    )
    assert one.overlaps(other) is other.overlaps(one) is share


@given(ranges(4), st.integers(0, 40))
def test_a_range_has_its_ends_and_all_between(found: AddressRange, step: int) -> None:
    assert found.first in found
    assert found.last in found
    assert found.first - 1 not in found
    assert found.last + 1 not in found
    assert (found.first + step in found) == (step < found.size)


@given(st.ip_addresses())
def test_an_address_is_a_number_and_the_usual_text_again(address: Any) -> None:
    version = ip_version(address.version)
    assert address_number(str(address)) == (version, int(address))
    assert address_text(int(address), version) == str(address)


@given(st.ip_addresses(v=6))
def test_any_notation_of_an_address_is_the_same_number(address: ipaddress.IPv6Address) -> None:
    assert address_number(address.exploded.upper()) == address_number(str(address))


@given(st.text("0123456789. -", max_size=15) | st.text(max_size=20))
def test_what_ipaddress_refuses_is_refused(text: str) -> None:
    try:
        expected = ipaddress.ip_address(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            address_number(text)
    else:
        assert address_number(text) == (expected.version, int(expected))


@pytest.mark.parametrize("text", ["1.2.3.256", "01.2.3.4", "1.2.3", "1.2.3.4.5", "²55.0.0.1", "1.2.3.-4", ""])
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        address_number(text)


@pytest.mark.parametrize(
    ("version", "first", "last"), [(4, 2, 1), (4, -1, 1), (4, 0, 1 << 32), (6, 0, 1 << 128)]
)
def test_what_is_no_range_cannot_be_made(version: Any, first: int, last: int) -> None:
    with pytest.raises(ValueError, match=f"no range of IPv{version} addresses"):
        AddressRange(version=version, first=first, last=last)


def test_a_range_is_named_as_neutron_names_a_pool_and_ordered_by_version_then_address() -> None:
    four = AddressRange(version=4, first=0xC0000202, last=0xC0000203)
    six = AddressRange(version=6, first=1, last=2)
    assert (str(four), four.size) == ("192.0.2.2-192.0.2.3", 2)
    assert str(six) == "::1-::2"
    later = AddressRange(version=4, first=0xC0000203, last=0xC0000203)
    assert sorted([six, later, four]) == [four, later, six]


GROUPS = st.lists(st.sampled_from([0, 0, 0, 1, 0xA, 0xFFFF, 0x2001]), min_size=8, max_size=8)
V6 = st.one_of(GROUPS.map(lambda groups: int("".join(f"{group:04x}" for group in groups), 16)),
               st.integers(0, 2**128 - 1))  # fmt: skip


@given(V6)
def test_an_ipv6_address_is_written_as_ipaddress_does_and_read_in_each_notation(number: int) -> None:
    address = IPv6Address(number)
    assert address_text(number, 6) == str(address)
    for text in (str(address), address.exploded, str(address).upper(), address.exploded.replace(":0", ":")):
        try:
            expected = int(ip_address(text))
        except ValueError:
            with pytest.raises(ValueError, match="does not appear"):
                address_number(text)
        else:
            assert address_number(text) == (6, expected)


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_written_as_ipaddress_does_and_read(number: int) -> None:
    assert address_text(number, 4) == str(IPv4Address(number))
    assert address_number(str(IPv4Address(number))) == (4, number)


@pytest.mark.parametrize(
    "text", ["::ffff:192.0.2.1", "::ffff:c000:201", "fe80::1%a:2", "::", "::1", "2001:db8::", "1::1:0"]
)
def test_what_has_notations_of_its_own_is_the_address_that_ipaddress_reads(text: str) -> None:
    number = int(ip_address(text))
    assert address_number(text) == (6, number)
    assert address_text(number, 6) == str(IPv6Address(number))
