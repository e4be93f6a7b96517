"""The application: a request in, the answer out. It finds the route, asks who it is, and says refusals."""

from collections.abc import Mapping, Sequence

from ovnest.api.discovery import Discovery
from ovnest.api.events import Events
from ovnest.api.health import Health
from ovnest.api.refusals import refusal_response
from ovnest.api.requests import Request
from ovnest.api.resources import ResourceRoutes
from ovnest.api.responses import Response
from ovnest.api.routes import Handle, Methods
from ovnest.api.store import Store
from ovnest.api.viewers import CallerViewer
from ovnest.caller import Caller
from ovnest.errors import Refusal
from ovnest.errors.http import HTTPMethodNotAllowed, HTTPNotFound
from ovnest.identity import Identity
from ovnest.identity.agent_token import refuse_agents
from ovnest.operations import KINDS, Kind

PREFIX = "/v2.0"
NOBODY = Caller(project_id="")
JSON = ".json"
EVENTS = "events"


class App:
    """The Networking API on a store, for callers that `identity` knows."""

    def __init__(
        self, store: Store, identity: Identity, events: Events, kinds: Sequence[Kind] = KINDS
    ) -> None:
        self._store = store
        self._events = events
        self._identity = identity
        self._health = Health(store.client)
        self._discovery = Discovery(kinds)
        self._resources = {
            kind.resource.collection: ResourceRoutes(store, kind, _nested(store, kinds, kind))
            for kind in kinds
            if not kind.resource.is_nested
        }

    async def __call__(self, request: Request) -> Response:
        """Answer a request.

        What is refused is said in Neutron's form; anything else that is raised is a fault of ours, which
        the protocol answers 500 and logs.
        """
        project_id = ""
        try:
            for_anybody = self._health.routes(request.path)
            if for_anybody is not None:
                return await _handler(for_anybody, request)(request, NOBODY)
            refuse_agents(request.headers)
            caller = self._identity.identify(request.headers, request.peer, request.request_id)
            project_id = caller.project_id
            return await _handler(self._methods(request.path), request)(request, caller)
        except Refusal as refusal:
            return refusal_response(refusal, project_id)

    def _methods(self, path: str) -> Methods:
        found = self._discovery.routes(path)
        if found is None and path.startswith(PREFIX + "/"):
            first, *parts = path.removeprefix(PREFIX + "/").removesuffix("/").removesuffix(JSON).split("/")
            if first in self._resources:
                found = self._resources[first].routes(parts)
            elif [first, *parts] == [EVENTS]:
                found = {"GET": self._watch}
        if found is None:
            raise HTTPNotFound
        return found

    async def _watch(self, request: Request, caller: Caller) -> Response:
        viewer = CallerViewer(self._store, self._resources["ports"], caller)
        await self._store.reading(caller)  # until the Northbound has been read, there is nothing to watch
        return self._events.response(
            viewer, request.query, request.headers.get("last-event-id"), project_id=caller.project_id
        )


def _nested(store: Store, kinds: Sequence[Kind], parent: Kind) -> Mapping[str, ResourceRoutes]:
    """The routes of kinds whose URLs stand under those of `parent`, by the next part of the path."""
    return {
        kind.resource.collection: ResourceRoutes(store, kind)
        for kind in kinds
        if kind.resource.is_nested
        and kind.resource.parent is not None
        and kind.resource.parent.resource is parent.resource
    }


def _handler(methods: Methods, request: Request) -> Handle:
    handle = methods.get("GET" if request.method == "HEAD" else request.method)
    if handle is None:
        allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
        raise HTTPMethodNotAllowed(method=request.method, allowed=allowed)
    return handle
