"""What policy says of a request: its own rule, and one for each attribute that the client chose."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ovnest.operations.steps.chosen import chosen
from ovnest.operations.steps.ownership import owner_of_new
from ovnest.operations.steps.visible import target_of, target_within
from ovnest.policy import rules_for_create, rules_for_update
from ovnest.resources.resource import Resource
from ovnest.transaction import Tx


def require_create(tx: Tx, resource: Resource, want: Any, parent: Any = None) -> str:
    """The project that what is wanted will belong to, if the caller may make it: the one step before making.

    `parent` is what it will belong to, for resources that have one. Asked are who owns it, the rule, the
    rules of the attributes that were chosen, and (once there are any) the project's quota.

    Raises:
        HTTPBadRequest: the caller named another project than his own.
        PolicyNotAuthorized: a rule says no.
    """
    project_id = owner_of_new(tx, want.project_id)
    if resource.parent is None:
        target = target_within(replace(want, project_id=project_id), project_id)
    else:
        target = target_within(parent, project_id, getattr(want, "device_owner", ""))
    for rule in rules_for_create(resource.singular, chosen(want), tx.rights.defaults[resource.singular]):
        tx.rights.require(rule, target)
    return project_id


def require_update(tx: Tx, resource: Resource, change: Struct, facts: Any, **would_be: Any) -> None:
    """Whether the caller may change this; `would_be` are facts that it is judged by as they would be.

    Raises:
        PolicyNotAuthorized: a rule says no.
    """
    target = target_of(tx, resource, facts)
    if would_be:
        target = replace(target, **would_be)
    for rule in rules_for_update(resource.singular, chosen(change)):
        tx.rights.require(rule, target)


def require_delete(tx: Tx, resource: Resource, facts: Any) -> None:
    """Whether the caller may delete this.

    Raises:
        PolicyNotAuthorized: the rule says no.
    """
    tx.rights.require(f"delete_{resource.singular}", target_of(tx, resource, facts))


def require_action(tx: Tx, resource: Resource, action: str, facts: Any) -> None:
    """Whether the caller may do this with it: an action has a rule of its own name.

    Raises:
        PolicyNotAuthorized: the rule says no.
    """
    tx.rights.require(action, target_of(tx, resource, facts))


def require_tags(tx: Tx, resource: Resource, facts: Any) -> None:
    """Whether the caller may change the tags of this: as its other attributes.

    Raises:
        PolicyNotAuthorized: the rule says no.
    """
    tx.rights.require(f"update_{resource.singular}", target_of(tx, resource, facts))
