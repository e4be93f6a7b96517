"""The API asked over HTTP, by nothing but the standard library: a request, the answer."""

import asyncio
import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from ovnest.sandbox.until import patience
from tests.kinds import BY_NAME, WHOLE, path_of

ANSWER_TIMEOUT_S = 15.0


class Answer(Struct, frozen=True, kw_only=True):
    """A status and what the body says; None for an empty one."""

    status: int
    body: Any


class Refused(Exception):
    """The API answered something else than what was expected."""

    def __init__(self, asked: str, answer: Answer) -> None:
        super().__init__(f"{asked}: {answer.status} {json.dumps(answer.body)}")
        self.answer = answer


class Api:
    """The API at `url`. What is asked without another status in mind must succeed."""

    def __init__(self, url: str) -> None:
        self.url = url
        where = urlsplit(url)
        assert where.hostname is not None
        assert where.port is not None
        self._address = (where.hostname, where.port)

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Whatever the API answers."""
        return await asyncio.to_thread(self._ask, method, path, body)

    async def create(self, kind: str, **attributes: Any) -> dict[str, Any]:
        """A new `kind` ("port"), as the API shows it."""
        return await self._one(kind, 201, "POST", path_of(kind), {kind: attributes})

    async def create_many(self, kind: str, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """New ones, by one request."""
        answer = await self._expect(201, "POST", path_of(kind), {BY_NAME[kind].resource.plural: wanted})
        made: list[dict[str, Any]] = answer.body[BY_NAME[kind].resource.plural]
        return made

    async def show(self, kind: str, key: str) -> dict[str, Any]:
        return await self._one(kind, 200, "GET", path_of(kind, key))

    async def update(self, kind: str, key: str, **attributes: Any) -> dict[str, Any]:
        return await self._one(kind, 200, "PUT", path_of(kind, key), {kind: attributes})

    async def delete(self, kind: str, key: str, **query: str) -> None:
        suffix = f"?{urlencode(query)}" if query else ""
        await self._expect(204, "DELETE", f"{path_of(kind, key)}{suffix}")

    async def list(self, kind: str, **query: str) -> list[dict[str, Any]]:
        suffix = f"?{urlencode(query)}" if query else ""
        answer = await self._expect(200, "GET", f"{path_of(kind)}{suffix}")
        found: list[dict[str, Any]] = answer.body[BY_NAME[kind].resource.plural]
        return found

    async def clear(self) -> None:
        """Delete everything that there is."""
        for port in await self.list("port", fields="id"):
            answer = await self.ask("DELETE", f"/v2.0/ports/{port['id']}?cascade=true")
            assert answer.status in (204, 404), answer  # 404: it went with its parent
        for network in await self.list("network", fields="id"):
            await self.delete("network", network["id"])
        for resource in WHOLE:
            for left in await self.list(resource.singular, fields="id"):
                await self.delete(resource.singular, left["id"])

    async def _one(
        self, kind: str, status: int, method: str, path: str, body: object = None
    ) -> dict[str, Any]:
        answer = await self._expect(status, method, path, body)
        found: dict[str, Any] = answer.body[kind]
        return found

    async def _expect(self, status: int, method: str, path: str, body: object = None) -> Answer:
        answer = await self.ask(method, path, body)
        if answer.status != status:
            raise Refused(f"{method} {path}", answer)
        return answer

    def _ask(self, method: str, path: str, body: object) -> Answer:
        connection = HTTPConnection(*self._address, timeout=ANSWER_TIMEOUT_S * patience())
        try:
            content = None if body is None else json.dumps(body)
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            said = response.read()
            return Answer(status=response.status, body=json.loads(said) if said else None)
        finally:
            connection.close()
