"""What a rule is asked about: the few facts of a resource that rules can look at."""

from msgspec import Struct


class Target(Struct, frozen=True, kw_only=True, gc=False):
    """A resource as policy sees it.

    `parent_project_id` is the owner of what it belongs to (of a port, the network's), or its own where it
    belongs to nothing. `shared`: it, or what it belongs to, is shared with the caller; `external` likewise.
    On an update `device_owner` is the one the port would have.
    """

    project_id: str
    parent_project_id: str = ""
    shared: bool = False
    external: bool = False
    device_owner: str = ""


# A target's facts by the names that rules have for them, in `%(name)s` and in `field:<resource>:<name>=`;
# beside them stand `<parent>:project_id` and `<parent>:tenant_id` for every kind of parent.
FACTS = {
    "project_id": "project_id",
    "tenant_id": "project_id",
    "shared": "shared",
    "router:external": "external",
    "device_owner": "device_owner",
}
