"""The tag of a container port: one space for each parent, shared with the subports of a trunk.

A tag that was freed is in hold-down before it is given out by itself again: the VM may still have it plugged,
and its frames would come from the new port. Who asks for such a tag by number gets it.

Source: IEEE 802.1Q; ovn-nb(5), Logical_Switch_Port, "Containers".
"""

from collections.abc import Mapping, Set
from itertools import chain, filterfalse

TAG_MIN = 1
TAG_MAX = 4094  # IEEE 802.1Q: 0 means "no VLAN", 4095 is reserved
TAGS = range(TAG_MIN, TAG_MAX + 1)
HOLD_DOWN_S = 600


def next_tag(taken: Set[int], after: int) -> int | None:
    """The first free tag after `after`, wrapping around; None when every tag is taken.

    Not the lowest: a tag that was just freed should come back last, since the VM may still have it plugged.
    """
    wrapped = chain(range(max(after + 1, TAG_MIN), TAG_MAX + 1), range(TAG_MIN, after + 1))
    return next(filterfalse(taken.__contains__, wrapped), None)


def tags_in_hold_down(freed: Mapping[int, float], now: float) -> dict[int, float]:
    """What of `freed` (tag: when, in seconds) is still in hold-down; the others may be forgotten.

    Clocks of servers differ: a time that lies ahead counts, unless it lies further ahead than hold-down
    lasts.
    """
    return {tag: freed_at for tag, freed_at in freed.items() if abs(now - freed_at) < HOLD_DOWN_S}
