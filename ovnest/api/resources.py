"""Create, show, list, update and delete: the same five for every resource.

Source: Neutron API reference, v2.0; extension standard-attr-revisions (If-Match), standard-attr-tag.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from ovnest.api.bodies import changed, decode, wanted
from ovnest.api.idempotency import HEADER, once_of
from ovnest.api.listing import Item, list_response, shown
from ovnest.api.query import attributes_of, fields_of, read_query
from ovnest.api.requests import Request
from ovnest.api.responses import Response
from ovnest.api.routes import Methods
from ovnest.api.services import Service
from ovnest.api.store import Store
from ovnest.api.urls import base_url
from ovnest.caller import Caller
from ovnest.errors import PreconditionFailed
from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.idempotency_key import InvalidIdempotencyKey
from ovnest.operations import tag as tag_of
from ovnest.operations.steps.idempotency_key import Once
from ovnest.resources.fields import to_struct
from ovnest.transaction import Tx

_REVISION = re.compile(r"revision_number=(\d{1,18})")
_JSON = {"Content-Type": "application/json"}


class RevisionNumberConstraintFailed(PreconditionFailed):
    """The resource has been changed since the client looked."""

    template = "Constrained to {expected}, but current revision is {current}."


class ResourceRoutes:
    """The routes of one resource."""

    def __init__(self, store: Store, service: Service) -> None:
        self._store = store
        self._service = service
        self._singular = service.resource.singular
        self._plural = service.resource.plural
        self._attributes = attributes_of(service.resource.body)

    def routes(self, parts: list[str]) -> Methods | None:
        """The methods of `/v2.0/<plural>/` and these parts; None when there is no such path."""
        match parts:
            case []:
                return {"GET": self._list, "POST": self._create}
            case [key]:
                return {
                    "GET": lambda request, caller: self._show(request, caller, key),
                    "PUT": lambda request, caller: self._update(request, caller, key),
                    "DELETE": lambda request, caller: self._delete(request, caller, key),
                }
            case [key, "tags"]:
                return {
                    "GET": lambda request, caller: self._show_tags(caller, key),
                    "PUT": lambda request, caller: self._replace_tags(request, caller, key),
                    "DELETE": lambda request, caller: self._clear_tags(caller, key),
                }
            case [key, "tags", tag]:
                return {
                    "GET": lambda request, caller: self._has_tag(caller, key, tag),
                    "PUT": lambda request, caller: self._add_tag(caller, key, tag),
                    "DELETE": lambda request, caller: self._remove_tag(caller, key, tag),
                }
        return None

    async def _create(self, request: Request, caller: Caller) -> Response:
        service, resource = self._service, self._service.resource
        asked = wanted(request.body, self._singular, self._plural)
        wants = [to_struct(item, resource.create, resource.create_coercions) for item in asked.items]

        key = request.headers.get(HEADER)
        if key is not None:
            once = once_of(key, asked.items, is_bulk=asked.is_bulk)
            return await self._create_once(caller, wants[0], once)

        def create(tx: Tx) -> list[bytes]:
            return [self.shown(tx, service.create(tx, want)) for want in wants]

        made = await self._store.write(caller, create, items=len(wants), what=f"create_{self._singular}")
        if asked.is_bulk:
            return _answer(201, b'{"%b":[%b]}' % (self._plural.encode(), b",".join(made)), caller)
        return _answer(201, b'{"%b":%b}' % (self._singular.encode(), made[0]), caller)

    async def _create_once(self, caller: Caller, want: Any, once: Once) -> Response:
        create_once = self._service.create_once
        if create_once is None:
            raise InvalidIdempotencyKey(reason=f"is kept for ports, not for {self._plural}")

        def create(tx: Tx) -> tuple[bytes, bool]:
            made, is_new = create_once(tx, want, once)
            return self.shown(tx, made), is_new

        shown, is_new = await self._store.write(caller, create, what=f"create_{self._singular}")
        return self._one(shown, caller, status=201 if is_new else 200)

    async def _show(self, request: Request, caller: Caller, key: str) -> Response:
        fields = fields_of(request.query)

        def show(tx: Tx) -> bytes:
            return self.shown(tx, self._service.show(tx, key), fields)

        return self._one(await self._store.read(caller, show), caller)

    async def _update(self, request: Request, caller: Caller, key: str) -> Response:
        service, resource = self._service, self._service.resource
        asked = changed(request.body, self._singular, self._plural)
        change = to_struct(asked, resource.update, resource.update_coercions)
        revision = _expected_revision(request)

        def update(tx: Tx) -> bytes:
            self._check_revision(tx, key, revision)
            return self.shown(tx, service.update(tx, key, change))

        return self._one(await self._write(caller, update, "update"), caller)

    async def _delete(self, request: Request, caller: Caller, key: str) -> Response:
        if request.body:
            raise HTTPBadRequest(reason="Request body is not supported in DELETE.")
        revision = _expected_revision(request)
        query = dict(request.query)

        def delete(tx: Tx) -> None:
            self._check_revision(tx, key, revision)
            self._service.delete(tx, key, query)

        await self._write(caller, delete, "delete")
        return _answer(204, b"", caller)

    async def _list(self, request: Request, caller: Caller) -> Response:
        query = read_query(request.query, self._attributes)
        tx = await self._store.reading(caller)
        marker = None if query.marker is None else self._item(tx, self._service.show(tx, query.marker))
        return await list_response(
            (self._item(tx, facts) for facts in self._service.list(tx, query.given)),
            query,
            plural=self._plural,
            url=f"{base_url(request)}/v2.0/{self._plural}",
            marker=marker,
            project_id=caller.project_id,
        )

    # Tags

    async def _show_tags(self, caller: Caller, key: str) -> Response:
        found = await self._store.read(caller, lambda tx: tag_of.show_tags(tx, self._singular, key))
        return _tags_answer(found, caller)

    async def _has_tag(self, caller: Caller, key: str, tag: str) -> Response:
        await self._store.read(caller, lambda tx: tag_of.has_tag(tx, self._singular, key, tag))
        return _answer(204, b"", caller)

    async def _replace_tags(self, request: Request, caller: Caller, key: str) -> Response:
        body = decode(request.body)
        if set(body) != {"tags"}:
            raise HTTPBadRequest(reason="Unable to find 'tags' in request body, or there is more in it")
        given = body["tags"]
        done = await self._write(
            caller, lambda tx: tag_of.replace_tags(tx, self._singular, key, given), "tag"
        )
        return _tags_answer(done, caller)

    async def _clear_tags(self, caller: Caller, key: str) -> Response:
        await self._write(caller, lambda tx: tag_of.replace_tags(tx, self._singular, key, []), "untag")
        return _answer(204, b"", caller)

    async def _add_tag(self, caller: Caller, key: str, tag: str) -> Response:
        await self._write(caller, lambda tx: tag_of.add_tag(tx, self._singular, key, tag), "tag")
        return _answer(201, b"", caller)

    async def _remove_tag(self, caller: Caller, key: str, tag: str) -> Response:
        await self._write(caller, lambda tx: tag_of.remove_tag(tx, self._singular, key, tag), "untag")
        return _answer(204, b"", caller)

    # What they share

    def _write(self, caller: Caller, operation: Callable[[Tx], Any], verb: str) -> Awaitable[Any]:
        return self._store.write(caller, operation, what=f"{verb}_{self._singular}")

    def shown(self, tx: Tx, facts: Any, fields: frozenset[str] = frozenset()) -> bytes:
        """What the caller may see of a resource, as JSON; of that only `fields`, if any are named."""
        return msgspec.json.encode(shown(self._item(tx, facts), fields))

    def _item(self, tx: Tx, facts: Any) -> Item:
        hidden = tx.rights.hidden(self._singular, self._attributes, self._service.target(tx, facts))
        return Item(self._service.body(tx, facts), hidden)

    def _check_revision(self, tx: Tx, key: str, expected: int | None) -> None:
        if expected is not None:
            current = self._service.show(tx, key).revision_number
            if current != expected:
                raise RevisionNumberConstraintFailed(expected=expected, current=current)

    def _one(self, shown: bytes, caller: Caller, *, status: int = 200) -> Response:
        return _answer(status, b'{"%b":%b}' % (self._singular.encode(), shown), caller)


def _expected_revision(request: Request) -> int | None:
    condition = request.headers.get("if-match")
    if condition is None:
        return None
    match = _REVISION.fullmatch(condition.strip())
    if match is None:
        raise HTTPBadRequest(reason="If-Match must be of the form revision_number=<number>")
    return int(match.group(1))


def _tags_answer(found: tuple[str, ...], caller: Caller) -> Response:
    return _answer(200, msgspec.json.encode({"tags": found}), caller)


def _answer(status: int, body: bytes, caller: Caller) -> Response:
    return Response(status=status, headers=_JSON if body else {}, body=body, project_id=caller.project_id)
