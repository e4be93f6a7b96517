"""The OpenAPI 3.1 document of the API, made from the Structs that requests and answers are.

Source: OpenAPI Specification 3.1.0; msgspec's JSON Schema of a Struct.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

import ovnest
from ovnest.api.bodies import BULK_MAX
from ovnest.api.query import PAGE_MAX, SPECIAL_FILTERS, Attribute, attributes_of
from ovnest.resources.registry import RESOURCES, Resource

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_STRING: Json = {"type": "string"}
_ERROR: Json = {
    "description": "The request was refused, and nothing was changed; or the server failed.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NeutronError"}}},
}
_ERROR_SCHEMA: Json = {
    "type": "object",
    "description": "Neutron's form of every error.",
    "required": ["NeutronError"],
    "properties": {
        "NeutronError": {
            "type": "object",
            "required": ["type", "message", "detail"],
            "properties": {"type": _STRING, "message": _STRING, "detail": _STRING},
        }
    },
}
_LINKS_SCHEMA: Json = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["rel", "href"],
        "properties": {"rel": {"enum": ["next", "previous"]}, "href": _STRING},
    },
}
_IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "`revision_number=N`: change it only if this is still its revision number.",
    "schema": {"type": "string", "pattern": "^revision_number=[0-9]+$"},
}
_TAGS_SCHEMA: Json = {
    "type": "object",
    "required": ["tags"],
    "properties": {"tags": {"type": "array", "items": _STRING}},
    "additionalProperties": False,
}


def document(resources: Sequence[Resource] = RESOURCES) -> Json:
    """The document as plain objects."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ovnest: the OpenStack Networking API on OVN",
            "version": ovnest.__version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {path: item for resource in resources for path, item in _paths(resource).items()},
        "components": {"schemas": _schemas(resources)},
    }


def _schemas(resources: Sequence[Resource]) -> Json:
    structs = [struct for r in resources for struct in (r.create, r.update, r.body)]
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REF)
    for resource in resources:
        # What the caller may not see, and with `fields` what was not asked for, is left out of an answer.
        schemas[resource.body.__name__].pop("required", None)
    return {**schemas, "NeutronError": _ERROR_SCHEMA}


def _paths(resource: Resource) -> Json:
    one, many = resource.singular, resource.plural
    key = [_parameter("id", "path", _STRING)]
    body = {"type": "object", "required": [one], "properties": {one: _ref(resource.body)}}
    show = _operation(resource, f"show_{one}", f"Show a {one}.", 200, body, [_fields()])
    update = _operation(resource, f"update_{one}", f"Change a {one}.", 200, body, [_IF_MATCH])
    update["requestBody"] = _request({one: _ref(resource.update)})
    delete = _operation(resource, f"delete_{one}", f"Delete a {one}.", 204, None, [_IF_MATCH, *_cascade(one)])
    return {
        f"/v2.0/{many}": {"get": _list(resource), "post": _create(resource, body)},
        f"/v2.0/{many}/{{id}}": {"parameters": key, "get": show, "put": update, "delete": delete},
        f"/v2.0/{many}/{{id}}/tags": {"parameters": key, **_all_tags(resource)},
        f"/v2.0/{many}/{{id}}/tags/{{tag}}": {
            "parameters": [*key, _parameter("tag", "path", _STRING)],
            **_one_tag(resource),
        },
    }


def _list(resource: Resource) -> Json:
    attributes = attributes_of(resource.body).values()
    many = resource.plural
    body = {
        "type": "object",
        "required": [many],
        "properties": {many: {"type": "array", "items": _ref(resource.body)}, f"{many}_links": _LINKS_SCHEMA},
    }
    parameters = [
        _fields(),
        *(_filter(attribute) for attribute in attributes if attribute.filterable),
        *(
            _parameter(name, "query", {**_STRING, "description": f"Those {meaning}."})
            for name, meaning in SPECIAL_FILTERS.items()
            if name not in ("tags",)
        ),
        *_order(attributes),
        *_pages(),
    ]
    return _operation(resource, f"list_{many}", f"List {many}.", 200, body, parameters)


def _create(resource: Resource, one_body: Json) -> Json:
    one, many = resource.singular, resource.plural
    many_body = {
        "type": "object",
        "required": [many],
        "properties": {many: {"type": "array", "items": _ref(resource.body)}},
    }
    summary = f"Create a {one}, or several at once, all or none."
    operation = _operation(resource, f"create_{one}", summary, 201, {"oneOf": [one_body, many_body]}, [])
    operation["responses"]["201"]["links"] = _links(one)
    several = {"type": "array", "items": _ref(resource.create), "minItems": 1, "maxItems": BULK_MAX}
    operation["requestBody"] = _request({one: _ref(resource.create)}, {many: several})
    return operation


def _links(one: str) -> Json:
    """What can be done with a new resource: OpenAPI's way to say that its id is the `id` elsewhere."""
    new_id = f"$response.body#/{one}/id"
    names = (f"show_{one}", f"update_{one}", f"delete_{one}", f"replace_{one}_tags", f"list_{one}_tags")
    links: Json = {name: {"operationId": name, "parameters": {"id": new_id}} for name in names}
    if one == "network":
        for other in ("subnet", "port"):
            links[f"create_{other}"] = {
                "operationId": f"create_{other}",
                "requestBody": {other: {"network_id": new_id}},
            }
    return links


def _all_tags(resource: Resource) -> Json:
    one = resource.singular
    replace = _operation(resource, f"replace_{one}_tags", "Replace all tags.", 200, _TAGS_SCHEMA, [])
    replace["requestBody"] = {"required": True, "content": _json(_TAGS_SCHEMA)}
    return {
        "get": _operation(resource, f"list_{one}_tags", "List the tags.", 200, _TAGS_SCHEMA, []),
        "put": replace,
        "delete": _operation(resource, f"delete_{one}_tags", "Remove all tags.", 204, None, []),
    }


def _one_tag(resource: Resource) -> Json:
    one = resource.singular
    return {
        "get": _operation(resource, f"show_{one}_tag", "Whether it has the tag.", 204, None, []),
        "put": _operation(resource, f"add_{one}_tag", "Add the tag.", 201, None, []),
        "delete": _operation(resource, f"delete_{one}_tag", "Remove the tag.", 204, None, []),
    }


def _operation(
    resource: Resource, name: str, summary: str, status: int, body: Json | None, parameters: list[Json]
) -> Json:
    answer: Json = {"description": "Done."}
    if body is not None:
        answer["content"] = _json(body)
    return {
        "operationId": name,
        "summary": summary,
        "tags": [resource.plural],
        "parameters": parameters,
        "responses": {str(status): answer, "default": _ERROR},
    }


def _request(*alternatives: Json) -> Json:
    """A request body that is an object of just one key, which is that of one of the alternatives."""
    schemas = [
        {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        for properties in alternatives
    ]
    return {"required": True, "content": _json(schemas[0] if len(schemas) == 1 else {"oneOf": schemas})}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _ref(struct: type[msgspec.Struct]) -> Json:
    return {"$ref": _REF.format(name=struct.__name__)}


def _parameter(name: str, place: str, schema: Json, description: str = "") -> Json:
    parameter: Json = {"name": name, "in": place, "required": place == "path", "schema": schema}
    if description:
        parameter["description"] = description
    return parameter


def _several(items: Json) -> Json:
    return {"type": "array", "items": items}


def _fields() -> Json:
    return _parameter("fields", "query", _several(_STRING), "Show only these attributes.")


def _filter(attribute: Attribute) -> Json:
    if attribute.parts:
        parts = ", ".join(attribute.parts)
        what = f"Only those with `part=value` in their list; the parts are {parts}, each also with `_substr`."
        schema: Json = {"type": "string", "pattern": f"^({'|'.join(attribute.parts)})(_substr)?=.*$"}
    elif attribute.kind == "bool":
        what, schema = "Only those with this value.", {"type": "boolean"}
    elif attribute.kind == "int":
        what, schema = "Only those with one of these values.", {"type": "integer"}
    else:
        what, schema = "Only those with one of these values.", _STRING
    return _parameter(attribute.name, "query", _several(schema), what)


def _order(attributes: Iterable[Attribute]) -> list[Json]:
    keys = [attribute.name for attribute in attributes if attribute.sortable]
    return [
        _parameter("sort_key", "query", _several({"enum": keys}), "Sort by these, the first first."),
        _parameter("sort_dir", "query", _several({"enum": ["asc", "desc"]}), "One for each sort_key."),
    ]


def _pages() -> list[Json]:
    number = {"type": "integer", "minimum": 0, "maximum": PAGE_MAX}
    return [
        _parameter("limit", "query", number, "How many a page has; 0 means no pages."),
        _parameter("marker", "query", _STRING, "The id of the one before the page."),
        _parameter("page_reverse", "query", {"type": "boolean"}, "Go towards the beginning."),
    ]


def _cascade(singular: str) -> list[Json]:
    if singular != "port":
        return []
    what = "Delete the container ports under the port as well."
    return [_parameter("cascade", "query", {"type": "boolean"}, what)]
