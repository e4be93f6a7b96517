"""A range of IP addresses, and the text of one: integers inside, the usual notation outside."""

import ipaddress
from functools import lru_cache
from typing import Literal

from msgspec import Struct

IpVersion = Literal[4, 6]
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

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
    address = ipaddress.ip_address(text)
    return ip_version(address.version), int(address)


def ip_version(number: int) -> IpVersion:
    """4 or 6, typed so."""
    return 4 if number == 4 else 6


def address_text(address: int, version: IpVersion) -> str:
    """The usual notation of an address, as `ipaddress` writes it."""
    if version == 4:
        return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    return str(ipaddress.IPv6Address(address))
