"""Addresses as text and as numbers, held against Python's `ipaddress`."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.allocation.ranges import address_number, address_text

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


@pytest.mark.parametrize(
    "text", ["", ":", ":1", "1:", "web", "2001:db8::g", "2001:db8::-1", "2001:db8::0x1", "2001:db8::1_0",
             "2001:db8::12345", "2001:db8::" + "1" * 5000, "1::2::3", "192.0.2.256", "192.0.2.01"]
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    address_number.cache_clear()
    with pytest.raises(ValueError, match="does not appear"):
        address_number(text)
