"""What is left to do in a container when Docker has moved a device into it, which it does not tell.

Docker makes the container's network namespace only after all calls to its network driver.
"""

import asyncio
import logging
import os
from functools import partial

from msgspec import Struct

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.request import Key
from ovnest.agent.errors import AgentError

POLL_FIRST_S = 0.02
POLL_LONGEST_S = 0.25
PATIENCE_S = 30.0

_log = logging.getLogger(__name__)


class _Joined(Struct, frozen=True, kw_only=True):
    """An endpoint that has joined, and where its container's namespace will be."""

    key: Key
    sandbox: str


class Settling:
    """Tells the neighbours of containers that have joined, while `run` runs.

    They may remember another MAC address for what the container has; without being told, they find it some
    seconds later. So nothing of this is kept over a restart.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._new: asyncio.Queue[_Joined] = asyncio.Queue()  # no longer than there are endpoints
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    def begin(self, key: Key, sandbox: str) -> None:
        """That endpoint has joined the container whose namespace will be at `sandbox`."""
        self._new.put_nowait(_Joined(key=key, sandbox=sandbox))

    def end(self, key: Key) -> None:
        """That endpoint has left."""
        task = self._tasks.get(key)
        if task is not None:
            task.cancel()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                joined = await self._new.get()
                self.end(joined.key)
                task = tasks.create_task(self._settle(joined))
                self._tasks[joined.key] = task
                task.add_done_callback(partial(self._forget, joined.key))

    def _forget(self, key: Key, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    async def _settle(self, joined: _Joined) -> None:
        problem: Exception | None = None
        pause_s = POLL_FIRST_S
        try:
            async with asyncio.timeout(PATIENCE_S):
                while (problem := await self._try(joined)) is not None:
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 1.5, POLL_LONGEST_S)
        except TimeoutError:
            _log.warning("event=not_announced endpoint=%s reason=%s", joined.key.container, problem)

    async def _try(self, joined: _Joined) -> Exception | None:
        """Do it; what stands in the way."""
        try:
            fd = os.open(joined.sandbox, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            return error
        try:
            await self._engine.settle(joined.key, fd)
        except AgentError as error:
            return error
        finally:
            os.close(fd)
        return None
