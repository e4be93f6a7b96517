"""Which chassis a Southbound has, kept current by an OVSDB client that only reads."""

import time

from msgspec.structs import replace

from ovnest.ovsdb import Change, Client, Row, Tls
from ovnest.southbound.chassis import ChassisSeen
from ovnest.southbound.tables import SOUTHBOUND, Chassis, ChassisPrivate, SouthboundGlobal

BEHIND_AFTER_S = 30.0


class ChassisWatcher:
    """The chassis of a Southbound: `async with ChassisWatcher(remote, tls) as chassis`."""

    def __init__(self, remote: str, tls: Tls | None) -> None:
        tables: list[type[Row]] = [Chassis, ChassisPrivate, SouthboundGlobal]
        self.client = Client(remote, SOUTHBOUND, tables=tables, tls=tls)
        self.client.on_change(self._changed)
        # Each the same object as long as it says the same: every text that is kept compares it.
        self._seen = ChassisSeen()
        self._with_late = ChassisSeen()
        self._late_since: dict[str, float] = {}  # by name, when a chassis was first seen to lag

    @property
    def seen(self) -> ChassisSeen | None:
        """What is known of them now; None while the Southbound cannot be read."""
        if not self.client.status.ready:
            return None
        latest = time.monotonic() - BEHIND_AFTER_S
        late = frozenset(name for name, since in self._late_since.items() if since <= latest)
        if not late:
            return self._seen
        with_late = replace(self._seen, behind=self._hosts(late))
        if with_late != self._with_late:
            self._with_late = with_late
        return self._with_late

    def _changed(self, changes: list[Change]) -> None:
        replica = self.client.replica
        names = frozenset(row.name for row in replica.rows(Chassis))
        seen = ChassisSeen(names=names, hosts=self._hosts(names))
        if seen != self._seen:
            self._seen = seen
        wanted = max((row.nb_cfg for row in replica.rows(SouthboundGlobal)), default=0)
        lagging = {row.name for row in replica.rows(ChassisPrivate) if row.nb_cfg < wanted}
        now = time.monotonic()
        self._late_since = {name: self._late_since.get(name, now) for name in lagging}

    def _hosts(self, names: frozenset[str]) -> frozenset[str]:
        """The names and host names of the chassis of these names."""
        rows = (row for row in self.client.replica.rows(Chassis) if row.name in names)
        return frozenset(name for row in rows for name in (row.name, row.hostname) if name)

    async def __aenter__(self) -> "ChassisWatcher":
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.client.__aexit__(None, None, None)
