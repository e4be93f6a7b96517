"""What can be done: one file a kind, its functions named as the policy rules.

An operation reads like the list of what happens: what it needs, whether the caller may, what is chosen,
what is put. It sees the database through `Tx` alone and raises a `Refusal` before it stages anything.
Operations do not know each other; what several share stands in `steps`.

`KINDS` is the list of what is served, in the API reference's order: routes, OpenAPI, discovery, extensions
and policy follow from it. It is handed to those who need it.
"""

from ovnest.operations import address_scope, agent_code, network, port, subnet
from ovnest.operations.kind import Kind
from ovnest.policy import catalogue_of

KINDS: tuple[Kind, ...] = (
    network.KIND,
    subnet.KIND,
    port.KIND,
    address_scope.KIND,
    agent_code.KIND,
)
CATALOGUE = catalogue_of((kind.resource, kind.rules) for kind in KINDS)

__all__ = ["CATALOGUE", "KINDS", "Kind"]
