"""The frames by which neighbours are told of an address."""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.agent.vm.gratuitous_arp import gratuitous_frame


@pytest.mark.parametrize(
    ("address", "to", "kind"),
    [("192.0.2.7", "ff:ff:ff:ff:ff:ff", "0806"), ("2001:db8::7", "33:33:00:00:00:01", "86dd")],
)
def test_a_gratuitous_frame_is_from_the_address_to_everybody(address: str, to: str, kind: str) -> None:
    frame = gratuitous_frame("fa:16:3e:00:00:07", address)
    assert frame[:6].hex(":") == to
    assert frame[6:12].hex(":") == "fa:16:3e:00:00:07"
    assert frame[12:14].hex() == kind
    assert frame.count(ip_address(address).packed) == 2  # sender and target


@given(st.ip_addresses(v=6))
def test_a_neighbour_advertisement_has_the_checksum_that_makes_the_whole_add_up(address: Any) -> None:
    frame = gratuitous_frame("fa:16:3e:00:00:07", str(address))
    message = frame[14 + 40 :]
    pseudo = frame[14 + 8 : 14 + 40] + len(message).to_bytes(4, "big") + (58).to_bytes(4, "big")
    words = pseudo + message
    total = sum(int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
