"""What is served here: versions, resources, extensions, the OpenAPI document.

Source: Neutron API reference, "API versions" and "Extensions"; neutron.pecan_wsgi.controllers.
"""

from collections.abc import Sequence
from functools import cached_property

import msgspec

from ovnest.api.extensions import extensions
from ovnest.api.openapi import document
from ovnest.api.requests import Request
from ovnest.api.responses import Response, json_response
from ovnest.api.routes import Methods
from ovnest.api.urls import base_url
from ovnest.caller import Caller
from ovnest.errors.extension import ExtensionNotFound
from ovnest.operations import KINDS, Kind

VERSION = "v2.0"
_EXTENSIONS_PATH = f"/{VERSION}/extensions"


class Discovery:
    """The routes of the documents about the API."""

    def __init__(self, kinds: Sequence[Kind] = KINDS) -> None:
        self._kinds = kinds
        self._served = extensions(kinds)
        self._routes: dict[str, Methods] = {
            f"/{VERSION}": {"GET": self._resources},
            _EXTENSIONS_PATH: {"GET": self._extensions},
            "/openapi": {"GET": self._openapi},
        }

    def routes(self, path: str) -> Methods | None:
        """The methods of `path`; None when it is not one of these."""
        if path == "/":
            return {"GET": self._versions}
        path = path.removesuffix("/").removesuffix(".json")
        if path.startswith(_EXTENSIONS_PATH + "/"):
            alias = path.removeprefix(_EXTENSIONS_PATH + "/")
            return {"GET": lambda request, caller: self._extension(caller, alias)}
        return self._routes.get(path)

    async def _versions(self, request: Request, caller: Caller) -> Response:
        version = {
            "id": VERSION,
            "status": "CURRENT",
            "links": [{"rel": "self", "href": f"{base_url(request)}/{VERSION}/"}],
        }
        return json_response(200, {"versions": [version]}, caller.project_id)

    async def _resources(self, request: Request, caller: Caller) -> Response:
        url = f"{base_url(request)}/{VERSION}"
        resources = [
            {
                "name": kind.resource.singular,
                "collection": kind.resource.plural,
                "links": [{"rel": "self", "href": f"{url}/{kind.resource.collection}"}],
            }
            for kind in self._kinds
            if not kind.resource.is_nested
        ]
        return json_response(200, {"resources": resources}, caller.project_id)

    async def _extensions(self, request: Request, caller: Caller) -> Response:
        return json_response(200, {"extensions": list(self._served.values())}, caller.project_id)

    async def _extension(self, caller: Caller, alias: str) -> Response:
        extension = self._served.get(alias)
        if extension is None:
            raise ExtensionNotFound(alias=alias)
        return json_response(200, {"extension": extension}, caller.project_id)

    async def _openapi(self, request: Request, caller: Caller) -> Response:
        headers = {"Content-Type": "application/json"}
        return Response(status=200, headers=headers, body=self._document, project_id=caller.project_id)

    @cached_property
    def _document(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(document(self._kinds)), indent=1)
