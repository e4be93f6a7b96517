"""Agent codes: what an administrator may ask for, what is kept and shown; what agents say and are told."""

import re
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from ovnest.caller import Mode
from ovnest.errors.agent_code import AgentCodeNotFound
from ovnest.resources.fields import (
    NAME_MAX,
    Coercions,
    distinct,
    limited,
    listed,
    optional,
    uuid,
    whole_number,
)
from ovnest.resources.resource import Resource

PORTS_MAX = 4094  # one for each tag
PORTS_DEFAULT = 1000
EXPIRES_S_MIN = 60
EXPIRES_S_MAX = 30 * 24 * 3600
EXPIRES_S = 3600
NETWORKS_MAX = 100
REASON_MAX = 255
_CHASSIS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


class Plugged(Struct, frozen=True, kw_only=True):
    """What an agent last said of one port; `since` is when it began to say so, in Unix time."""

    plugged: bool
    reason: str = ""
    since: int = 0


class AgentCode(Struct, frozen=True, kw_only=True):
    """What the agent of a parent port (or, in mode `overlay`, of a chassis) may do, and what it last said.

    `id` is the port's id or the chassis' name. `code` is the permission that waits to be taken up until
    `code_expires`, `grant` the one that was taken up and has been renewed `generation` times, last by the
    request with that `nonce`. `conflict_at` is when an older generation was seen in use. `plugged` maps a
    port's id to a `Plugged` in JSON. All times are Unix time; 0 and empty mean never. There is no secret
    here, nor the hash of one.
    """

    id: str
    mode: Annotated[Mode, Meta(description="`overlay`: the agent of a chassis; absent: of a parent port")] = (
        "nested"
    )
    project_id: Annotated[str, Meta(description="the project that owns the ports it makes")] = ""
    networks: Annotated[tuple[str, ...], Meta(description="networks that it may make ports on")] = ()
    ports_max: Annotated[int, Meta(description="how many ports it may have")] = 0
    networks_max: Annotated[int, Meta(description="how many networks it may make itself")] = 0
    made: Annotated[
        tuple[str, ...], Meta(description="networks that it has made, on which it may make ports, too")
    ] = ()
    code: Annotated[str, Meta(description="the permission that a code waits to be used for")] = ""
    code_expires: Annotated[int, Meta(description="until when it waits, in Unix time")] = 0
    grant: Annotated[str, Meta(description="the permission that the credential in use came from")] = ""
    generation: Annotated[int, Meta(description="how often that credential has been renewed")] = 0
    nonce: Annotated[str, Meta(description="the request that renewed it last")] = ""
    enrolled_at: Annotated[int, Meta(description="when the code was used, in Unix time")] = 0
    renewed_at: Annotated[int, Meta(description="when the credential was renewed last, in Unix time")] = 0
    conflict_at: Annotated[
        int, Meta(description="when an older generation was seen in use, in Unix time")
    ] = 0
    reported_at: Annotated[int, Meta(description="when the agent reported last, in Unix time")] = 0
    plugged: Annotated[
        dict[str, str], Meta(description="`plugged.<port>`: what the agent last said of that port, as JSON")
    ] = {}


class CreateAgentCode(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator may send: a parent port or a chassis, and what the agent may do there.

    `networks` left out means the parent's own, and for a chassis none; `networks_max` is how many it may make
    beside those. `project_id` is for a chassis only; under a parent the ports are its project's.
    """

    parent: str | None = None
    chassis: str | None = None
    project_id: str | None = None
    networks: tuple[str, ...] | UnsetType = UNSET
    ports_max: int = PORTS_DEFAULT
    networks_max: int = 0
    expires_s: int = EXPIRES_S


class AgentCodeBody(Struct, frozen=True, kw_only=True):
    """An agent's permission as it is shown. `code` is shown once, to who made it.

    `state` is `waiting` (for the code to be used), `expired` (it was not), or `enrolled`. Times are UTC,
    null where there is none yet. `conflict_at`: an older generation of the credential was seen in use.
    `networks_made` are networks that it has made, of `networks_max` that it may make.
    """

    subject: str
    mode: Mode
    project_id: str
    networks: tuple[str, ...]
    ports_max: int
    networks_max: int
    networks_made: tuple[str, ...]
    state: str
    generation: int
    code_expires_at: str | None
    enrolled_at: str | None
    renewed_at: str | None
    reported_at: str | None
    conflict_at: str | None
    code: str | UnsetType = UNSET


class Enrolment(Struct, frozen=True, kw_only=True):
    """What an agent sends with its code. With a `nonce` the same request again gets the same answer."""

    code: str
    nonce: str = ""


class Renewal(Struct, frozen=True, kw_only=True):
    """What an agent sends to renew its credential; the same `nonce` again gets the same answer."""

    nonce: str


class PortReport(Struct, frozen=True, kw_only=True):
    """What an agent says of one port."""

    plugged: bool
    reason: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """What an agent says of its ports, and of tags that no device has any more.

    `whole`: these are all its ports, so what it said of others before is forgotten.
    """

    ports: dict[str, PortReport] = {}
    gone: tuple[int, ...] = ()
    whole: bool = False


class AgentAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent is told when it enrols, renews, or reports; `credential` only when it has a new one.

    `conflict_at` (Unix time): an older generation of this credential was seen in use, so there may be a copy
    of the machine. `project_id` is the one that owns the agent's ports.
    """

    generation: int
    mode: str
    subject: str
    project_id: str
    networks: tuple[str, ...]
    ports_max: int
    conflict_at: int | None
    renew_after_s: int
    report_after_s: int
    credential: str = ""
    expires: int = 0


class CertificateRequest(Struct, frozen=True, kw_only=True):
    """What the agent of a VM that is a chassis sends: PKCS #10, as PEM, for the chassis' name."""

    request: str


class CertificateAnswer(Struct, frozen=True, kw_only=True):
    """What it gets, as PEM: its certificate, and the CA by which it is to know the Southbound.

    Times are Unix time.
    """

    certificate: str
    ca: str
    not_before: int
    not_after: int


def _chassis(value: Any) -> str:
    name: str = limited(NAME_MAX)(value)
    if not _CHASSIS.fullmatch(name):
        raise ValueError(f"{name!r} is not a chassis' name: letters, digits, '.', '_' and '-'")
    return name


CREATE_AGENT_CODE: Coercions = {
    "parent": optional(uuid),
    "chassis": optional(_chassis),
    "project_id": optional(limited(NAME_MAX)),
    "tenant_id": optional(limited(NAME_MAX)),
    "networks": distinct(listed(uuid, most=NETWORKS_MAX)),
    "ports_max": whole_number(1, PORTS_MAX),
    "networks_max": whole_number(0, NETWORKS_MAX),
    "expires_s": whole_number(EXPIRES_S_MIN, EXPIRES_S_MAX),
}

AGENT_CODE = Resource(
    singular="agent_code",
    plural="agent_codes",
    path="agent-codes",
    facts=AgentCode,
    body=AgentCodeBody,
    key="subject",
    not_found=lambda key: AgentCodeNotFound(subject=key),
    create=CreateAgentCode,
    create_coercions=CREATE_AGENT_CODE,
)
