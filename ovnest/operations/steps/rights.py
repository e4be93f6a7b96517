"""What policy says of a request: its own rule, and one for each attribute that the client chose."""

from msgspec import Struct

from ovnest.operations.steps.chosen import chosen
from ovnest.policy import Target, rules_for_create, rules_for_update
from ovnest.transaction import Tx


def require_create(tx: Tx, resource: str, request: Struct, target: Target) -> None:
    """Whether the caller may make this.

    Raises:
        PolicyNotAuthorized: a rule says no.
    """
    for rule in rules_for_create(resource, chosen(request)):
        tx.rights.require(rule, target)


def require_update(tx: Tx, resource: str, request: Struct, target: Target) -> None:
    """Whether the caller may change this.

    Raises:
        PolicyNotAuthorized: a rule says no.
    """
    for rule in rules_for_update(resource, chosen(request)):
        tx.rights.require(rule, target)


def require_delete(tx: Tx, resource: str, target: Target) -> None:
    """Whether the caller may delete this.

    Raises:
        PolicyNotAuthorized: the rule says no.
    """
    tx.rights.require(f"delete_{resource}", target)


def require_tags(tx: Tx, resource: str, target: Target) -> None:
    """Whether the caller may change the tags of this: as its other attributes.

    Raises:
        PolicyNotAuthorized: the rule says no.
    """
    tx.rights.require(f"update_{resource}", target)
