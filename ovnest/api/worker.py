"""One process that serves: the store, the policy's file, the chassis, the listener, and an orderly end."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from ovnest.api.access_log import AccessLog
from ovnest.api.agent_app import AgentApp
from ovnest.api.agents import Agents
from ovnest.api.app import App
from ovnest.api.events import Events
from ovnest.api.limits import Limits
from ovnest.api.listener import Listener
from ovnest.api.remotes import tls_of
from ovnest.api.store import Store
from ovnest.config import Settings
from ovnest.errors.policy import BadPolicy
from ovnest.identity import from_settings
from ovnest.operations import CATALOGUE
from ovnest.ovsdb import Unreachable
from ovnest.policy import Policy, PolicyFile
from ovnest.southbound.watcher import ChassisWatcher

_log = logging.getLogger(__name__)

LOOK_S = 1.0
SAY_S = 2.0
DRAIN_S = 30.0
# Each VM keeps a connection open to hear what happens.
AGENT_LIMITS = Limits(connections=4000)


async def serve(
    settings: Settings,
    sockets: Sequence[socket.socket],
    stop: asyncio.Event,
    on_ready: Callable[[], None],
    agent_sockets: Sequence[socket.socket] = (),
    policy: Policy | None = None,
) -> None:
    """Serve on bound sockets until `stop`, then finish what was begun. `agent_sockets` are for agents.

    `policy` is what the policy file last said; without it the file is read first.

    `on_ready` is called once the Northbound has been read. Until then, and whenever the Northbound is away,
    requests are answered 503.

    Raises:
        BadPolicy: the policy file is refused; nothing was served.
        Exception: the database's client has failed, so all requests would be answered 503 for ever.
        BadSetting: what agents need is missing or refused; nothing was served.
        UnknownLayout: the Northbound was arranged by a newer release.
        SchemaMismatch: the Northbound lacks a table or column that cannot be done without.
    """
    policy_file = PolicyFile(settings.policy_file, CATALOGUE, policy) if settings.policy_file else None
    store = Store(settings, policy_file.policy if policy_file else Policy(CATALOGUE))
    access_log = AccessLog(_write_out, as_json=settings.log_format == "json")
    events = Events(store.client)
    agents = Agents(settings, agent_sockets[0].getsockname()[:2] if agent_sockets else None)
    store.sign_by(agents)
    listener = Listener(App(store, from_settings(settings), events), Limits(), access_log)
    agent_listener = Listener(AgentApp(store, agents, events), AGENT_LIMITS, access_log)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(store)
        if settings.southbound:
            watcher = ChassisWatcher(settings.southbound, tls_of(settings))
            store.watch_chassis(await stack.enter_async_context(watcher))
        for sock in sockets:
            await listener.serve_socket(sock)
        for sock in agent_sockets:
            assert agents.tls is not None  # noqa: S101  (there is no such socket without)
            await agent_listener.serve_socket(sock, agents.tls.context)
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(_say_when_ready(store, events, on_ready)),
                tasks.create_task(_follow_agents(agents)),
                tasks.create_task(store.client.watch()),
            ]
            if policy_file is not None:
                running.append(tasks.create_task(_follow(policy_file, store)))
            await stop.wait()
            for task in running:
                task.cancel()
        events.close()
        await asyncio.gather(listener.drain(DRAIN_S), agent_listener.drain(DRAIN_S))


def _write_out(lines: str) -> None:
    # Into a file or a pipe Python would keep 8 KiB back, for a killed server to lose.
    sys.stdout.write(lines)
    sys.stdout.flush()


async def _say_when_ready(store: Store, events: Events, on_ready: Callable[[], None]) -> None:
    said = ""
    while True:
        try:
            await store.ready(SAY_S)
            break
        except Unreachable as error:
            if str(error) != said:
                said = str(error)
                _log.warning("the Northbound is not ready, requests are answered 503: %s", said)
            await asyncio.sleep(0)  # a client that has failed says so at once, again and again
    events.follow()
    on_ready()


async def _follow_agents(agents: Agents) -> None:
    """Take a changed key ring or certificate into force."""
    while True:
        await asyncio.sleep(LOOK_S)
        agents.reload_if_changed()


async def _follow(policy_file: PolicyFile, store: Store) -> None:
    """Take a changed policy file into force; a refused one leaves the old policy where it is."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            if policy_file.reload_if_changed():
                store.policy = policy_file.policy
                _log.warning("policy file read again path=%s", policy_file.path)
        except BadPolicy as error:
            _log.error("policy file refused, the old policy stays in force: %s", error)
