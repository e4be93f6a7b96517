"""The front door for people: `ovnest agent plug`, `unplug` and `check`."""

from typing import Any

import msgspec
from msgspec import Struct

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.attachment.states import State
from ovnest.agent.doors.verbs import Verb
from ovnest.agent.errors import AgentError, BadRequest

DOOR = "plug"


class _Plug(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A namespace to be put on a network without a container runtime."""

    key: Key
    network: str = ""
    addresses: tuple[str, ...] = ()
    mac: str | None = None
    name: str = ""


class Plug:
    """Answers its verbs by way of `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def verbs(self) -> dict[str, Verb]:
        return {"plug": self._plug, "unplug": self._unplug, "check": self._check}

    async def _plug(self, request: dict[str, Any], files: list[int]) -> Any:
        wanted = msgspec.convert(request, _Plug)
        if not files:
            raise BadRequest("no network namespace was handed over")
        return await self._engine.attach(_attachment(wanted, files[0]))

    async def _unplug(self, request: dict[str, Any], _files: list[int]) -> Any:
        return await self._engine.detach(msgspec.convert(request, _Plug).key)

    async def _check(self, _request: dict[str, Any], _files: list[int]) -> Any:
        """All attachments, as far as that can be seen without the containers' namespaces."""
        found = []
        for recorded in self._engine.entries():
            if recorded.entry.state is not State.PLUGGED:
                continue
            key = recorded.entry.key
            try:
                await self._engine.check(Attachment(key=key, network="", door=recorded.entry.door))
            except AgentError as error:
                found.append({"key": str(key), "finding": str(error)})
        return found


def _attachment(wanted: _Plug, netns_fd: int | None) -> Attachment:
    return Attachment(
        key=wanted.key,
        network=wanted.network,
        door=DOOR,
        netns_fd=netns_fd,
        addresses=wanted.addresses,
        mac=wanted.mac,
        name=wanted.name,
    )
