"""What is remembered of the VLAN tags under a parent, so that a freed one comes back last."""

from typing import Annotated

from msgspec import Meta, Struct


class VlanTags(Struct, frozen=True, kw_only=True):
    """What is remembered of a parent's tags: the last one given, and when which was freed.

    `freed` maps a tag to the second (Unix time) from which it is in hold-down.
    """

    id: str
    last: Annotated[int, Meta(description="the tag given last; the next free one after it comes next")] = 0
    freed: Annotated[
        dict[int, int], Meta(description="`freed.<tag>`: since when that tag is in hold-down, in Unix time")
    ] = {}
