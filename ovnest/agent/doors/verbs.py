"""What can be asked over the agent's socket: each verb once, from JSON to the engine and back."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.attachment.states import State
from ovnest.agent.errors import AgentError, BadRequest, Fault

_log = logging.getLogger(__name__)

Verb = Callable[[dict[str, Any], list[int]], Awaitable[Any]]
"""From a request, without its verb, and the open files that came with it, to the answer."""

PLUG_DOOR = "plug"


class _Plug(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A namespace to be put on a network by hand."""

    key: Key
    network: str = ""
    addresses: tuple[str, ...] = ()
    mac: str | None = None
    name: str = ""


class Requests:
    """The verbs. `more` are those of front doors and of the daemon, added by who makes them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.verbs: dict[str, Verb] = {
            "plug": self._plug,
            "unplug": self._unplug,
            "check": self._check,
        }

    async def answer(self, request: dict[str, Any], files: list[int]) -> dict[str, Any]:
        """`{"answer": …}`, or `{"error": {"kind", "message", "retry"}}`."""
        verb = self.verbs.get(str(request.pop("verb", "")))
        try:
            if verb is None:
                raise BadRequest(f"the agent knows {', '.join(self.verbs)}")
            return {"answer": await verb(request, files)}
        except msgspec.ValidationError as error:
            return _refused(BadRequest(str(error)))
        except AgentError as error:
            return _refused(error)
        except Exception as error:
            # The end of a request: whoever asked gets a sentence, the log all of it.
            _log.exception("event=fault")
            return _refused(Fault(f"the agent has a fault, see its log: {type(error).__name__}"))

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
        door=PLUG_DOOR,
        netns_fd=netns_fd,
        addresses=wanted.addresses,
        mac=wanted.mac,
        name=wanted.name,
    )


def _refused(error: AgentError) -> dict[str, Any]:
    return {"error": {"kind": type(error).__name__, "message": str(error), "retry": error.retry}}
