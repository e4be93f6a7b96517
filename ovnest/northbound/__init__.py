"""OVN's Northbound as our database: its tables, the names in them, and the ledger that orders our writes.

The layout is ML2/OVN's (`neutron-<uuid>` switches, `neutron:…` keys), so the agents written for it work
unmodified. A fact has one home: a native column where OVN has one, else ML2/OVN's key, else an `ovnest:…` key
on the row that is the resource; what OVN has no row for is a document row. What each kind's rows hold stands
in the room `rows`; here is what all of them share.

`docs/northbound.md` is the table of homes. Source: ovn-nb(5).
"""
