"""`ovnest agent gc`: what is left over where no runtime says what is still in use; taken away when asked to.

That somebody has asked is the positive statement. What is shown by a dry run is what goes.
"""

from typing import Any

import msgspec
from msgspec import Struct

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.reconcile import Reconciler
from ovnest.agent.attachment.states import Event, State
from ovnest.agent.client.api import Api
from ovnest.agent.errors import AgentError


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With `dry_run` nothing is taken away."""

    dry_run: bool = False


class Leftover(Struct, frozen=True, kw_only=True):
    """One thing. `kind` is attachment, port or device; `gone` whether it has been taken away."""

    kind: str
    what: str
    why: str
    gone: bool = False


class Leftovers:
    """Finds them, and takes them away."""

    def __init__(self, engine: Engine, api: Api, reconciler: Reconciler) -> None:
        self._engine = engine
        self._api = api
        self._reconciler = reconciler

    async def answer(self, request: dict[str, Any], _files: list[int]) -> list[Leftover]:
        """What there is, or was."""
        dry_run = msgspec.convert(request, Request).dry_run
        await self._engine.current()
        await self._reconciler.look()
        return [
            *await self._attachments(dry_run),
            *await self._ports(dry_run),
            *await self._devices(dry_run),
        ]

    async def _attachments(self, dry_run: bool) -> list[Leftover]:
        """Attachments whose device has gone by itself, which it does with its container."""
        devices = self._engine.devices()
        found = []
        for recorded in self._engine.entries():
            entry = recorded.entry
            if entry.state is State.DELETING:
                why, event = self._engine.pending(recorded) or "its removal waits", Event.DETACH
            elif entry.state is State.PLUGGED and recorded.device not in devices:
                why, event = "its container is gone", Event.DETACH
            else:
                continue
            gone = not dry_run and await self._engine.finish(recorded, event)
            found.append(Leftover(kind="attachment", what=str(entry.key), why=why, gone=gone))
        return found

    async def _ports(self, dry_run: bool) -> list[Leftover]:
        found = []
        for port in self._reconciler.findings.orphans:
            gone = not dry_run and await self._delete(port.id)
            why = "this agent made it, and its journal does not know it"
            found.append(Leftover(kind="port", what=port.id, why=why, gone=gone))
        return found

    async def _delete(self, port_id: str) -> bool:
        try:
            await self._api.delete_port(port_id)
        except AgentError:
            return False
        return True

    async def _devices(self, dry_run: bool) -> list[Leftover]:
        found = []
        for name in await self._engine.strays():
            gone = not dry_run and await self._engine.remove_stray(name)
            why = "it carries this agent's mark, and its journal does not know it"
            found.append(Leftover(kind="device", what=name, why=why, gone=gone))
        return found
