"""MAC addresses: a free random one, one that follows from an id, and the one way they are written.

Source: Neutron's `base_mac`; the notations are those of netaddr, which Neutron takes.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Protocol

BASE_MAC = "fa:16:3e:00:00:00"  # Neutron's default: locally administered, and told by sight
_TRIES = 16  # Neutron's mac_generation_retries
_WALK = 1 << 16

_DIGITS = "([0-9A-Fa-f]{%d,%d})"
_NOTATIONS = tuple(  # words, least and most digits of each, separators
    (re.compile(re.escape(separator).join([_DIGITS % (least, most)] * words)), most)
    for words, least, most, separators in (
        (6, 1, 2, ":-"),
        (3, 1, 4, ":-."),
        (2, 5, 6, ":-"),
        (1, 11, 12, ":"),
    )
    for separator in separators
)
_NOBODYS = frozenset({0, 0xFFFFFFFFFFFF})


class Chance(Protocol):
    """Where random bits come from; `random.Random` is one."""

    def getrandbits(self, k: int, /) -> int: ...


def canonical_mac(text: str) -> str:
    """The address as lower-case pairs with colons, from any notation that Neutron takes.

    Raises:
        ValueError: it is none, or it is one that nobody can have (all zeros, all ones).
    """
    value = mac_to_int(text)
    if value in _NOBODYS:
        raise ValueError(f"'{text}' is not a valid MAC address")
    return mac_text(value)


def mac_to_int(text: str) -> int:
    """The address as a number, from fa:16:3e:0:0:1, FA-16-3E-00-00-01, fa16.3e00.0001, fa163e000001 …

    Raises:
        ValueError: it is none.
    """
    for notation, digits in _NOTATIONS:
        if match := notation.fullmatch(text):
            return int("".join(word.zfill(digits) for word in match.groups()), 16)
    raise ValueError(f"'{text}' is not a valid MAC address")


def mac_text(value: int) -> str:
    """The one way an address is written."""
    return value.to_bytes(6, "big").hex(":")


def random_mac(chance: Chance, taken: Callable[[str], bool], base: str = BASE_MAC) -> str | None:
    """A MAC address that is not `taken`, under the first three octets of `base`, four if the fourth is not 0.

    None when none was found: after some tries at random it looks at the next 65,536 in turn, which is all
    there are under four octets.
    """
    prefix, bits = _split(base)
    for _ in range(_TRIES):
        suffix = chance.getrandbits(bits)
        if not taken(mac := mac_text(prefix | suffix)):
            return mac
    for step in range(1, _WALK + 1):
        if not taken(mac := mac_text(prefix | (suffix + step) % (1 << bits))):
            return mac
    return None


def mac_from_id(id: str, base: str = BASE_MAC) -> str:
    """The MAC address that belongs to `id`, always the same, under `base` as a random one.

    For what needs one and has no row to keep it in, such as the DHCP server that OVN plays.
    """
    prefix, bits = _split(base)
    digest = int.from_bytes(sha256(id.encode()).digest(), "big")
    return mac_text(prefix | digest % (1 << bits))


@lru_cache(maxsize=16)
def _split(base: str) -> tuple[int, int]:
    # The fixed part of a base, and how many bits are free below it.
    value = mac_to_int(base)
    bits = 16 if value >> 16 & 0xFF else 24
    return value >> bits << bits, bits
