"""What a rule is asked about: the few facts of a resource that rules can look at."""

from msgspec import Struct


class Target(Struct, frozen=True, kw_only=True, gc=False):
    """A resource as policy sees it.

    The `network_` facts are those of the network that a subnet or a port belongs to; a network's target
    has its own there. On an update `device_owner` is the one the port would have.
    """

    project_id: str
    network_project_id: str = ""
    network_shared: bool = False
    network_external: bool = False
    device_owner: str = ""


# A target's facts by the names that rules have for them, in `%(name)s` and in `field:<resource>:<name>=`.
FACTS = {
    "project_id": "project_id",
    "tenant_id": "project_id",
    "network:project_id": "network_project_id",
    "network:tenant_id": "network_project_id",
    "shared": "network_shared",
    "router:external": "network_external",
    "device_owner": "device_owner",
}
