"""The operations by their front door: Store and KINDS, as the API calls them, without HTTP.

What goes in is what a client would send, what comes out is what it would be shown, both as plain objects.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ovnest.api.store import Store
from ovnest.caller import Caller
from ovnest.errors import Refusal
from ovnest.operations import Kind
from ovnest.ovsdb import RowUuid
from ovnest.ovsdb.rows import R
from ovnest.resources.fields import to_struct
from ovnest.transaction import Tx
from tests.kinds import BY_NAME

ADMIN = Caller(project_id="default", roles=frozenset({"admin", "member", "reader"}))
Body = dict[str, Any]


class FrontDoor:
    """The API's operations as one caller may use them."""

    def __init__(self, store: Store, caller: Caller = ADMIN) -> None:
        self.store = store
        self.caller = caller

    def of(self, project: str, *roles: str) -> "FrontDoor":
        """The same as a member of that project sees it, or as somebody with these roles."""
        held = frozenset(roles or ("member", "reader"))
        return FrontDoor(self.store, Caller(project_id=project, user_id=f"{project}-user", roles=held))

    async def create(self, kind: str, **attributes: Any) -> Body:
        """A new `kind` ("port"), as it is shown."""
        return (await self.create_many(kind, attributes))[0]

    async def create_many(self, kind: str, *wanted: Mapping[str, Any]) -> list[Body]:
        """New ones in one operation, all or nothing."""
        served = BY_NAME[kind]
        create = served.create
        assert create is not None
        requests = [served.resource.wanted(each) for each in wanted]

        def operation(tx: Tx) -> list[Body]:
            made = [create(tx, request) for request in requests]
            return [_plain(served.body_when_made(tx, each)) for each in made]

        return await self.store.write(self.caller, operation, items=len(requests))

    async def update(self, kind: str, key: str, **attributes: Any) -> Body:
        """A changed one, as it is shown."""
        served = BY_NAME[kind]
        update = served.update
        assert update is not None
        change = served.resource.changes(attributes)
        return await self.store.write(
            self.caller, lambda tx: _plain(served.body(tx, update(tx, key, change)))
        )

    async def act(self, kind: str, key: str, name: str, **attributes: Any) -> Body:
        """One after an action, as it is shown."""
        served = BY_NAME[kind]
        action = next(each for each in served.actions if each.name == name)
        want = to_struct(attributes, action.request, action.coercions)
        return await self.store.write(
            self.caller, lambda tx: _plain(served.body(tx, action.do(tx, key, want)))
        )

    async def delete(self, kind: str, key: str, **query: str) -> None:
        delete = BY_NAME[kind].delete
        assert delete is not None
        await self.store.write(self.caller, lambda tx: delete(tx, key, query))

    async def show(self, kind: str, key: str) -> Body:
        served = BY_NAME[kind]
        return await self.store.read(self.caller, lambda tx: _plain(served.body(tx, served.show(tx, key))))

    async def list(self, kind: str, **filters: list[str]) -> list[Body]:
        served = BY_NAME[kind]
        return await self.store.read(
            self.caller, lambda tx: [_plain(served.body(tx, each)) for each in _read(tx, served, filters)]
        )

    async def row(self, row_type: type[R], key: str) -> R:
        """The row of that `_uuid`, as the database has it now."""
        found = await self.find_row(row_type, key)
        assert found is not None, f"{row_type.TABLE} has no row {key}"
        return found

    async def find_row(self, row_type: type[R], key: str) -> R | None:
        await self.store.client.barrier()
        return self.store.client.replica.find(row_type, RowUuid(key))

    async def seq(self) -> int:
        """How many batches were ever written."""
        await self.store.client.barrier()
        seq = self.store.client.status.seq
        assert seq is not None
        return seq


class Refused:
    """`async with Refused(409, "TagInUse", "belongs to port") as told:` what is inside is refused so.

    Afterwards `told.message` is what the client was told.
    """

    def __init__(self, status: int, kind: str, *words: str) -> None:
        self._expected = (status, kind)
        self._words = words
        self.message = ""

    async def __aenter__(self) -> "Refused":
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        assert error is not None, f"it was not refused, as {self._expected} was expected"
        if not isinstance(error, Refusal):
            return False
        self.message = str(error)
        assert (error.status, error.kind) == self._expected, self.message
        for word in self._words:
            assert word in self.message
        return True


def _read(tx: Tx, served: Kind, filters: Mapping[str, list[str]]) -> Iterator[Any]:
    found = (each.read(tx, served.resource.facts) for each in served.list(tx, filters))
    return (facts for facts in found if facts is not None)


def _plain(body: msgspec.Struct) -> Body:
    shown: Body = json.loads(msgspec.json.encode(body))
    return shown
