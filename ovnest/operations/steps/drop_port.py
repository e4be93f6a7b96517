"""Deleting a port with all that goes along: its tag, what was remembered of its children's tags."""

from ovnest.operations.steps.claim_tag import forget_tags, free_tag
from ovnest.resources.port import Port
from ovnest.transaction import Tx


def drop_port(tx: Tx, port: Port) -> None:
    """Stage the deletion of the port. A container port's tag rests from now on."""
    tx.drop(port)
    free_tag(tx, port)
    forget_tags(tx, port.id)
