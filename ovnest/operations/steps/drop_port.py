"""Deleting a port with all that goes along: its tag, what was remembered of its children's tags."""

from ovnest.operations.steps.claim_tag import forget_tags, free_tag
from ovnest.resources.port import Port
from ovnest.transaction import Tx

# Neutron's AUTO_DELETE_PORT_OWNERS: these serve a network, and keep neither it nor a subnet from going.
AUTO_DELETED = frozenset({"network:dhcp", "network:distributed", "network:floatingip_agent_gateway"})


def drop_port(tx: Tx, port: Port) -> None:
    """Stage the deletion of the port. A container port's tag rests from now on."""
    tx.drop(port)
    free_tag(tx, port)
    forget_tags(tx, port.id)
