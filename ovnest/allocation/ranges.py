"""A range of IP addresses, and the text of one: integers inside, the usual notation outside."""

import ipaddress
from functools import lru_cache
from string import hexdigits
from typing import Literal

from msgspec import Struct

IpVersion = Literal[4, 6]
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = 0xFFFF  # ::ffff:0:0/96, whose last groups newer versions of Python write as an IPv4 address
HIGHEST = {4: (1 << 32) - 1, 6: (1 << 128) - 1}


class AddressRange(Struct, frozen=True, kw_only=True, order=True):
    """Addresses from `first` to `last`, both included; their order is by version, then by address."""

    version: IpVersion
    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last <= HIGHEST[self.version]:
            raise ValueError(f"{self.first} to {self.last} is no range of IPv{self.version} addresses")

    @property
    def start(self) -> str:
        return address_text(self.first, self.version)

    @property
    def end(self) -> str:
        return address_text(self.last, self.version)

    @property
    def size(self) -> int:
        """How many addresses it has; not `len()`, which cannot say a /64's."""
        return self.last - self.first + 1

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last

    def overlaps(self, other: "AddressRange") -> bool:
        return self.version == other.version and self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"  # as Neutron names a pool in its messages


@lru_cache(maxsize=4096)
def address_number(text: str) -> tuple[IpVersion, int]:
    """The version and the number of an address.

    Remembered for a while, since a port's addresses are asked for again and again while it is made.

    Raises:
        ValueError: it is none.
    """
    parts = text.split(".")
    if len(parts) == 4 and all(map(str.isdecimal, parts)):  # three times as fast as `ipaddress`
        first, second, third, fourth = map(int, parts)
        number = (first << 24) + (second << 16) + (third << 8) + fourth
        if address_text(number, 4) == text:
            return 4, number
    beside = _number_in_block(text)
    if beside is not None:
        return 6, beside
    address = ipaddress.ip_address(text)
    return ip_version(address.version), int(address)


def ip_version(number: int) -> IpVersion:
    """4 or 6, typed so."""
    return 4 if number == 4 else 6


def address_text(address: int, version: IpVersion) -> str:
    """The usual notation of an address, as `ipaddress` writes it."""
    if version == 4:
        return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    last = address & 0xFFFF
    if last == 0 or address >> 32 == _MAPPED:
        return str(ipaddress.IPv6Address(address))
    return f"{_text_before(address >> 16)}{last:x}"


def _number_in_block(text: str) -> int | None:
    """The number of an IPv6 address, quick where others of its /112 have been asked for.

    None where it is none, or its last group is not written as one.
    """
    before, _, last = text.rpartition(":")
    if not 0 < len(last) <= 4 or last.strip(hexdigits):
        return None
    try:
        return _block_of(before) << 16 | int(last, 16)
    except ValueError:
        return None  # what is wrong with it, `ipaddress` says


@lru_cache(maxsize=4096)
def _text_before(block: int) -> str:
    """What stands before the last group of the addresses of a /112, where that group is not 0.

    Then which zeros are left out follows from the other groups alone (RFC 5952, 4.2).
    """
    return str(ipaddress.IPv6Address(block << 16 | 1)).removesuffix("1")


@lru_cache(maxsize=4096)
def _block_of(before: str) -> int:
    """The /112, as a number, whose addresses have that before their last group.

    Raises:
        ValueError: none has, or there is a zone in it (RFC 4007, 11), which may have colons.
    """
    if "%" in before:
        raise ValueError(f"{before} has a zone")
    return int(ipaddress.IPv6Address(f"{before}:1")) >> 16
