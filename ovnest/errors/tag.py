"""Refusals of resource tags."""

from ovnest.errors import NotFound


class TagNotFound(NotFound):
    """The resource does not have that tag."""

    template = "Tag {tag} could not be found."
