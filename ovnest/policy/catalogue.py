"""Catalogue: what a policy is about: the kinds there are, their rules, the names that a policy file may have.

oslo.policy takes any name, so that a misspelt rule is one that nothing ever asks for.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import Struct

from ovnest.policy.names import ACTIONS, NEUTRONS, OTHER_ACTIONS
from ovnest.policy.rules import base
from ovnest.policy.rules.base import KindRules
from ovnest.policy.target import FACTS
from ovnest.resources.resource import Resource


class Catalogue(Struct, frozen=True, kw_only=True):
    """Of all kinds together.

    `defaults` has by kind the values with which an attribute counts as not asked for. `served` are the names
    of rules that decide something, `renamed` what Neutron called some before 2025.1. `facts` are what rules
    can look at, by the names that they have for it, and `resources` the words for kinds in `field:` checks.
    """

    rules: Mapping[str, str]
    defaults: Mapping[str, Mapping[str, Any]]
    served: frozenset[str]
    not_served: frozenset[str]
    renamed: Mapping[str, str]
    facts: Mapping[str, str]
    resources: frozenset[str]

    def is_not_served(self, name: str) -> bool:
        """Whether it is a rule of Neutron's for a resource or an attribute that is not served here."""
        action_and_resource, _, attribute = name.partition(":")
        return name in self.not_served or (bool(attribute) and action_and_resource in self.not_served)

    def nearest(self, name: str, names: Iterable[str] | None = None) -> str:
        """Did you mean …?, with the nearest of `names` (all that exist if None); empty when none is near."""
        known = sorted(self.served | self.not_served if names is None else names)
        found = get_close_matches(name, known, n=1, cutoff=0.6)
        return f" Did you mean {found[0]}?" if found else ""


def catalogue_of(kinds: Iterable[tuple[Resource, KindRules]]) -> Catalogue:
    """The catalogue of these kinds."""
    kinds = tuple(kinds)
    resources = [resource for resource, _ in kinds]
    rules = dict(base.RULES)
    for _, own in kinds:
        rules |= own.rules
    served = frozenset({*rules, *_attributes(resources)})
    parents = {resource.parent.resource.singular for resource in resources if resource.parent is not None}
    facts = dict(FACTS)
    for parent in sorted(parents):
        facts[f"{parent}:project_id"] = facts[f"{parent}:tenant_id"] = "parent_project_id"
    return Catalogue(
        rules=rules,
        defaults={resource.singular: own.defaults for resource, own in kinds},
        served=served,
        not_served=NEUTRONS - served,
        renamed={
            f"{action}_{resource.plural}_tags": f"{action}_{resource.singular}:tags"
            for action in ACTIONS
            for resource in resources
            if resource.has_tags
        },
        facts=facts,
        resources=frozenset(name for each in resources for name in (each.singular, each.plural)),
    )


def can_be_new(name: str) -> bool:
    """Whether a file may make a rule of that name for others to refer to: it is not named as an action."""
    first, separator, _ = name.partition("_")
    return ":" not in name and not (separator and first in (*ACTIONS, *OTHER_ACTIONS))


def _attributes(resources: Iterable[Resource]) -> Iterable[str]:
    for resource in resources:
        shown = (field.encode_name for field in msgspec.structs.fields(resource.body))
        yield from (f"get_{resource.singular}:{name}" for name in shown)
        yield from (f"create_{resource.singular}:{name}" for name in resource.create_coercions)
        yield from (f"update_{resource.singular}:{name}" for name in resource.update_coercions)
