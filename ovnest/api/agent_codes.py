"""The routes of agent codes: `/v2.0/agent-codes`, for administrators."""

from datetime import UTC, datetime

from msgspec.structs import replace

from ovnest.api.agents import Agents
from ovnest.api.bodies import wanted
from ovnest.api.requests import Request
from ovnest.api.responses import Response, json_response
from ovnest.api.routes import Methods
from ovnest.api.store import Store
from ovnest.caller import Caller
from ovnest.errors.fields import HTTPBadRequest
from ovnest.operations import agent_code
from ovnest.policy import Target
from ovnest.resources.agent_code import CREATE_AGENT_CODE, AgentCode, AgentCodeBody, CreateAgentCode
from ovnest.resources.fields import to_struct
from ovnest.transaction import Tx

PLURAL = "agent-codes"
SINGULAR = "agent_code"
LISTED = "agent_codes"


class AgentCodeRoutes:
    """Create, list, show, revoke."""

    def __init__(self, store: Store, agents: Agents) -> None:
        self._store = store
        self._agents = agents

    def routes(self, parts: list[str]) -> Methods | None:
        """The methods of `/v2.0/agent-codes/` and these parts; None when there is no such path."""
        match parts:
            case []:
                return {"GET": self._list, "POST": self._create}
            case [subject]:
                return {
                    "GET": lambda request, caller: self._show(caller, subject),
                    "DELETE": lambda request, caller: self._revoke(caller, subject),
                }
        return None

    async def _create(self, request: Request, caller: Caller) -> Response:
        asked = wanted(request.body, SINGULAR, LISTED)
        if asked.is_bulk:
            raise HTTPBadRequest(reason="Agent codes are made one at a time.")
        want = to_struct(asked.items[0], CreateAgentCode, CREATE_AGENT_CODE)
        # Before anything is written, what cannot be signed here or sent anywhere; and whose business that is.
        self._store.context(caller).rights.require("create_agent_code", Target(project_id=caller.project_id))
        self._agents.require_codes()

        def create(tx: Tx) -> tuple[AgentCode, int]:
            return agent_code.create_agent_code(tx, want), tx.seconds

        grant, now = await self._store.write(caller, create, what="create_agent_code")
        shown = agent_code_body(grant, now, code=self._agents.code(grant))
        return json_response(201, {SINGULAR: shown}, caller.project_id)

    async def _list(self, request: Request, caller: Caller) -> Response:
        def look(tx: Tx) -> list[AgentCodeBody]:
            return [agent_code_body(grant, tx.seconds) for grant in agent_code.list_agent_codes(tx)]

        found = await self._store.read(caller, look)
        found.sort(key=lambda body: body.subject)
        return json_response(200, {LISTED: found}, caller.project_id)

    async def _show(self, caller: Caller, subject: str) -> Response:
        def look(tx: Tx) -> AgentCodeBody:
            return agent_code_body(agent_code.show_agent_code(tx, subject), tx.seconds)

        return json_response(200, {SINGULAR: await self._store.read(caller, look)}, caller.project_id)

    async def _revoke(self, caller: Caller, subject: str) -> Response:
        await self._store.write(
            caller, lambda tx: agent_code.revoke_agent_code(tx, subject), what="delete_agent_code"
        )
        return Response(status=204, project_id=caller.project_id)


def agent_code_body(grant: AgentCode, now: int, *, code: str = "") -> AgentCodeBody:
    """A permission as it is shown; with its code only when it has just been made."""
    state = "enrolled" if grant.grant else "waiting" if grant.code_expires > now else "expired"
    body = AgentCodeBody(
        subject=grant.id,
        mode=grant.mode,
        project_id=grant.project_id,
        networks=grant.networks,
        ports_max=grant.ports_max,
        networks_max=grant.networks_max,
        networks_made=grant.made,
        state=state,
        generation=grant.generation,
        code_expires_at=_text(grant.code_expires),
        enrolled_at=_text(grant.enrolled_at),
        renewed_at=_text(grant.renewed_at),
        reported_at=_text(grant.reported_at),
        conflict_at=_text(grant.conflict_at),
    )
    return replace(body, code=code) if code else body


def _text(seconds: int) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
