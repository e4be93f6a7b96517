"""Several processes on one socket: started, watched, started again, ended together.

Servers hold no state, so a worker that dies costs the requests it was answering and nothing else. Each has
a channel to the one that started it: over it come the settings, over it goes the word that it is ready, and
its end on either side is the end of the worker.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from ovnest.config import Settings
from ovnest.errors.policy import BadPolicy
from ovnest.operations import CATALOGUE
from ovnest.policy import PolicyFile

_log = logging.getLogger(__name__)

RESTART_S = 1.0
STARTS_TRIED = 5
READY = b"ready\n"


class Order(Struct, frozen=True, kw_only=True):
    """What a worker is told: the settings, and the numbers of the listening sockets it has inherited.

    `policy` is what the policy file said when it was last good: it may have been broken since.
    """

    settings: Settings
    sockets: tuple[int, ...]
    agent_sockets: tuple[int, ...] = ()
    policy: dict[str, str] | None = None


class WorkerFailed(Exception):
    """A worker ended before it was ready; it has said why. The argument is its status."""


class Workers:
    """`settings.workers` processes that serve the same sockets."""

    def __init__(
        self,
        settings: Settings,
        sockets: Sequence[socket.socket],
        on_ready: Callable[[], None],
        agent_sockets: Sequence[socket.socket] = (),
    ) -> None:
        self._settings = settings
        self._opened = (*sockets, *agent_sockets)
        self._sockets = tuple(sock.fileno() for sock in sockets)
        self._agent_sockets = tuple(sock.fileno() for sock in agent_sockets)
        self._on_ready = on_ready
        self._policy_file = PolicyFile(settings.policy_file, CATALOGUE) if settings.policy_file else None
        self._ready: set[int] = set()
        self._said_ready = False
        self._running: dict[int, Process] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Keep them running until `stop`, then let them finish what they began.

        Raises:
            WorkerFailed: one could not start; the others have been told to end.
        """
        async with asyncio.TaskGroup() as tasks:
            for place in range(self._settings.workers):
                tasks.create_task(self._keep(place, stop))
            try:
                await stop.wait()
            finally:
                for sock in self._opened:  # else clients still connect, and nobody will accept them
                    sock.close()
                for process in self._running.values():
                    with contextlib.suppress(ProcessLookupError):
                        process.send_signal(signal.SIGTERM)

    async def _keep(self, place: int, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            ours, theirs = socket.socketpair()
            with ours, theirs:
                process = await self._start(theirs)
                self._running[place] = process
                if stop.is_set():  # while it was being started; all others have been told
                    process.send_signal(signal.SIGTERM)
                theirs.close()
                was_ready = await self._attend(place, ours)
                code = await process.wait()
            failures = 0 if was_ready else failures + 1
            if not stop.is_set() and (place not in self._ready or failures == STARTS_TRIED):
                raise WorkerFailed(code)
            if not stop.is_set():
                _log.error("a worker ended and is started again place=%d code=%d", place, code)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RESTART_S)

    async def _attend(self, place: int, channel: socket.socket) -> bool:
        """Tell a worker its order, return when it has ended: whether it ever was ready."""
        is_ready = False
        reader, writer = await asyncio.open_connection(sock=channel)
        order = Order(
            settings=self._settings,
            sockets=self._sockets,
            agent_sockets=self._agent_sockets,
            policy=self._last_good_policy(),
        )
        try:
            writer.write(msgspec.json.encode(order) + b"\n")
            if await reader.readline() == READY:
                is_ready = True
                self._ready.add(place)
                if len(self._ready) == self._settings.workers and not self._said_ready:
                    self._said_ready = True
                    self._on_ready()
            await reader.read()
        except ConnectionResetError:  # it ended without reading all; its status says why
            _log.debug("a worker closed its channel place=%d", place)
        finally:
            writer.close()
        return is_ready

    def _last_good_policy(self) -> dict[str, str] | None:
        if self._policy_file is None:
            return None
        try:
            self._policy_file.reload_if_changed()
        except BadPolicy as error:
            _log.error("policy file refused, the old policy stays in force: %s", error)
        return self._policy_file.policy.changes

    async def _start(self, channel: socket.socket) -> Process:
        number = channel.fileno()
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ovnest.api.worker_process",
            str(number),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(number, *self._sockets, *self._agent_sockets),
        )
