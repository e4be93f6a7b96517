"""`ovnest agent run`: the daemon."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from ovnest.agent import settings
from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import NOT_SET_UP, complain

BOUNDS = {
    "attach": "for all of an attachment",
    "plug": "until Open vSwitch has the device",
    "active": "until the API calls the port active",
    "doubt": "how long a port whose request got no answer may still come to be",
    "reserved": "after which a reservation that nobody adopts is given back",
}


def add_steps(steps: Any) -> None:
    run = steps.add_parser(
        "run",
        parents=[_options.local(), _options.state(), _options.switch()],
        help="the agent itself; systemd starts it",
    )
    run.add_argument(
        "--docker",
        type=Path,
        nargs="?",
        const=settings.DOCKER_SOCKET,
        metavar="PATH",
        help=f"serve Docker, too, by a socket that it finds ({settings.DOCKER_SOCKET})",
    )
    for name, help in BOUNDS.items():
        run.add_argument(f"--{name}-s", type=float, metavar="SECONDS", help=help)
    run.set_defaults(step=_run)


def _run(arguments: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from ovnest.agent import daemon
    from ovnest.agent.attachment.bounds import Bounds
    from ovnest.agent.client import credential
    from ovnest.agent.client.enrolment import enroll
    from ovnest.agent.errors import AgentError
    from ovnest.ovsdb import OvsdbError

    given = {f"{name}_s": getattr(arguments, f"{name}_s") for name in BOUNDS}
    bounds = replace(Bounds(), **{name: value for name, value in given.items() if value is not None})
    site = daemon.Site(
        ovs=arguments.ovs,
        bridge=arguments.bridge,
        socket=arguments.socket,
        bounds=bounds,
        docker=arguments.docker,
    )
    failures: list[str] = []

    async def main(stop: asyncio.Event) -> None:
        try:
            held = credential.load(arguments.state)
            if held is None:
                held = await enroll(arguments.state, credential.code_from(None))
            await daemon.serve(site, daemon.identity_of(arguments.state, held), stop)
        except (AgentError, OvsdbError, OSError) as error:
            failures.append(str(error))

    daemon.run(main)
    return complain("run", failures[0], NOT_SET_UP) if failures else 0
