"""What can be done with the tags of a resource.

Source: Neutron API reference, "Standard attributes tag extension".
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from ovnest.errors.fields import InvalidField
from ovnest.errors.tag import TagNotFound
from ovnest.operations.steps.rights import require_tags
from ovnest.operations.steps.visible import visible
from ovnest.resources.fields import resource_tags
from ovnest.resources.resource import Resource
from ovnest.transaction import Tx


def show_tags(tx: Tx, resource: Resource, key: str) -> tuple[str, ...]:
    """The tags of a resource; refused as 404 when the caller may see none of that id."""
    return _tags(visible(tx, resource, key))


def has_tag(tx: Tx, resource: Resource, key: str, tag: str) -> None:
    """Nothing, if the resource has the tag.

    Raises:
        TagNotFound: it has not.
    """
    if tag not in show_tags(tx, resource, key):
        raise TagNotFound(tag=tag)


def replace_tags(tx: Tx, resource: Resource, key: str, tags: Any) -> tuple[str, ...]:
    """Give a resource these tags instead of those it has.

    Raises:
        InvalidField: they are not a list of tags.
        PolicyNotAuthorized: the caller may not change the resource.
    """
    if not isinstance(tags, list):  # null is no list here; where a new resource is made, it means none
        raise InvalidField(field="tags", reason=f"{tags!r} is not a list")
    return _put(tx, resource, key, lambda present: tags)


def add_tag(tx: Tx, resource: Resource, key: str, tag: str) -> tuple[str, ...]:
    """Give a resource one more tag; raises as `replace_tags`."""
    return _put(tx, resource, key, lambda present: [*present, tag])


def remove_tag(tx: Tx, resource: Resource, key: str, tag: str) -> tuple[str, ...]:
    """Take a tag from a resource; raises as `replace_tags`, and TagNotFound."""
    has_tag(tx, resource, key, tag)
    return _put(tx, resource, key, lambda present: [each for each in present if each != tag])


def _put(tx: Tx, resource: Resource, key: str, change: Callable[[Iterable[str]], Any]) -> tuple[str, ...]:
    found = visible(tx, resource, key)
    require_tags(tx, resource, found)
    try:
        tags = tuple(resource_tags(change(_tags(found))))
    except ValueError as error:
        raise InvalidField(field="tags", reason=str(error)) from error
    return _tags(tx.put(replace(found, tags=tags)))


def _tags(found: Any) -> tuple[str, ...]:
    tags: tuple[str, ...] = found.tags
    return tags
