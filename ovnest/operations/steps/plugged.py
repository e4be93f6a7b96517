"""Whether a container port works, and if not, why: computed from what OVN, the agent and the clock say.

The reasons are words that programs can match, with a colon and more where there is more to say.
"""

import msgspec
from msgspec import Struct

from ovnest.resources.agent_code import AgentCode, Plugged
from ovnest.resources.port import Port
from ovnest.rows.agent_code import AgentWord
from ovnest.transaction import Tx

REPORT_AFTER_S = 60  # an agent reports at least this often
SILENT_AFTER_S = 200  # and is taken to be away when it has not for this long

DISABLED = "disabled"
NO_PARENT = "no-parent"
PARENT_UNBOUND = "parent-unbound"
PARENT_CHASSIS_GONE = "parent-chassis-gone"
PARENT_CHASSIS_BEHIND = "parent-chassis-behind"
AGENT_SILENT = "agent-silent"
NOT_PLUGGED = "not-plugged"


class PlugState(Struct, frozen=True, kw_only=True):
    """`plugged` as the agent last said, None if none says; `reason` is empty when all is well."""

    plugged: bool | None
    reason: str


def plug_state_of(tx: Tx, port: Port, parent_id: str) -> PlugState:
    """How it is with a container port under that parent."""
    said, reported_at = _last_said(tx, port.id, parent_id)
    plugged = said.plugged if said is not None else (None if reported_at is None else False)
    return PlugState(plugged=plugged, reason=_reason(tx, port, parent_id, said, reported_at))


def forget_plugged(tx: Tx, port: Port) -> None:
    """The port is gone, and with it what its parent's agent said of it."""
    grant = tx.find(AgentCode, port.parent_name) if port.parent_name is not None else None
    if grant is not None and port.id in grant.plugged:
        left = {key: said for key, said in grant.plugged.items() if key != port.id}
        tx.put(msgspec.structs.replace(grant, plugged=left))


def _reason(tx: Tx, port: Port, parent_id: str, said: Plugged | None, reported_at: int | None) -> str:
    if not port.admin_state_up:
        return DISABLED
    parent = tx.find(Port, parent_id)
    if parent is None:
        return NO_PARENT
    seen = tx.southbound
    if parent.host_id and seen is not None and parent.host_id not in seen.hosts:
        return f"{PARENT_CHASSIS_GONE}: {parent.host_id}"
    if seen is not None and parent.host_id in seen.behind:
        return f"{PARENT_CHASSIS_BEHIND}: {parent.host_id}"
    if not parent.up:
        return PARENT_UNBOUND
    if reported_at is None:
        return ""
    if tx.has_come(reported_at + SILENT_AFTER_S + 1):
        return f"{AGENT_SILENT}: for {tx.seconds - reported_at} s"
    if said is None:
        return f"{NOT_PLUGGED}: the agent does not know it"
    if not said.plugged:
        return f"{NOT_PLUGGED}: {said.reason}" if said.reason else NOT_PLUGGED
    return ""


def _last_said(tx: Tx, port_id: str, parent_id: str) -> tuple[Plugged | None, int | None]:
    """What the parent's agent said of the port, and when it last said anything; None: there is no agent."""
    word = tx.find(AgentWord, parent_id)
    return (None, None) if word is None else (word.of(port_id), word.reported_at)
