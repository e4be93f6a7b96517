"""The agent as a whole: its parts, put together, for as long as it runs."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovnest.agent.attachment.bounds import Bounds
from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.gc import Leftovers
from ovnest.agent.attachment.journal import Journal
from ovnest.agent.attachment.mode import Mode
from ovnest.agent.attachment.nested import NAME as NESTED
from ovnest.agent.attachment.nested import Nested
from ovnest.agent.attachment.overlay import NAME as OVERLAY
from ovnest.agent.attachment.overlay import Overlay
from ovnest.agent.attachment.reconcile import Reconciler
from ovnest.agent.attachment.report import Reporter
from ovnest.agent.attachment.status import status
from ovnest.agent.client.api import Api, Authorization
from ovnest.agent.client.credential import Credential, Holder
from ovnest.agent.client.http import Endpoint
from ovnest.agent.doors.cni.door import Cni
from ovnest.agent.doors.docker import server
from ovnest.agent.doors.docker.plugin import Plugin
from ovnest.agent.doors.netavark.door import Netavark
from ovnest.agent.doors.plug import Plug
from ovnest.agent.doors.socket import listen, remove
from ovnest.agent.doors.socket import serve as answer_programs
from ovnest.agent.doors.verbs import Verb, Verbs
from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.chassis.renewal import Renewal
from ovnest.agent.vm.link import Links
from ovnest.agent.vm.openflow import PriorityTagDrop
from ovnest.agent.vm.uplink import prepare

SWITCH_INTERVAL_S = 0.0005
"""A thread that works on devices lets the others go on after so long, instead of Python's 5 ms."""
READY = "READY=1"
STOPPING = "STOPPING=1"

_log = logging.getLogger(__name__)


class Site(Struct, frozen=True, kw_only=True):
    """Where the agent works: the VM's Open vSwitch, its bridge, its own socket, and how long it waits.

    `docker` is where Docker looks for its plugins' sockets; None: Docker is not served.
    """

    ovs: str
    bridge: str
    socket: Path
    bounds: Bounds = Bounds()
    docker: Path | None = None


class Identity(Struct, frozen=True, kw_only=True):
    """Who the agent is to the API: the parent port (or chassis) it speaks for, and where the API is.

    `holder` renews its credential; None: it has none. `state` is the directory of its files.
    """

    subject: str
    endpoint: Endpoint
    mode: Mode
    authorization: Authorization
    holder: Holder | None = None
    state: Path | None = None


def identity_of(directory: Path, credential: Credential) -> Identity:
    """Who a credential says we are.

    Raises:
        NotSetUp: it is for a mode that this release does not know.
    """
    match credential.mode:
        case mode if mode == NESTED:
            how: Mode = Nested(credential.subject)
        case mode if mode == OVERLAY:
            how = Overlay()
        case mode:
            raise NotSetUp(f"the credential is for the mode {mode}, which this agent does not know")
    holder = Holder(directory, credential)
    return Identity(
        subject=credential.subject,
        endpoint=credential.endpoint,
        mode=how,
        authorization=holder.header,
        holder=holder,
        state=directory,
    )


async def serve(site: Site, identity: Identity, stop: asyncio.Event) -> None:
    """Answer front doors until `stop`.

    Raises:
        OSError: another agent runs here.
        OvsdbError: there is no Open vSwitch.
    """
    async with AsyncExitStack() as stack:
        api = Api(identity.endpoint, identity.authorization)
        stack.callback(api.close)
        sock = stack.enter_context(listen(site.socket))
        stack.callback(remove, site.socket)
        journal = await stack.enter_async_context(Journal(site.ovs, site.bridge))
        await _prepare_uplinks(journal)
        engine = Engine(api, journal, Links(), identity.mode, site.bounds)
        reconciler = Reconciler(engine, api, identity.subject, site.socket.with_suffix(".events"))
        chassis = Renewal(identity.state, site.ovs) if identity.state is not None else None
        priority_tags = PriorityTagDrop(site.ovs, site.bridge)
        plugin = Plugin(engine, api, journal)

        async def answer_status(_request: dict[str, Any], _files: list[int]) -> Any:
            problems = (
                identity.holder.problem if identity.holder is not None else "",
                chassis.problem() if chassis is not None else "",
                priority_tags.problem,
                plugin.problem,
            )
            subject, endpoint = identity.subject, str(identity.endpoint)
            return await status(engine, reconciler.findings, subject=subject, api=endpoint, problems=problems)

        work: list[Coroutine[Any, Any, None]] = [
            answer_programs(sock, _verbs(engine, api, reconciler, answer_status).answer),
            reconciler.run(),
            engine.run(),
        ]
        if site.docker is not None:
            door = stack.enter_context(listen(site.docker))
            stack.callback(remove, site.docker)
            work += [server.serve(door, plugin.answer), plugin.run()]
        if identity.holder is not None:
            work += [identity.holder.run(api), Reporter(engine, api, reconciler, identity.holder).run()]
        if chassis is not None:
            work.append(chassis.run(api))
        if identity.mode.has_uplink:  # else the bridge is OVN's, whose flows are none of ours to change
            work.append(priority_tags.run())
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each) for each in work]
            notify(READY)
            _log.info("event=ready agent=%s subject=%s", journal.agent_id, identity.subject)
            await stop.wait()
            notify(STOPPING)
            for task in running:
                task.cancel()


async def _prepare_uplinks(journal: Journal) -> None:
    """What a restart of the machine has undone: settings of NICs are not kept anywhere."""
    try:
        for name, userspace in journal.uplinks():
            await asyncio.to_thread(prepare, name, userspace=userspace)
    except NotSetUp as error:
        _log.error("event=not_set_up reason=%s", error)


def _verbs(engine: Engine, api: Api, reconciler: Reconciler, answer_status: Verb) -> Verbs:
    """All that can be asked over the socket."""
    return Verbs(
        {
            **Plug(engine).verbs,
            "cni": Cni(engine, api).answer,
            "netavark": Netavark(engine, api).answer,
            "status": answer_status,
            "gc": Leftovers(engine, api, reconciler).answer,
        }
    )


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `main` with the event that SIGTERM and SIGINT set; it is to end soon after."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )

    async def until_told() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await main(stop)

    asyncio.run(until_told())


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)), if it is that which started us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket, unix(7)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address)
