"""The application: a request in, the answer out. It finds the route, asks who it is, and says refusals."""

from ovnest.api.discovery import Discovery
from ovnest.api.health import Health
from ovnest.api.refusals import HTTPMethodNotAllowed, HTTPNotFound, refusal_response
from ovnest.api.requests import Request
from ovnest.api.resources import ResourceRoutes
from ovnest.api.responses import Response
from ovnest.api.routes import Handle, Methods
from ovnest.api.services import SERVICES
from ovnest.api.store import Store
from ovnest.caller import Caller
from ovnest.errors import Refusal
from ovnest.identity import Identity

PREFIX = "/v2.0"
NOBODY = Caller(project_id="")
JSON = ".json"


class App:
    """The Networking API on a store, for callers that `identity` knows."""

    def __init__(self, store: Store, identity: Identity) -> None:
        self._identity = identity
        self._health = Health(store.client)
        self._discovery = Discovery()
        self._resources = {
            service.resource.plural: ResourceRoutes(store, service) for service in SERVICES.values()
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
            caller = self._identity.identify(request.headers, request.peer, request.request_id)
            project_id = caller.project_id
            return await _handler(self._methods(request.path), request)(request, caller)
        except Refusal as refusal:
            return refusal_response(refusal, project_id)

    def _methods(self, path: str) -> Methods:
        found = self._discovery.routes(path)
        if found is None and path.startswith(PREFIX + "/"):
            parts = path.removeprefix(PREFIX + "/").removesuffix("/").removesuffix(JSON).split("/")
            resource = self._resources.get(parts[0])
            found = resource.routes(parts[1:]) if resource is not None else None
        if found is None:
            raise HTTPNotFound
        return found


def _handler(methods: Methods, request: Request) -> Handle:
    handle = methods.get("GET" if request.method == "HEAD" else request.method)
    if handle is None:
        allowed = sorted({*methods, "HEAD"} if "GET" in methods else methods)
        raise HTTPMethodNotAllowed(method=request.method, allowed=allowed)
    return handle
