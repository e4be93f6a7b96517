"""What can be asked over the agent's socket: each verb once, from JSON to what answers it, and back."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from ovnest.agent.errors import AgentError, BadRequest, Fault

_log = logging.getLogger(__name__)

Verb = Callable[[dict[str, Any], list[int]], Awaitable[Any]]
"""From a request, without its verb, and the open files that came with it, to the answer."""


class Verbs:
    """The verbs by their names."""

    def __init__(self, verbs: Mapping[str, Verb]) -> None:
        self._verbs = verbs

    async def answer(self, request: dict[str, Any], files: list[int]) -> dict[str, Any]:
        """`{"answer": …}`, or `{"error": {"kind", "message", "retry"}}`."""
        verb = self._verbs.get(str(request.pop("verb", "")))
        try:
            if verb is None:
                raise BadRequest(f"the agent knows {', '.join(self._verbs)}")
            return {"answer": await verb(request, files)}
        except msgspec.ValidationError as error:
            return _refused(BadRequest(str(error)))
        except AgentError as error:
            return _refused(error)
        except Exception as error:
            # The end of a request: the caller gets a sentence, the log all of it.
            _log.exception("event=fault")
            return _refused(Fault(f"the agent has a fault, see its log: {type(error).__name__}"))


def _refused(error: AgentError) -> dict[str, Any]:
    return {"error": {"kind": type(error).__name__, "message": str(error), "retry": error.retry}}
