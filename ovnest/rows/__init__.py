"""Where each kind of facts lives in the Northbound: one file a kind, its rows written and read in one place.

A fact stands once; what else OVN needs in rows is derived from facts alone, so that any write, a repair, and
a second server all arrive at the same row. A kind's file says which keys are its own, how facts are read from
rows and which rows they should have, by what lookups they are found, and when they are derived again because
something else changed. Nothing here reads or writes a database: `home.Facts` is all that it may ask.

`HOMES` is the list, from which tables, indexes, documents, dependents, `ovnest check` and the tables of
`docs/northbound.md` follow. It is handed to those who need it; no room below or beside imports it.
"""

from ovnest.rows import address_scope, agent_code, network, port, subnet, vlan_tags
from ovnest.rows.homes import Homes
from ovnest.rows.port import lookups as port_lookups

HOMES = Homes(
    (
        network.HOME,
        subnet.HOME,
        port.HOME,
        port_lookups.OWNER,
        vlan_tags.HOME,
        address_scope.HOME,
        agent_code.HOME,
        agent_code.WORD,
    )
)

__all__ = ["HOMES", "Homes"]
