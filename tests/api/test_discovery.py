"""What the API says about itself: versions, resources, extensions, the OpenAPI document."""

from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis

from ovnest.api.discovery import Discovery
from ovnest.api.extensions import extensions
from ovnest.api.openapi import document
from ovnest.api.query import attributes_of
from ovnest.api.requests import Request
from ovnest.api.responses import Response
from ovnest.caller import Caller
from ovnest.errors.http import HTTPNotFound
from ovnest.operations import KINDS, Kind
from tests.api.wire import Wire, serving
from tests.kinds import RESOURCES


async def discovery(request: Request) -> Response:
    """The discovery routes alone, as the application asks them."""
    methods = Discovery().routes(request.path)
    if methods is None:
        raise HTTPNotFound
    return await methods["GET"](request, Caller(project_id="p1"))


async def get(wire: Wire, path: str, *headers: str) -> tuple[int, Any]:
    head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: api.example.org:9696", *headers])
    answer = await wire.ask(f"{head}\r\n\r\n".encode())
    assert answer.headers["content-type"] == "application/json"
    return answer.status, msgspec.json.decode(answer.body)


async def test_the_root_names_the_one_version_and_where_it_is() -> None:
    async with serving(discovery) as wire:
        status, body = await get(wire, "/")
        _, proxied = await get(wire, "/", "X-Forwarded-Proto: https")
    assert status == 200
    link = {"rel": "self", "href": "http://api.example.org:9696/v2.0/"}
    assert body == {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]}
    assert proxied["versions"][0]["links"][0]["href"] == "https://api.example.org:9696/v2.0/"


@pytest.mark.parametrize("path", ["/v2.0", "/v2.0/"])
async def test_the_version_names_its_resources(path: str) -> None:
    async with serving(discovery) as wire:
        status, body = await get(wire, path)
    assert status == 200
    assert body["resources"][0] == {
        "name": "network",
        "collection": "networks",
        "links": [{"rel": "self", "href": "http://api.example.org:9696/v2.0/networks"}],
    }
    assert [resource["name"] for resource in body["resources"]] == [r.singular for r in RESOURCES]


@pytest.mark.parametrize("suffix", ["", ".json", "/"])
async def test_extensions_are_listed_and_each_is_shown(suffix: str) -> None:
    async with serving(discovery) as wire:
        _, listed = await get(wire, f"/v2.0/extensions{suffix}")
        shown = [(await get(wire, f"/v2.0/extensions/{alias}{suffix}"))[1] for alias in extensions(KINDS)]
    assert shown == [{"extension": extension} for extension in listed["extensions"]]
    assert listed["extensions"][0].keys() == {"name", "alias", "description", "updated", "links"}
    aliases = [extension["alias"] for extension in listed["extensions"]]
    assert {"binding", "provider", "pagination", "net-mtu"} <= set(aliases)
    assert "security-group" not in aliases
    assert aliases == sorted(set(aliases))


async def test_an_extension_that_is_not_served_is_404() -> None:
    async with serving(discovery) as wire:
        status, body = await get(wire, "/v2.0/extensions/security-group")
    assert status == 404
    assert body["NeutronError"]["type"] == "HTTPNotFound"
    assert body["NeutronError"]["message"] == "Extension with alias security-group does not exist"


async def test_the_openapi_document_is_served_and_tools_can_read_it() -> None:
    async with serving(discovery) as wire:
        status, body = await get(wire, "/openapi.json")
    assert status == 200
    assert body == msgspec.json.decode(msgspec.json.encode(document()))
    operations = list(schemathesis.openapi.from_dict(body).get_all_operations())
    assert len(operations) == sum(map(operations_of, KINDS))
    for schema in body["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator({**schema, "components": body["components"]})


def operations_of(kind: Kind) -> int:
    """How many requests of one kind there are."""
    verbs = [kind.create, kind.update, kind.delete]
    tags = 6 if kind.resource.has_tags else 0
    return 2 + len([verb for verb in verbs if verb is not None]) + len(kind.actions) + tags


def test_what_an_extension_promises_is_there() -> None:
    for kind in KINDS:
        shown = attributes_of(kind.resource.body)
        for extension in kind.aliases:
            assert set(extension.attributes) <= shown.keys(), extension.alias


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
def test_the_document_describes_every_attribute_of_every_resource(resource: Any) -> None:
    described = document()
    schemas = described["components"]["schemas"]
    for struct, coercions in (
        (resource.create, resource.create_coercions),
        (resource.update, resource.update_coercions),
    ):
        if struct is None:
            continue
        # tenant_id is the older name of project_id: taken, but not what one should write
        assert schemas[struct.__name__]["properties"].keys() == coercions.keys() - {"tenant_id"}
    listed = described["paths"][f"/v2.0/{resource.collection}"]["get"]
    parameters = {parameter["name"] for parameter in listed["parameters"]}
    assert {"fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse", resource.key} <= parameters
