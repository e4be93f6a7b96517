"""`ovnest serve`: the Networking API on a Northbound, or on an OVN central of its own."""

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from ovnest.api.agents import Agents
from ovnest.api.listener import bound, parse_endpoint
from ovnest.api.readiness import READY, STOPPING, notify
from ovnest.api.remotes import check_remotes
from ovnest.api.running import leaves
from ovnest.api.running import run as run_loop
from ovnest.api.worker import serve
from ovnest.api.workers import WorkerFailed, Workers
from ovnest.config import BadSetting, Settings, add_options, load
from ovnest.errors.policy import BadPolicy
from ovnest.errors.store import UnknownLayout
from ovnest.identity import from_settings
from ovnest.operations import CATALOGUE
from ovnest.ovsdb import SchemaMismatch
from ovnest.policy import PolicyFile
from ovnest.sandbox.embedded import EmbeddedCentral
from ovnest.sandbox.errors import SandboxError

NAME = "serve"
HELP = "serve the Networking API"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb: every setting, and where to keep an OVN central of its own."""
    add_options(parser)
    parser.add_argument(
        "--embedded",
        metavar="DIR",
        type=Path,
        help="run an OVN central (databases and ovn-northd) as children, its databases kept in DIR",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until told to end. 0: ended in order; 1: could not serve; 2: a setting cannot be."""
    try:
        settings = load(args, os.environ)
        endpoint = parse_endpoint(settings.listen)
        _check_databases(settings, args)
        from_settings(settings)
        Agents(settings)
        agent_endpoint = parse_endpoint(settings.agent_listen) if settings.agent_listen else None
        if settings.policy_file:
            PolicyFile(settings.policy_file, CATALOGUE)
    except (BadSetting, BadPolicy, ValueError) as error:
        print(f"ovnest serve: {error}", file=sys.stderr)
        return 2
    try:
        if args.embedded is not None:
            args.embedded.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"ovnest serve: cannot keep databases in {args.embedded}: {error.strerror}", file=sys.stderr)
        return 1
    with ExitStack() as opened:
        sockets = []
        for each in (endpoint, agent_endpoint):
            try:
                sockets += [opened.enter_context(bound(each))] if each is not None else []
            except OSError as error:
                where = settings.listen if each is endpoint else settings.agent_listen
                print(f"ovnest serve: cannot listen on {where}: {error.strerror}", file=sys.stderr)
                return 1
        return _serve(settings, args.embedded, sockets)


def _check_databases(settings: Settings, args: argparse.Namespace) -> None:
    """Whether the databases are said in a way that they could be reached by.

    Raises:
        BadSetting, ValueError: they are not.
    """
    if args.embedded is not None and "northbound" in args:
        raise BadSetting("--embedded brings a Northbound of its own: leave --northbound out.")
    for option, remotes in (("--northbound", settings.northbound), ("--southbound", settings.southbound)):
        try:
            if remotes or option == "--northbound":
                check_remotes(remotes, settings)
        except ValueError as error:
            raise BadSetting(f"{option} {remotes!r}: {error}") from error


def _serve(settings: Settings, embedded: Path | None, sockets: Sequence[socket.socket]) -> int:
    failures: list[str] = []

    async def main(stop: asyncio.Event) -> None:
        try:
            async with _central(settings, embedded) as in_force:
                await _work(in_force, sockets, stop)
        except* (UnknownLayout, SchemaMismatch, SandboxError) as group:
            failures.extend(f"ovnest serve: {error}" for error in leaves(group))
        except* WorkerFailed:
            failures.append("ovnest serve: a worker could not start; see above")

    run_loop(main, settings.log_format)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


async def _work(settings: Settings, sockets: Sequence[socket.socket], stop: asyncio.Event) -> None:
    """The first socket is the API's, a second one for agents."""
    sock, *agent_sockets = sockets

    def on_ready() -> None:
        if stop.is_set():  # too late: the socket may be closed already
            return
        notify(READY)
        print(_how_to_use(sock), flush=True)
        for each in agent_sockets:
            print(f"ovnest serves agents on {_url('https', each)}", flush=True)

    async def say_when_stopping() -> None:
        await stop.wait()
        notify(STOPPING)

    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(say_when_stopping())
        if settings.workers == 1:
            await serve(settings, [sock], stop, on_ready, agent_sockets)
        else:
            await Workers(settings, [sock], on_ready, agent_sockets).run(stop)
        stopping.cancel()


@asynccontextmanager
async def _central(settings: Settings, embedded: Path | None) -> AsyncIterator[Settings]:
    """The settings in force: with an OVN central of our own, its databases."""
    if embedded is None:
        yield settings
        return
    async with EmbeddedCentral(embedded) as central:
        yield replace(settings, northbound=central.northbound, southbound=central.southbound)


def _how_to_use(sock: socket.socket) -> str:
    if sock.family == socket.AF_UNIX:
        path = sock.getsockname()
        return (
            f"ovnest serves the Networking API on unix:{path}\n"
            f"  curl --unix-socket {path} http://localhost/v2.0/networks"
        )
    url = _url("http", sock)
    return (
        f"ovnest serves the Networking API on {url}\n"
        f"  export OS_AUTH_TYPE=none OS_ENDPOINT={url}\n"
        "  openstack network list"
    )


def _url(scheme: str, sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
