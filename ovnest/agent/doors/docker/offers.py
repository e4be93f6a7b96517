"""CIDRs that Docker was promised for networks that it has not asked for yet.

Docker asks for its pools before it asks for the network, and by nothing but the CIDR are both known to belong
together. A promise is kept for a minute, and not over a restart: then Docker is told to ask again.
"""

import time
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from ovnest.agent.errors import BadRequest

Cidr = IPv4Network | IPv6Network

OFFERED_S = 60.0
# What a network gets where none is said: first these, in this order. Docker passes over those that overlap
# a route of the machine.
FREE = (
    *IPv4Network("10.200.0.0/16").subnets(new_prefix=24),
    *IPv4Network("192.168.192.0/20").subnets(new_prefix=24),
)


class Offers:
    """Promises CIDRs that nobody else has."""

    def __init__(self) -> None:
        self._until: dict[Cidr, float] = {}

    def offer(self, wanted: str, version: int, taken: Iterable[Cidr]) -> Cidr:
        """Promise the CIDR `wanted`, or, if that is empty, the first that is free.

        Raises:
            BadRequest: it cannot be had; or all are taken.
        """
        others = [*taken, *self._standing()]
        if wanted:
            cidr = _parsed(wanted)
            _refuse_overlap(cidr, others)
        elif version == 6:
            raise BadRequest("--ipv6 needs --subnet with the addresses that the network is to have")
        else:
            cidr = _first_free(others)
        self._until[cidr] = time.monotonic() + OFFERED_S
        return cidr

    def has(self, cidr: str) -> bool:
        """Whether that one is promised."""
        return _parsed(cidr) in self._standing()

    def withdraw(self, cidr: str) -> bool:
        """End a promise; whether there was one."""
        return self._until.pop(_parsed(cidr), None) is not None

    def _standing(self) -> list[Cidr]:
        now = time.monotonic()
        self._until = {cidr: until for cidr, until in self._until.items() if until > now}
        return list(self._until)


def _parsed(text: str) -> Cidr:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise BadRequest(f"{text} is no CIDR: {error}") from error


def _first_free(taken: list[Cidr]) -> Cidr:
    for cidr in FREE:
        if not any(_overlap(cidr, other) for other in taken):
            return cidr
    raise BadRequest("there is no free subnet left to choose from: say --subnet")


def _refuse_overlap(cidr: Cidr, taken: list[Cidr]) -> None:
    if cidr.num_addresses < 4:
        raise BadRequest(f"{cidr} is too small: a gateway and a container need addresses")
    for other in taken:
        if _overlap(cidr, other):
            raise BadRequest(f"a network that this agent has made has {other}, which overlaps {cidr}")


def _overlap(one: Cidr, other: Cidr) -> bool:
    return one.version == other.version and one.overlaps(other)
