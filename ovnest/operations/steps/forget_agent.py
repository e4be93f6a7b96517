"""An agent's permission ends with its parent."""

from ovnest.northbound.documents import AgentGrant
from ovnest.operations.steps.agent_scope import NESTED
from ovnest.transaction import Tx


def forget_agent(tx: Tx, parent_id: str) -> None:
    """The port is gone, and with it what the agent under it may do."""
    grant = tx.find(AgentGrant, parent_id)
    if grant is not None and grant.mode == NESTED:
        tx.drop(grant)
