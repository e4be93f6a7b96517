"""Which hosts there are, from the Southbound: the chassis, by name and by host name. Read only.

Source: ovn-sb(5), Chassis.
"""

from typing import ClassVar

from ovnest.ovsdb import Client, Row, Tls

SOUTHBOUND = "OVN_Southbound"


class Chassis(Row, frozen=True, kw_only=True, gc=False):
    """A hypervisor that ovn-controller has registered; it takes its row along when it leaves in order."""

    TABLE: ClassVar[str] = "Chassis"

    name: str = ""
    hostname: str = ""


class Hosts:
    """The hosts of a Southbound, kept current: `async with Hosts(remote, tls) as hosts`."""

    def __init__(self, remote: str, tls: Tls | None) -> None:
        self.client = Client(remote, SOUTHBOUND, tables=[Chassis], tls=tls)

    @property
    def names(self) -> frozenset[str] | None:
        """Names by which a port's host may be given; None while the Southbound has not been read."""
        if not self.client.status.ready:
            return None
        rows = self.client.replica.rows(Chassis)
        return frozenset(name for row in rows for name in (row.name, row.hostname) if name)

    async def __aenter__(self) -> "Hosts":
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.client.__aexit__(None, None, None)
