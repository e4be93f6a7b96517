"""The kinds that are served, as tests go through them."""

from ovnest.operations import KINDS, Kind
from ovnest.resources.resource import Resource

BY_NAME: dict[str, Kind] = {kind.resource.singular: kind for kind in KINDS}
RESOURCES: tuple[Resource, ...] = tuple(kind.resource for kind in KINDS)
WHOLE: tuple[Resource, ...] = tuple(
    kind.resource for kind in KINDS if kind.create and kind.update and kind.delete and kind.resource.has_tags
)
"""Those with all verbs and tags."""
