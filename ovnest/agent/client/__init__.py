"""The agent as a client of the API: whom it trusts, who it is, what it asks and what it hears.

The idea: one file asks the API (`api`), over an HTTP of our own that is as small as it may be; the answers
are read with Structs that have the few fields which the agent needs.

Promised: it speaks to the server that its code named, and to no other; its credential stands in one file, and
nowhere else. What was asked for and may have been done says so (`ApiUnreachable.in_doubt`).

Left out: what only another server of the same API would need. It knows nothing of containers and devices.

    api = Api(credential.endpoint, holder.header)
    network = await api.network("private")
"""
