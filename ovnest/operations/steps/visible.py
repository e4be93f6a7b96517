"""Finding what a request names, as far as this caller may see it.

What a caller may not see is not there: the answer is 404, never 403.
"""

from typing import Any

from ovnest.policy import Target
from ovnest.resources.network import NETWORK, Network
from ovnest.resources.port import PORT, Port
from ovnest.resources.resource import Resource
from ovnest.resources.subnet import SUBNET, Subnet
from ovnest.transaction import Tx


def visible(tx: Tx, resource: Resource, key: str) -> Any:
    """The facts of that key.

    Raises:
        NotFound: the resource's own; there is none that the caller may see.
    """
    found = tx.find(resource.facts, key)
    rule = f"get_{resource.singular}"
    if found is None or not tx.rights.allows(rule, target_of(tx, resource, found)):
        raise resource.not_found(key)
    return found


def visible_network(tx: Tx, network_id: str) -> Network:
    """The network of that id; NetworkNotFound when the caller may see none."""
    found: Network = visible(tx, NETWORK, network_id)
    return found


def visible_subnet(tx: Tx, subnet_id: str) -> Subnet:
    """The subnet of that id; SubnetNotFound when the caller may see none."""
    found: Subnet = visible(tx, SUBNET, subnet_id)
    return found


def visible_port(tx: Tx, port_id: str) -> Port:
    """The port of that id; PortNotFound when the caller may see none."""
    found: Port = visible(tx, PORT, port_id)
    return found


def target_of(tx: Tx, resource: Resource, facts: Any) -> Target:
    """What policy asks about something: whose it and its parent are, whether it is shared with the caller.

    A parent that cannot be read is nobody's.
    """
    parent = None
    if resource.parent is not None:
        parent = tx.find(resource.parent.resource.facts, getattr(facts, resource.parent.attribute))
    owner = getattr(facts, "device_owner", "")
    return target_within(facts if resource.parent is None else parent, facts.project_id, owner)


def target_within(parent: Any, project_id: str, device_owner: str = "") -> Target:
    """What policy asks about something of `project_id` that belongs to `parent`: without one, to itself."""
    if parent is None:
        return Target(project_id=project_id, device_owner=device_owner)
    return Target(
        project_id=project_id,
        parent_project_id=parent.project_id,
        shared=getattr(parent, "shared", False),
        external=getattr(parent, "external", False),
        device_owner=device_owner,
    )
