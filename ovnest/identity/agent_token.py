"""Agents' codes and credentials: what is in them, signed, and read back only if it is ours.

    ovnest1.<payload: JSON in base64url>.<HMAC-SHA256 of the two before, in base64url>

A code is what people carry to a VM: it names the server and the certificate to trust, and is good once. A
credential is what the agent gets for it. Both say only who the agent is; what it may do, and whether it still
may, stands in the Northbound and is looked up at each request. Why signed text, and no library:
`docs/decisions/0007-agent-credentials.md`.
"""

import base64
import re
from collections.abc import Mapping
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from ovnest.caller import Agent, Mode
from ovnest.errors.agent_code import CodeRefused, CredentialRefused
from ovnest.errors.policy import Unauthorized
from ovnest.identity.key_ring import KeyRing

PREFIX = "ovnest1"
SIZE_MAX = 32 * 1024
_TOKEN = re.compile(rf"({PREFIX}\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]+)")
_BEARER = "bearer "


class _Payload(Struct, frozen=True, kw_only=True):
    kid: str
    kind: str
    mode: Mode
    subject: str
    grant: str
    expires: int


class CodePayload(_Payload, frozen=True, kw_only=True):
    """What a code says: an agent, where to go, and the certificates (PEM) to trust there and only there."""

    kind: Literal["code"] = "code"
    url: str
    ca: str


class CredentialPayload(_Payload, frozen=True, kw_only=True):
    """What a credential says."""

    kind: Literal["agent"] = "agent"
    generation: int


P = TypeVar("P", CodePayload, CredentialPayload)


def issue_code(ring: KeyRing, agent: Agent, *, url: str, ca: str) -> str:
    """A code for `agent`, to be carried to its VM."""
    return _issue(
        ring,
        CodePayload(
            kid=ring.signing.id,
            mode=agent.mode,
            subject=agent.subject,
            grant=agent.grant,
            expires=agent.expires,
            url=url,
            ca=ca,
        ),
    )


def issue_credential(ring: KeyRing, agent: Agent) -> str:
    """The credential of `agent`."""
    return _issue(
        ring,
        CredentialPayload(
            kid=ring.signing.id,
            mode=agent.mode,
            subject=agent.subject,
            grant=agent.grant,
            expires=agent.expires,
            generation=agent.generation,
        ),
    )


def read_code(ring: KeyRing, text: str) -> Agent:
    """Whom a code is for. Whether it has expired or was used, the database and the clock say.

    Raises:
        CodeRefused: it is none of ours.
    """
    payload = _read(ring, text, CodePayload)
    if payload is None:
        raise CodeRefused(reason="is not one that this server's key ring has signed")
    return Agent(mode=payload.mode, subject=payload.subject, grant=payload.grant, expires=payload.expires)


def read_credential(ring: KeyRing, headers: Mapping[str, str]) -> Agent:
    """Whose credential a request has: `Authorization: Bearer …`, or X-Auth-Token as Neutron's clients send.

    Raises:
        CredentialRefused: there is none, or it is none of ours.
    """
    payload = _read(ring, _sent(headers), CredentialPayload)
    if payload is None:
        raise CredentialRefused(reason="is missing, or not one that this server's key ring has signed")
    return Agent(
        mode=payload.mode,
        subject=payload.subject,
        grant=payload.grant,
        generation=payload.generation,
        expires=payload.expires,
    )


def refuse_agents(headers: Mapping[str, str]) -> None:
    """Whatever else would let a request in: an agent's credential is not for the API's own listener.

    Raises:
        Unauthorized: the request has a code or a credential of an agent.
    """
    if any(_sent_in(headers, name).startswith(f"{PREFIX}.") for name in ("authorization", "x-auth-token")):
        raise Unauthorized(reason="An agent's credential is good at --agent-listen only.")


def _sent(headers: Mapping[str, str]) -> str:
    return _sent_in(headers, "authorization") or _sent_in(headers, "x-auth-token")


def _sent_in(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if value[: len(_BEARER)].lower() == _BEARER:
        value = value[len(_BEARER) :]
    elif name == "authorization":
        return ""
    return value.strip()


def _issue(ring: KeyRing, payload: CodePayload | CredentialPayload) -> str:
    signed = f"{PREFIX}.{_base64(msgspec.json.encode(payload))}"
    return f"{signed}.{_base64(ring.sign(signed.encode()))}"


def _read(ring: KeyRing, text: str, kind: type[P]) -> P | None:
    """The payload if the text is of that kind and one of the ring's keys has signed it."""
    match = _TOKEN.fullmatch(text) if len(text) <= SIZE_MAX else None
    if match is None:
        return None
    signed, payload, signature = match.groups()
    try:
        content = _bytes(payload)
        found = msgspec.json.decode(content, type=kind)
        given = _bytes(signature)
    except ValueError:  # of base64, UTF-8 or JSON
        return None
    if _base64(given) != signature:  # bits that mean nothing: one credential has one form
        return None
    return found if ring.verifies(found.kid, signed.encode(), given) else None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
