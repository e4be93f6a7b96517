"""Create, show, list, update and delete, tags and actions: the same for every kind.

Source: Neutron API reference, v2.0; extension standard-attr-revisions (If-Match), standard-attr-tag.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from ovnest.api.bodies import changed, decode, wanted
from ovnest.api.idempotency import HEADER, idempotency_key_of
from ovnest.api.items import Item, Items, hidden_of
from ovnest.api.listing import Shown, list_response
from ovnest.api.query import attributes_of, fields_of, read_query
from ovnest.api.requests import Request
from ovnest.api.responses import Response
from ovnest.api.routes import Handle, Methods
from ovnest.api.store import Store
from ovnest.api.urls import base_url
from ovnest.caller import Caller
from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.idempotency_key import InvalidIdempotencyKey
from ovnest.errors.revision import RevisionNumberConstraintFailed
from ovnest.operations import tag as tag_of
from ovnest.operations.kind import Action, Kind
from ovnest.operations.steps.idempotency_key import IdempotencyKey
from ovnest.operations.steps.visible import visible
from ovnest.resources.fields import to_struct
from ovnest.transaction import Tx

_REVISION = re.compile(r"revision_number=(\d{1,18})")
_JSON = {"Content-Type": "application/json"}
NO_FIELDS: frozenset[str] = frozenset()
NOTHING_NESTED: "Mapping[str, ResourceRoutes]" = {}


class ResourceRoutes:
    """The routes of one kind, of its actions, and of the kinds that are nested in it."""

    def __init__(
        self, store: Store, kind: Kind, nested: Mapping[str, "ResourceRoutes"] = NOTHING_NESTED
    ) -> None:
        self._store = store
        self._kind = kind
        self._nested = nested
        self._resource = kind.resource
        self._singular = kind.resource.singular
        self._plural = kind.resource.plural
        self._attributes = attributes_of(kind.resource.body)
        self._actions = {action.name: action for action in kind.actions}

    def routes(self, parts: list[str], parent: str = "") -> Methods | None:
        """The methods of these parts of a path behind the collection's own; None when there is no such path.

        `parent` is the id in the path that a nested collection stands under.
        """
        match parts:
            case []:
                return self._collection(parent)
            case [key]:
                return self._one(key, parent)
            case [key, "tags"] if self._resource.has_tags:
                return {
                    "GET": lambda request, caller: self._show_tags(caller, key),
                    "PUT": lambda request, caller: self._replace_tags(request, caller, key),
                    "DELETE": lambda request, caller: self._clear_tags(caller, key),
                }
            case [key, "tags", tag] if self._resource.has_tags:
                return {
                    "GET": lambda request, caller: self._has_tag(caller, key, tag),
                    "PUT": lambda request, caller: self._add_tag(caller, key, tag),
                    "DELETE": lambda request, caller: self._remove_tag(caller, key, tag),
                }
            case [key, name] if name in self._actions:
                action = self._actions[name]
                return {"PUT": lambda request, caller: self._act(request, caller, key, parent, action)}
            case [key, name, *rest] if name in self._nested:
                return self._nested[name].routes(rest, key)
        return None

    def _collection(self, parent: str) -> Methods:
        methods: dict[str, Handle] = {"GET": lambda request, caller: self._list(request, caller, parent)}
        if self._kind.create is not None:
            methods["POST"] = lambda request, caller: self._create(request, caller, parent)
        return methods

    def _one(self, key: str, parent: str) -> Methods:
        methods: dict[str, Handle] = {"GET": lambda request, caller: self._show(request, caller, key, parent)}
        if self._kind.update is not None:
            methods["PUT"] = lambda request, caller: self._update(request, caller, key, parent)
        if self._kind.delete is not None:
            methods["DELETE"] = lambda request, caller: self._delete(request, caller, key, parent)
        return methods

    async def _create(self, request: Request, caller: Caller, parent: str) -> Response:
        create = self._kind.create
        assert create is not None  # noqa: S101  else there is no such route
        asked = wanted(request.body, self._singular, self._plural)
        if asked.is_bulk and not self._kind.has_bulk:
            raise HTTPBadRequest(reason=f"{self._resource.words.capitalize()}s are made one at a time.")
        items = [self._of_parent(item, parent) for item in asked.items]
        wants = [self._resource.wanted(item) for item in items]

        given = request.headers.get(HEADER)
        if given is not None:
            key = idempotency_key_of(given, asked.items, is_bulk=asked.is_bulk)
            return await self._create_with_key(caller, wants[0], key)

        def make(tx: Tx) -> list[bytes]:
            return [self._made(tx, create(tx, want)) for want in wants]

        made = await self._store.write(caller, make, items=len(wants), what=f"create_{self._singular}")
        if asked.is_bulk:
            return _answer(201, b'{"%b":[%b]}' % (self._plural.encode(), b",".join(made)), caller)
        return self._answer(made[0], caller, status=201)

    async def _create_with_key(self, caller: Caller, want: Any, key: IdempotencyKey) -> Response:
        create_with_key = self._kind.create_with_key
        if create_with_key is None:
            raise InvalidIdempotencyKey(reason=f"is kept for ports, not for {self._plural}")

        def create(tx: Tx) -> tuple[bytes, bool]:
            made, is_new = create_with_key(tx, want, key)
            return self.shown(tx, made), is_new

        shown, is_new = await self._store.write(caller, create, what=f"create_{self._singular}")
        return self._answer(shown, caller, status=201 if is_new else 200)

    async def _show(self, request: Request, caller: Caller, key: str, parent: str) -> Response:
        fields = fields_of(request.query)

        tx = await self._store.reading(caller)
        if parent:
            self._parent(tx, parent)
        item = self._items(tx).of(self._kind.find(tx, key))
        text = item.text(fields) if self._is_under(item, parent) else None
        if text is None:
            raise self._resource.not_found(key)
        return self._answer(text, caller)

    async def _update(self, request: Request, caller: Caller, key: str, parent: str) -> Response:
        update = self._kind.update
        assert update is not None  # noqa: S101  else there is no such route
        asked = changed(request.body, self._singular, self._plural)
        change = self._resource.changes(asked)
        revision = _expected_revision(request)

        def make(tx: Tx) -> bytes:
            self._check(tx, key, parent, revision)
            return self.shown(tx, update(tx, key, change))

        return self._answer(await self._write(caller, make, "update"), caller)

    async def _act(self, request: Request, caller: Caller, key: str, parent: str, action: Action) -> Response:
        asked = (
            decode(request.body) if action.is_bare else changed(request.body, self._singular, self._plural)
        )
        want = to_struct(asked, action.request, action.coercions)
        revision = _expected_revision(request)

        def act(tx: Tx) -> bytes:
            self._check(tx, key, parent, revision)
            return self.shown(tx, action.do(tx, key, want))

        return self._answer(await self._write(caller, act, action.name), caller)

    async def _delete(self, request: Request, caller: Caller, key: str, parent: str) -> Response:
        delete = self._kind.delete
        assert delete is not None  # noqa: S101  else there is no such route
        if request.body:
            raise HTTPBadRequest(reason="Request body is not supported in DELETE.")
        revision = _expected_revision(request)
        query = dict(request.query)

        def take(tx: Tx) -> None:
            self._check(tx, key, parent, revision)
            delete(tx, key, query)

        await self._write(caller, take, "delete")
        return _answer(204, b"", caller)

    async def _list(self, request: Request, caller: Caller, parent: str) -> Response:
        query = read_query(request.query, self._attributes)
        tx = await self._store.reading(caller)
        if parent:
            self._parent(tx, parent)
        items = self._items(tx, of_many=True)
        marker = None if query.marker is None else items.of(self._kind.find(tx, query.marker))
        listed = map(items.of, self._kind.list(tx, query.given))
        return await list_response(
            (item for item in listed if self._is_under(item, parent)) if parent else listed,
            query,
            plural=self._plural,
            url=f"{base_url(request)}{request.path.removesuffix('/').removesuffix('.json')}",
            slices=self._store.slices,
            marker=marker,
            project_id=caller.project_id,
        )

    # Tags

    async def _show_tags(self, caller: Caller, key: str) -> Response:
        found = await self._store.read(caller, lambda tx: tag_of.show_tags(tx, self._resource, key))
        return _tags_answer(found, caller)

    async def _has_tag(self, caller: Caller, key: str, tag: str) -> Response:
        await self._store.read(caller, lambda tx: tag_of.has_tag(tx, self._resource, key, tag))
        return _answer(204, b"", caller)

    async def _replace_tags(self, request: Request, caller: Caller, key: str) -> Response:
        body = decode(request.body)
        if set(body) != {"tags"}:
            raise HTTPBadRequest(reason="Unable to find 'tags' in request body, or there is more in it")
        given = body["tags"]
        done = await self._write(
            caller, lambda tx: tag_of.replace_tags(tx, self._resource, key, given), "tag"
        )
        return _tags_answer(done, caller)

    async def _clear_tags(self, caller: Caller, key: str) -> Response:
        await self._write(caller, lambda tx: tag_of.replace_tags(tx, self._resource, key, []), "untag")
        return _answer(204, b"", caller)

    async def _add_tag(self, caller: Caller, key: str, tag: str) -> Response:
        await self._write(caller, lambda tx: tag_of.add_tag(tx, self._resource, key, tag), "tag")
        return _answer(201, b"", caller)

    async def _remove_tag(self, caller: Caller, key: str, tag: str) -> Response:
        await self._write(caller, lambda tx: tag_of.remove_tag(tx, self._resource, key, tag), "untag")
        return _answer(204, b"", caller)

    # What they share

    def _write(self, caller: Caller, operation: Callable[[Tx], Any], verb: str) -> Awaitable[Any]:
        return self._store.write(caller, operation, what=f"{verb}_{self._singular}")

    def shown(self, tx: Tx, facts: Any) -> bytes:
        """What the caller may see of a resource, as JSON."""
        return Shown(self._kind.body(tx, facts), self._hidden(tx, facts)).text(NO_FIELDS)

    def _made(self, tx: Tx, facts: Any) -> bytes:
        return Shown(self._kind.body_when_made(tx, facts), self._hidden(tx, facts)).text(NO_FIELDS)

    def _hidden(self, tx: Tx, facts: Any) -> frozenset[str]:
        return hidden_of(tx, self._resource, self._attributes, facts)

    def _items(self, tx: Tx, *, of_many: bool = False) -> Items:
        return Items(tx, self._kind, self._attributes, self._store.texts, of_many=of_many)

    def _require_under(self, tx: Tx, key: str, parent: str) -> None:
        """Refuse unless there is one of that key under its own parent."""
        self._parent(tx, parent)
        item = self._items(tx).of(self._kind.find(tx, key))
        if not self._is_under(item, parent):
            raise self._resource.not_found(key)

    def _check(self, tx: Tx, key: str, parent: str, revision: int | None) -> None:
        if parent:
            self._require_under(tx, key, parent)
        if revision is not None:
            if not self._resource.has_revisions:
                words = self._resource.words
                raise HTTPBadRequest(reason=f"If-Match: {words}s have no revision_number. Leave it out.")
            current = self._kind.show(tx, key).revision_number
            if current != revision:
                raise RevisionNumberConstraintFailed(expected=revision, current=current)

    def _parent(self, tx: Tx, parent: str) -> None:
        assert self._resource.parent is not None  # noqa: S101  only nested kinds have one in the path
        visible(tx, self._resource.parent.resource, parent)

    def _is_under(self, item: Item, parent: str) -> bool:
        where = self._resource.parent
        return not parent or (where is not None and getattr(item.facts(), where.attribute, None) == parent)

    def _of_parent(self, item: dict[str, Any], parent: str) -> dict[str, Any]:
        """What a client wants under the parent in the path."""
        if not parent or self._resource.parent is None:
            return item
        return {**item, self._resource.parent.attribute: parent}

    def _answer(self, shown: bytes, caller: Caller, *, status: int = 200) -> Response:
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
