"""The kinds that are served, as tests go through them."""

from ovnest.operations import KINDS, Kind
from ovnest.resources.resource import Resource

BY_NAME: dict[str, Kind] = {kind.resource.singular: kind for kind in KINDS}
RESOURCES: tuple[Resource, ...] = tuple(kind.resource for kind in KINDS)
WHOLE: tuple[Resource, ...] = tuple(
    kind.resource for kind in KINDS if kind.create and kind.update and kind.delete
)
"""Those with all verbs."""
STANDARD: tuple[Resource, ...] = tuple(resource for resource in WHOLE if resource.has_revisions)
"""Those with a description, timestamps and a revision number as well."""
TAGGED: tuple[Resource, ...] = tuple(resource for resource in WHOLE if resource.has_tags)
"""Those with tags as well."""
LEAST = {"address_scope": {"ip_version": 4}}
"""What one must be made with beside its parent, by kind."""


def path_of(kind: str, key: str = "") -> str:
    """Where a kind's collection is, or one of it."""
    return f"/v2.0/{BY_NAME[kind].resource.collection}" + (f"/{key}" if key else "")


def not_found(resource: Resource) -> str:
    """The type of the refusal of a key that there is not."""
    return resource.not_found("x").kind
