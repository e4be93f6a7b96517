"""A resource as it is shown: what stands in its facts under the same name, and what is computed."""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from msgspec import Struct

from ovnest.resources.resource import Resource

_OLDER_NAMES = {"tenant_id": "project_id"}


def body_of(resource: Resource, otherwise: frozenset[str], facts: Any, computed: Mapping[str, Any]) -> Struct:
    """The body of some facts. `otherwise` names fields that are shown otherwise than they are kept."""
    names, values = _plain(resource.body, resource.facts, otherwise)
    shown = dict(zip(names, values(facts), strict=True))
    shown.update(computed)
    return resource.body(**shown)


def plain_fields(resource: Resource, otherwise: frozenset[str]) -> Mapping[str, str]:
    """The fields of a body that are just a fact, and which: a filter by one needs no body."""
    return _fields(resource.body, resource.facts, otherwise)


@cache
def _fields(body: type[Struct], facts: type[Struct], otherwise: frozenset[str]) -> Mapping[str, str]:
    kept = set(facts.__struct_fields__)
    named = {name: _OLDER_NAMES.get(name, name) for name in body.__struct_fields__}
    return {name: fact for name, fact in named.items() if fact in kept and name not in otherwise}


@cache
def _plain(
    body: type[Struct], facts: type[Struct], otherwise: frozenset[str]
) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    fields = _fields(body, facts, otherwise)
    return tuple(fields), attrgetter(*fields.values())
