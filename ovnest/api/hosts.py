"""Which hosts there are, from the Southbound: the chassis, by name and by host name. Read only.

A chassis is behind when others have been asked to follow a newer number of the configuration (`nb_cfg`, which
`ovn-nbctl --wait=hv` and some controllers raise) and it has not for a while: its ovn-controller is stopped or
cut off. Where nobody raises that number, nothing can be said.

Source: ovn-sb(5), Chassis, Chassis_Private, SB_Global.
"""

import time
from typing import ClassVar

from ovnest.ovsdb import Change, Client, Row, Tls

SOUTHBOUND = "OVN_Southbound"
BEHIND_AFTER_S = 30.0


class Chassis(Row, frozen=True, kw_only=True, gc=False):
    """A hypervisor that ovn-controller has registered; it takes its row along when it leaves in order."""

    TABLE: ClassVar[str] = "Chassis"

    name: str = ""
    hostname: str = ""


class ChassisPrivate(Row, frozen=True, kw_only=True, gc=False):
    """How far a chassis has come; only its own ovn-controller writes it."""

    TABLE: ClassVar[str] = "Chassis_Private"

    name: str = ""
    nb_cfg: int = 0


class SouthboundGlobal(Row, frozen=True, kw_only=True, gc=False):
    """How far all should have come."""

    TABLE: ClassVar[str] = "SB_Global"

    nb_cfg: int = 0


class Hosts:
    """The hosts of a Southbound, kept current: `async with Hosts(remote, tls) as hosts`."""

    def __init__(self, remote: str, tls: Tls | None) -> None:
        tables: list[type[Row]] = [Chassis, ChassisPrivate, SouthboundGlobal]
        self.client = Client(remote, SOUTHBOUND, tables=tables, tls=tls)
        self.client.on_change(self._changed)
        self._names: frozenset[str] = frozenset()
        self._late_since: dict[str, float] = {}  # by name, when a chassis was first seen to lag

    @property
    def names(self) -> frozenset[str] | None:
        """Names by which a port's host may be given; None while the Southbound has not been read."""
        return self._names if self.client.status.ready else None

    @property
    def chassis(self) -> frozenset[str] | None:
        """The names of all chassis, without host names; None while the Southbound cannot be read."""
        if not self.client.status.ready:
            return None
        return frozenset(row.name for row in self.client.replica.rows(Chassis))

    @property
    def behind(self) -> frozenset[str]:
        """Those of the names whose chassis does not follow any more, as far as that can be told."""
        if not self._late_since or not self.client.status.ready:
            return frozenset()
        latest = time.monotonic() - BEHIND_AFTER_S
        late = {name for name, since in self._late_since.items() if since <= latest}
        rows = self.client.replica.rows(Chassis)
        return frozenset(
            name for row in rows if row.name in late for name in (row.name, row.hostname) if name
        )

    def _changed(self, changes: list[Change]) -> None:
        replica = self.client.replica
        names = frozenset(name for row in replica.rows(Chassis) for name in (row.name, row.hostname) if name)
        if names != self._names:  # the same object as long as it is the same: it is compared for each port
            self._names = names
        wanted = max((row.nb_cfg for row in replica.rows(SouthboundGlobal)), default=0)
        lagging = {row.name for row in replica.rows(ChassisPrivate) if row.nb_cfg < wanted}
        now = time.monotonic()
        self._late_since = {name: self._late_since.get(name, now) for name in lagging}

    async def __aenter__(self) -> "Hosts":
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.client.__aexit__(None, None, None)
