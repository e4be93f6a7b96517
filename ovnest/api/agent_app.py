"""The application at `--agent-listen`: enrolment and agents' credentials, and nothing else.

The routes are the API's own, a few of them, each behind a guard that keeps an agent to its own ports and the
networks that it was given. Without a credential everything is 401, whether it exists or not.
"""

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ovnest.api.agent_services import allowed, kind_for
from ovnest.api.agents import Agents
from ovnest.api.bodies import decode
from ovnest.api.events import Events
from ovnest.api.refusals import refusal_response
from ovnest.api.requests import Request
from ovnest.api.resources import ResourceRoutes
from ovnest.api.responses import Response, json_response
from ovnest.api.routes import Handle
from ovnest.api.store import Store
from ovnest.api.viewers import AgentViewer
from ovnest.caller import Agent, Caller
from ovnest.errors import Refusal
from ovnest.errors.agent_code import AgentNotAllowed, CredentialRefused, CredentialSuperseded
from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.http import HTTPMethodNotAllowed
from ovnest.identity.agent_token import read_code, read_credential
from ovnest.operations import agent_code
from ovnest.operations.agent_code import RENEW_AFTER_S
from ovnest.operations.steps.agent_scope import Scope, authorised
from ovnest.operations.steps.plugged import REPORT_AFTER_S
from ovnest.resources.agent_code import AgentAnswer, AgentCode, CertificateRequest, Enrolment, Renewal, Report

ENROLL = "/agent/v1/enroll"
RENEW = "/agent/v1/renew"
REPORT = "/agent/v1/report"
CERTIFICATE = "/agent/v1/certificate"
EVENTS = "/v2.0/events"
PREFIX = "/v2.0/"
# An agent's requests pass policy as a service of its project, after the guard; never as an administrator.
ROLES = frozenset({"service", "member", "reader"})
NOBODY = Caller(project_id="")
_NONCE = re.compile(r"[\x21-\x7e]{1,64}")
_CHALLENGE = "WWW-Authenticate"

S = TypeVar("S", bound=Struct)


class AgentApp:
    """What agents are answered by."""

    def __init__(self, store: Store, agents: Agents, events: Events) -> None:
        self._store = store
        self._agents = agents
        self._events = events

    async def __call__(self, request: Request) -> Response:
        """Answer a request. What is refused is said in Neutron's form."""
        subject = ""
        try:
            if request.path == ENROLL:
                return await self._enroll(request)
            agent = read_credential(self._agents.ring, request.headers)
            subject = f"agent:{agent.subject}"
            try:
                return await self._answer(request, agent)
            except CredentialSuperseded:
                await self._note_conflict(agent, renews=request.path == RENEW)
                raise
        except Refusal as refusal:
            return _refused(refusal, subject)

    async def _answer(self, request: Request, agent: Agent) -> Response:
        if request.path == RENEW:
            return await self._renew(request, agent)
        if request.path == CERTIFICATE:
            return await self._certify(request, agent)
        scope = await self._store.read(NOBODY, lambda tx: authorised(tx, agent))
        caller = Caller(
            project_id=scope.project_id,
            user_id=f"agent:{scope.subject}",
            roles=ROLES,
            request_id=request.request_id,
        )
        if request.path == REPORT:
            return await self._report(request, agent, caller)
        handle = self._route(request, agent, scope, caller)
        return await handle(request, caller)

    def _route(self, request: Request, agent: Agent, scope: Scope, caller: Caller) -> Handle:
        method = "GET" if request.method == "HEAD" else request.method
        if request.path == EVENTS and method == "GET":
            return lambda request, caller: self._watch(request, agent, scope, caller)
        if request.path.startswith(PREFIX):
            plural, *parts = request.path.removeprefix(PREFIX).removesuffix("/").split("/")
            if allowed(method, plural, len(parts), scope):
                methods = self._resource(plural, agent).routes(parts)
                if methods is not None:
                    return methods[method]
        raise AgentNotAllowed(what=f"{request.method} {request.path}")

    def _resource(self, plural: str, agent: Agent) -> ResourceRoutes:
        return ResourceRoutes(self._store, kind_for(agent, plural))

    async def _watch(self, request: Request, agent: Agent, scope: Scope, caller: Caller) -> Response:
        viewer = AgentViewer(self._store, self._resource("ports", agent), caller, agent)
        return self._events.response(
            viewer,
            request.query,
            request.headers.get("last-event-id"),
            subject=scope.subject,
            project_id=caller.project_id,
        )

    # The agent itself

    async def _enroll(self, request: Request) -> Response:
        _require_post(request)
        asked = _body(request, Enrolment)
        nonce = _nonce(asked.nonce) if asked.nonce else ""
        code = read_code(self._agents.ring, asked.code)
        caller = Caller(project_id=f"agent:{code.subject}", request_id=request.request_id)
        grant = await self._store.write(
            caller, lambda tx: agent_code.enroll(tx, code, nonce), what="enroll_agent"
        )
        return self._told(201, grant, is_new=True)

    async def _renew(self, request: Request, agent: Agent) -> Response:
        _require_post(request)
        nonce = _nonce(_body(request, Renewal).nonce)
        caller = Caller(project_id=f"agent:{agent.subject}", request_id=request.request_id)
        grant = await self._store.write(
            caller, lambda tx: agent_code.renew(tx, agent, nonce), what="renew_agent"
        )
        return self._told(200, grant, is_new=True)

    async def _report(self, request: Request, agent: Agent, caller: Caller) -> Response:
        _require_post(request)
        said = _body(request, Report)
        grant = await self._store.write(
            caller, lambda tx: agent_code.report(tx, agent, said), what="report_agent"
        )
        return self._told(200, grant, is_new=False)

    async def _certify(self, request: Request, agent: Agent) -> Response:
        name = await self._store.read(NOBODY, lambda tx: agent_code.chassis_to_certify(tx, agent))
        _require_post(request)
        asked = _body(request, CertificateRequest)
        answer = await self._agents.certify(asked.request, name)
        return json_response(200, answer, f"agent:{name}")

    def _told(self, status: int, grant: AgentCode, *, is_new: bool) -> Response:
        credential, expires = self._agents.credential(grant) if is_new else ("", 0)
        answer = AgentAnswer(
            generation=grant.generation,
            mode=grant.mode,
            subject=grant.id,
            project_id=grant.project_id,
            networks=grant.networks,
            ports_max=grant.ports_max,
            conflict_at=grant.conflict_at or None,
            renew_after_s=RENEW_AFTER_S,
            report_after_s=REPORT_AFTER_S,
            credential=credential,
            expires=expires,
        )
        return json_response(status, answer, f"agent:{grant.id}")

    async def _note_conflict(self, agent: Agent, *, renews: bool) -> None:
        try:
            await self._store.write(
                NOBODY, lambda tx: agent_code.note_conflict(tx, agent, renews=renews), what="note_conflict"
            )
        except CredentialRefused:
            return  # revoked in between: there is nobody left to tell


def _require_post(request: Request) -> None:
    if request.method != "POST":
        raise HTTPMethodNotAllowed(method=request.method, allowed=["POST"])


def _body(request: Request, kind: type[S]) -> S:
    content: dict[str, Any] = decode(request.body)
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise HTTPBadRequest(reason=f"Body contains invalid data: {error}") from error


def _nonce(text: str) -> str:
    if not _NONCE.fullmatch(text):
        raise HTTPBadRequest(reason="A nonce has 1 to 64 printable characters, none of them a space.")
    return text


def _refused(refusal: Refusal, subject: str) -> Response:
    response = refusal_response(refusal, subject)
    if refusal.status == 401:
        headers = {**response.headers, _CHALLENGE: "Bearer"}
        return msgspec.structs.replace(response, headers=headers)
    return response
