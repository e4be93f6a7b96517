"""The OpenAPI 3.1 document of the API, made from the Structs that requests and answers are.

Source: OpenAPI Specification 3.1.0; msgspec's JSON Schema of a Struct.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

import ovnest
from ovnest.api.bodies import BULK_MAX
from ovnest.api.query import PAGE_MAX, SPECIAL_FILTERS, Attribute, attributes_of, filtered_by
from ovnest.operations import KINDS, Kind
from ovnest.resources.resource import Resource

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


def document(kinds: Sequence[Kind] = KINDS) -> Json:
    """The document as plain objects."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ovnest: the OpenStack Networking API on OVN",
            "version": ovnest.__version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {path: item for kind in kinds for path, item in _paths(kind, kinds).items()},
        "components": {"schemas": _schemas(kinds)},
    }


def _schemas(kinds: Sequence[Kind]) -> Json:
    structs: list[type[msgspec.Struct]] = []
    for kind in kinds:
        requests = (kind.resource.create, kind.resource.update, *(each.request for each in kind.actions))
        structs += [struct for struct in requests if struct is not None]
        structs.append(kind.resource.body)
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REF)
    for kind in kinds:
        # What the caller may not see, and with `fields` what was not asked for, is left out of an answer.
        schemas[kind.resource.body.__name__].pop("required", None)
    return {**schemas, "NeutronError": _ERROR_SCHEMA}


def _paths(kind: Kind, kinds: Sequence[Kind]) -> Json:
    resource = kind.resource
    one = resource.singular
    root, above = _root(resource)
    key = [*above, _parameter(resource.key, "path", _STRING)]
    at_one = f"{root}/{{{resource.key}}}"
    body = {"type": "object", "required": [one], "properties": {one: _ref(resource.body)}}
    paths: Json = {
        root: {**({"parameters": above} if above else {}), **_collection(kind, kinds, body)},
        at_one: {"parameters": key, **_one(kind, body)},
    }
    for action in kind.actions:
        operation = _operation(resource, f"{action.name}_{one}", action.summary, 200, body, [])
        operation["requestBody"] = _request({one: _ref(action.request)})
        paths[f"{at_one}/{action.name}"] = {"parameters": key, "put": operation}
    if resource.has_tags:
        paths[f"{at_one}/tags"] = {"parameters": key, **_all_tags(resource)}
        tag = [*key, _parameter("tag", "path", _STRING)]
        paths[f"{at_one}/tags/{{tag}}"] = {"parameters": tag, **_one_tag(resource)}
    return paths


def _root(resource: Resource) -> tuple[str, list[Json]]:
    """The path of a collection, and the parameters in it."""
    if resource.is_nested and resource.parent is not None:
        above, parameters = _root(resource.parent.resource)
        name = resource.parent.attribute
        return f"{above}/{{{name}}}/{resource.collection}", [*parameters, _parameter(name, "path", _STRING)]
    return f"/v2.0/{resource.collection}", []


def _collection(kind: Kind, kinds: Sequence[Kind], body: Json) -> Json:
    methods = {"get": _list(kind.resource)}
    if kind.create is not None:
        methods["post"] = _create(kind, kinds, body)
    return methods


def _one(kind: Kind, body: Json) -> Json:
    resource = kind.resource
    one, words = resource.singular, resource.words
    if_match = [_IF_MATCH] if resource.has_revisions else []
    article = "an" if words[0] in "aeiou" else "a"
    methods = {"get": _operation(resource, f"show_{one}", f"Show {article} {words}.", 200, body, [_fields()])}
    if kind.update is not None:
        assert resource.update is not None  # noqa: S101  what can be changed has a Struct for it
        summary = f"Change {article} {words}."
        methods["put"] = _operation(resource, f"update_{one}", summary, 200, body, if_match)
        methods["put"]["requestBody"] = _request({one: _ref(resource.update)})
    if kind.delete is not None:
        boolean = {"type": "boolean"}
        query = [_parameter(name, "query", boolean, what) for name, what in kind.delete_query.items()]
        summary = f"Delete {article} {words}."
        methods["delete"] = _operation(resource, f"delete_{one}", summary, 204, None, [*if_match, *query])
    return methods


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
            if name != "tags" and filtered_by(name) in attributes_of(resource.body)
        ),
        *_order(attributes),
        *_pages(),
    ]
    return _operation(resource, f"list_{many}", f"List {many}.", 200, body, parameters)


def _create(kind: Kind, kinds: Sequence[Kind], one_body: Json) -> Json:
    resource = kind.resource
    assert resource.create is not None  # noqa: S101  what can be made has a Struct for it
    one, many = resource.singular, resource.plural
    article = "an" if resource.words[0] in "aeiou" else "a"
    if not kind.has_bulk:
        summary = f"Create {article} {resource.words}."
        operation = _operation(resource, f"create_{one}", summary, 201, one_body, [])
        operation["requestBody"] = _request({one: _ref(resource.create)})
    else:
        many_body = {
            "type": "object",
            "required": [many],
            "properties": {many: {"type": "array", "items": _ref(resource.body)}},
        }
        summary = f"Create {article} {resource.words}, or several at once, all or none."
        answer = {"oneOf": [one_body, many_body]}
        operation = _operation(resource, f"create_{one}", summary, 201, answer, [])
        several = {"type": "array", "items": _ref(resource.create), "minItems": 1, "maxItems": BULK_MAX}
        operation["requestBody"] = _request({one: _ref(resource.create)}, {many: several})
    operation["responses"]["201"]["links"] = _links(kind, kinds)
    return operation


def _links(kind: Kind, kinds: Sequence[Kind]) -> Json:
    """What can be done with a new one: OpenAPI's way to say that its key is the parameter elsewhere."""
    resource = kind.resource
    one, key = resource.singular, resource.key
    new = f"$response.body#/{one}/{key}"
    names = [f"show_{one}"]
    names += [f"update_{one}"] if kind.update is not None else []
    names += [f"delete_{one}"] if kind.delete is not None else []
    names += [f"{action.name}_{one}" for action in kind.actions]
    names += [f"replace_{one}_tags", f"list_{one}_tags"] if resource.has_tags else []
    links: Json = {name: {"operationId": name, "parameters": {key: new}} for name in names}
    for other in kinds:
        parent = other.resource.parent
        if parent is not None and parent.resource is resource and other.create is not None:
            name = f"create_{other.resource.singular}"
            given = (
                {"parameters": {parent.attribute: new}}
                if other.resource.is_nested
                else {"requestBody": {other.resource.singular: {parent.attribute: new}}}
            )
            links[name] = {"operationId": name, **given}
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
