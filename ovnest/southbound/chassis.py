"""What is known of a Southbound's chassis at one moment: a value that operations judge by.

A chassis is behind when others have been asked to follow a newer number of the configuration (`nb_cfg`, which
`ovn-nbctl --wait=hv` and some controllers raise) and it has not for a while: its ovn-controller is stopped or
cut off. Where nobody raises that number, nothing can be said.

Source: ovn-sb(5), Chassis, Chassis_Private, SB_Global.
"""

from msgspec import Struct


class ChassisSeen(Struct, frozen=True, kw_only=True):
    """The chassis that there are. Where none could be looked at, there is no such value."""

    names: frozenset[str] = frozenset()
    """Their own names."""
    hosts: frozenset[str] = frozenset()
    """What a port's host may be given as: their names and host names."""
    behind: frozenset[str] = frozenset()
    """Those of `hosts` whose chassis does not follow any more, as far as that can be told."""
