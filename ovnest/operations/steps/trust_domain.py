"""Whether a VM may be a chassis: OVN lets any chassis claim any port, so all must be of one trust.

A chassis that no agent has enrolled counts as a hypervisor.
"""

from ovnest.errors.chassis import ForeignChassis, NoSouthbound, SouthboundUnreachable
from ovnest.operations.steps.agent_scope import OVERLAY
from ovnest.resources.agent_code import AgentCode
from ovnest.transaction import Tx

NAMED_MAX = 5


def require_one_trust_domain(tx: Tx) -> None:
    """Return if every chassis that there is was enrolled by an agent, or the operator trusts them all.

    Raises:
        ForeignChassis: there is one that was not.
        NoSouthbound, SouthboundUnreachable: it cannot be known.
    """
    if tx.settings.one_trust_domain:
        return
    if not tx.settings.southbound:
        raise NoSouthbound()
    if tx.southbound is None:
        raise SouthboundUnreachable()
    foreign = sorted(name for name in tx.southbound.names if not _is_enrolled(tx, name))
    if foreign:
        more = f" and {len(foreign) - NAMED_MAX} more" if len(foreign) > NAMED_MAX else ""
        raise ForeignChassis(names=", ".join(foreign[:NAMED_MAX]) + more)


def _is_enrolled(tx: Tx, name: str) -> bool:
    grant = tx.find(AgentCode, name)
    return grant is not None and grant.mode == OVERLAY and bool(grant.grant)
