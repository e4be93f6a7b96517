"""An agent's permission ends with its parent."""

from ovnest.operations.steps.agent_scope import NESTED
from ovnest.resources.agent_code import AgentCode
from ovnest.transaction import Tx


def forget_agent(tx: Tx, parent_id: str) -> None:
    """The port is gone, and with it what the agent under it may do."""
    grant = tx.find(AgentCode, parent_id)
    if grant is not None and grant.mode == NESTED:
        tx.drop(grant)
