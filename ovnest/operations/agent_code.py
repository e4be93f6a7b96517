"""What can be done with agents' permissions: give and revoke them; take them up, renew, report.

A code is a permission that waits; enrolling takes it up, once. Each renewal raises the generation, so two
copies of one machine cannot both go on: the one that renews second has an older generation than the
database, and is told so, as is the other.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from ovnest.caller import Agent
from ovnest.errors import InvalidInput
from ovnest.errors.agent_code import (
    AgentNotAllowed,
    AgentSubjectInUse,
    CodeRefused,
    CredentialSuperseded,
    ParentNotForAgents,
)
from ovnest.errors.network import NetworkNotFound
from ovnest.errors.port import PortNotFound
from ovnest.operations.kind import Kind
from ovnest.operations.steps.agent_scope import (
    NESTED,
    OVERLAY,
    authorised,
    own_ports,
    parent_of,
    permitted,
)
from ovnest.operations.steps.plugged import REPORT_AFTER_S
from ovnest.operations.steps.rights import require_create, require_delete
from ovnest.operations.steps.trust_domain import require_one_trust_domain
from ovnest.operations.steps.visible import visible
from ovnest.policy.rules.agent_code import RULES
from ovnest.resources.agent_code import (
    AGENT_CODE,
    REASON_MAX,
    AgentCode,
    CreateAgentCode,
    Plugged,
    PortReport,
    Report,
)
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.vlan_tags import VlanTags
from ovnest.transaction import Tx

CREDENTIAL_S = 90 * 24 * 3600
RENEW_AFTER_S = 3600
# A request that was under way when its sender renewed is no sign of a copy.
IN_FLIGHT_S = 60
# One conflict is written down once a minute: a copy that keeps asking is not to keep the database writing.
CONFLICT_AGAIN_S = 60


def create_agent_code(tx: Tx, want: CreateAgentCode) -> AgentCode:
    """Give the agent of a parent or a chassis a permission that waits to be taken up.

    If there is an agent already it goes on until the new code is used; what it may do changes at once.

    Raises:
        PolicyNotAuthorized: the caller may not.
        NoAgents: this server cannot sign codes, or say where agents are to go.
        InvalidInput: not just one of parent and chassis.
        PortNotFound, NetworkNotFound: the parent or a network is not there.
        ParentNotForAgents, AgentSubjectInUse: it cannot be an agent's parent.
        ForeignChassis, NoSouthbound, SouthboundUnreachable: see `require_one_trust_domain`.
    """
    owner = require_create(tx, AGENT_CODE, want)
    if tx.context.issuer is not None:
        tx.context.issuer.require()
    if (want.parent is None) == (want.chassis is None):
        raise InvalidInput(error_message="an agent code is for one parent, or for one chassis")
    subject = want.parent or want.chassis or ""
    mode = NESTED if want.parent is not None else OVERLAY
    present = tx.find(AgentCode, subject)
    if present is not None and present.mode != mode:
        raise AgentSubjectInUse(mode=present.mode, subject=subject)
    own: tuple[str, ...]
    if mode == NESTED:
        parent = _parent(tx, subject)
        project_id, own = parent.project_id, (parent.network_id,)
        if want.project_id not in (None, project_id):
            raise InvalidInput(error_message="the ports under a parent belong to its project; name none")
    else:
        require_one_trust_domain(tx)
        project_id, own = owner, ()
    networks = own if want.networks is UNSET else want.networks
    for network_id in networks:
        if tx.find(Network, network_id) is None:
            raise NetworkNotFound(net_id=network_id)
    grant = replace(
        present or AgentCode(id=subject, mode=mode),
        project_id=project_id,
        networks=tuple(sorted(networks)),
        ports_max=want.ports_max,
        networks_max=want.networks_max,
        code=tx.new_id(),
        code_expires=tx.seconds + want.expires_s,
    )
    return tx.put(grant)


def delete_agent_code(tx: Tx, subject: str, query: Mapping[str, str]) -> None:
    """End a permission: neither a code nor a credential of it is good any more. The ports stay.

    Raises:
        AgentCodeNotFound: there is none that the caller may see.
        PolicyNotAuthorized: the caller may not.
    """
    code = visible(tx, AGENT_CODE, subject)
    require_delete(tx, AGENT_CODE, code)
    tx.drop(code)


def computed(tx: Tx, code: AgentCode) -> dict[str, Any]:
    """How it stands with a code; times are UTC."""
    state = "enrolled" if code.grant else "expired" if tx.has_come(code.code_expires) else "waiting"
    return {
        "subject": code.id,
        "networks_made": code.made,
        "state": state,
        "code": UNSET,
        "code_expires_at": _time(code.code_expires),
        "enrolled_at": _time(code.enrolled_at),
        "renewed_at": _time(code.renewed_at),
        "reported_at": _time(code.reported_at),
        "conflict_at": _time(code.conflict_at),
    }


def signed(tx: Tx, code: AgentCode) -> dict[str, str]:
    """The code itself, which only who made it is shown, once."""
    return {} if tx.context.issuer is None else {"code": tx.context.issuer.issue(code)}


def enroll(tx: Tx, code: Agent, nonce: str) -> AgentCode:
    """Take up the permission that a code is for, once. The same code and nonce again get the same answer.

    Raises:
        CodeRefused: it has expired, was used or revoked, or its parent is gone.
        ForeignChassis, NoSouthbound, SouthboundUnreachable: see `require_one_trust_domain`.
    """
    grant = tx.find(AgentCode, code.subject)
    if grant is None or grant.mode != code.mode or not code.grant:
        raise CodeRefused(reason="was revoked, or its port is gone")
    if grant.mode == NESTED and parent_of(tx, grant.id) is None:
        raise CodeRefused(reason="is for a port that cannot be the parent of containers")
    if code.expires <= tx.seconds:
        raise CodeRefused(reason="has expired")
    if grant.grant == code.grant and grant.generation == 1 and nonce and grant.nonce == nonce:
        return grant  # the answer was lost, or the agent was before it had kept it
    if grant.code != code.grant:
        raise CodeRefused(reason="has been used, or a newer one was made since")
    if grant.code_expires <= tx.seconds:
        raise CodeRefused(reason="has expired")
    if grant.mode == OVERLAY:
        require_one_trust_domain(tx)
    return tx.put(
        replace(
            grant,
            code="",
            code_expires=0,
            grant=code.grant,
            generation=1,
            nonce=nonce,
            enrolled_at=tx.seconds,
            renewed_at=tx.seconds,
            conflict_at=0,
            reported_at=0,
        )
    )


def renew(tx: Tx, agent: Agent, nonce: str) -> AgentCode:
    """Raise the generation of a credential. The same nonce from the generation before gets the same answer.

    Raises:
        CredentialRefused: see `authorised`.
        CredentialSuperseded: it has been renewed since, by somebody else.
    """
    grant = permitted(tx, agent)
    if agent.generation == grant.generation - 1 and grant.nonce == nonce:
        return grant  # the answer was lost
    if agent.generation < grant.generation:
        raise CredentialSuperseded(given=agent.generation, present=grant.generation)
    # Not the database's generation plus one: a database from a backup may know an older one.
    return tx.put(replace(grant, generation=agent.generation + 1, nonce=nonce, renewed_at=tx.seconds))


def chassis_to_certify(tx: Tx, agent: Agent) -> str:
    """The name that the certificate of an agent's chassis is made for.

    Raises:
        CredentialRefused, CredentialSuperseded: see `authorised`.
        AgentNotAllowed: its VM is no chassis.
        ForeignChassis, NoSouthbound, SouthboundUnreachable: see `require_one_trust_domain`.
    """
    scope = authorised(tx, agent)
    if scope.mode != OVERLAY:
        raise AgentNotAllowed(what="have a chassis' certificate: its VM is no chassis")
    require_one_trust_domain(tx)
    return scope.subject


def note_conflict(tx: Tx, agent: Agent, *, renews: bool) -> None:
    """Write down that an older generation is in use, so that the present holder is told.

    `renews`: it asked to be renewed, which no request that was merely under way does.
    """
    grant = permitted(tx, agent)
    is_late = renews or agent.generation < grant.generation - 1 or grant.renewed_at < tx.seconds - IN_FLIGHT_S
    is_new = grant.conflict_at < tx.seconds - CONFLICT_AGAIN_S
    if agent.generation < grant.generation and is_late and is_new:
        tx.put(replace(grant, conflict_at=tx.seconds))


def report(tx: Tx, agent: Agent, said: Report) -> AgentCode:
    """Take down what an agent says of its own ports, and end the hold-down of tags that are gone.

    Of ports that are not its own nothing is kept. When nothing has changed it is only noted once a minute
    that the agent lives.

    Raises:
        CredentialRefused, CredentialSuperseded: see `authorised`.
    """
    scope = authorised(tx, agent)
    grant = tx.get(AgentCode, agent.subject)
    own = {port.id for port in own_ports(tx, scope)}
    plugged = {} if said.whole else {key: text for key, text in grant.plugged.items() if key in own}
    for port_id in said.ports.keys() & own:
        plugged[port_id] = _taken_down(grant.plugged.get(port_id), said.ports[port_id], tx.seconds)
    _end_hold_down(tx, scope.subject, said.gone)
    is_due = grant.reported_at <= tx.seconds - REPORT_AFTER_S // 2
    if plugged == grant.plugged and not is_due:
        return grant
    return tx.put(replace(grant, plugged=plugged, reported_at=tx.seconds))


def _parent(tx: Tx, port_id: str) -> Port:
    port = tx.find(Port, port_id)
    if port is None:
        raise PortNotFound(port_id=port_id)
    if port.parent_name is not None:
        raise ParentNotForAgents(port_id=port_id, reason="is itself a container port")
    if port.is_trusted:
        raise ParentNotForAgents(port_id=port_id, reason=f"belongs to {port.device_owner}")
    return port


def _taken_down(before: str | None, said: PortReport, now: int) -> str:
    reason = said.reason[:REASON_MAX]
    if before is not None:
        old = msgspec.json.decode(before, type=Plugged)
        if (old.plugged, old.reason) == (said.plugged, reason):
            return before
    taken = Plugged(plugged=said.plugged, reason=reason, since=now)
    return msgspec.json.encode(taken, order="sorted").decode()


def _end_hold_down(tx: Tx, parent_id: str, gone: tuple[int, ...]) -> None:
    memory = tx.find(VlanTags, parent_id)
    if memory is None or not memory.freed.keys() & set(gone):
        return
    held: Mapping[int, int] = {tag: when for tag, when in memory.freed.items() if tag not in gone}
    tx.put(replace(memory, freed=dict(held)))


def _time(seconds: int) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None


KIND = Kind(
    resource=AGENT_CODE,
    rules=RULES,
    create=create_agent_code,
    has_bulk=False,
    delete=delete_agent_code,
    computed=computed,
    otherwise=frozenset({"code", "enrolled_at", "renewed_at", "reported_at", "conflict_at"}),
    made=signed,
)
