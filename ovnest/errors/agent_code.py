"""Refusals of agents: codes, credentials, and what an agent may not do."""

from ovnest.errors import Conflict, Forbidden, NotFound, Refusal


class CodeRefused(Refusal):
    """401: the code is none of ours, or can no longer be used."""

    status = 401
    template = "The code {reason}. Ask whoever runs the network for a new one: ovnest agent-code create."


class CredentialRefused(Refusal):
    """401: the credential is none of ours, or can no longer be used."""

    status = 401
    template = "The agent's credential {reason}."


class CredentialSuperseded(Refusal):
    """401: the credential has been renewed since, by its holder or by a copy of him."""

    status = 401
    template = (
        "The agent's credential has generation {given}, and generation {present} is in use. Either this "
        "agent goes on from an old state (a snapshot), or it is one of two copies of a machine. Enrol it "
        "again with a new code."
    )


class AgentNotAllowed(Forbidden):
    """403: not something that an agent may do, whatever its project may."""

    template = "An agent may not {what}."


class AgentPortsExceeded(Conflict):
    """409: the agent has as many ports as it may have."""

    neutron_type = "OverQuota"
    template = "Quota exceeded for resources: ['port']. The agent of {subject} may have {most} ports."


class AgentNetworksExceeded(Conflict):
    """409: the agent has made as many networks as it may, or as many subnets of one."""

    neutron_type = "OverQuota"
    template = "Quota exceeded for resources: ['{resource}']. The agent of {subject} may make {most} {where}."


class AgentCodeNotFound(NotFound):
    """404: no agent has been given a code for that."""

    template = "Agent code of {subject} could not be found."


class AgentSubjectInUse(Conflict):
    """409: an agent's subject is a parent port or a chassis, and cannot be both."""

    template = "There is an agent for the {mode} {subject} already. Revoke it first."


class ParentNotForAgents(Conflict):
    """409: containers cannot be put under that port."""

    template = "Port {port_id} {reason}, so no agent can put containers under it."


class NoAgents(Refusal):
    """501: this server has nothing to sign with, or nowhere to send agents to."""

    status = 501
    template = "This server cannot make agent codes: {reason}."
