"""OVN's Northbound as our database: which table, row and key is home to which fact.

The layout is ML2/OVN's (`neutron-<uuid>` switches, `neutron:…` keys), so the agents written for it work
unmodified. A fact has one home: a native column where OVN has one, else ML2/OVN's key, else an
`ovnest:…` key on the row that is the resource; what OVN has no row for is a document row. Reading gives
facts; the columns that OVN needs beside them are derived (room `derive`) and never read back as facts.

`docs/northbound.md` is the table of homes. Source: ovn-nb(5).
"""
