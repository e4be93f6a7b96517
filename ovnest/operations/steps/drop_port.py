"""Deleting a port with all that goes along: its tag, what was remembered of its children, its agent."""

from ovnest.operations.steps.claim_tag import forget_tags, free_tag
from ovnest.operations.steps.forget_agent import forget_agent
from ovnest.operations.steps.plugged import forget_plugged
from ovnest.resources.port import Port
from ovnest.transaction import Tx

# Neutron's AUTO_DELETE_PORT_OWNERS: these serve a network, and keep neither it nor a subnet from going.
AUTO_DELETED = frozenset({"network:dhcp", "network:distributed", "network:floatingip_agent_gateway"})


def drop_port(tx: Tx, port: Port) -> None:
    """Stage the deletion of the port. A container port's tag is in hold-down from now on."""
    tx.drop(port)
    free_tag(tx, port)
    forget_plugged(tx, port)
    forget_tags(tx, port.id)
    forget_agent(tx, port.id)
