"""The Networking API over HTTP.

`listener` accepts connections, `protocol` makes requests of their bytes and sends the answers; both know
nothing of what is asked. `routes` and `app` do: they read bodies and queries, ask an operation, and encode
what it gives. `discovery`, `extensions` and `openapi` say what is served, `health` whether it is.

Promises: a request that could be read in two ways is refused; every size, number and time is bounded
(`limits`); every answer carries X-Openstack-Request-Id, and every error is Neutron's JSON body, also those
that never reach a handler; what was begun is carried to its end when the client goes away. Left out: HTTP/2
and content codings; a proxy in front does those better.
"""
