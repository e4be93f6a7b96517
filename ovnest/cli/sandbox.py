"""`ovnest sandbox`: a whole OVN on this machine, for trying things out."""

import argparse
import asyncio
import os
import sys
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ovnest.sandbox.sandbox import Sandbox

HELP = "put up a whole OVN on this machine, look at it, use it, take it down"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ovnest.sandbox.release import HOST_NAME, SUITES
    from ovnest.sandbox.sandbox import DEFAULT_NAME

    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default=DEFAULT_NAME, help=f"which one, of several ({DEFAULT_NAME})")
    steps = parser.add_subparsers(title="steps", metavar="STEP", required=True)

    up = steps.add_parser("up", parents=[named], help="put it up; cleans what a killed one left")
    up.add_argument("--chassis", type=int, default=2, metavar="N", help="how many hypervisors (2)")
    releases = " | ".join((HOST_NAME, *SUITES))
    up.add_argument(
        "--ovn", default=HOST_NAME, metavar="RELEASE", help=f"which OVN: {releases} ({HOST_NAME})"
    )
    up.set_defaults(step=_up)

    status = steps.add_parser("status", parents=[named], help="show what is in it, and whether it runs")
    status.set_defaults(step=_status)

    shell = steps.add_parser("shell", parents=[named], help="a shell in which ovn-nbctl talks to it")
    shell.add_argument("command", nargs=argparse.REMAINDER, help="a command to run instead of a shell")
    shell.set_defaults(step=_shell)

    down = steps.add_parser("down", parents=[named], help="take it down, whatever state it is in")
    down.set_defaults(step=_down)


def run(arguments: argparse.Namespace) -> int:
    from ovnest.sandbox.errors import SandboxError

    try:
        status: int = arguments.step(arguments)
    except SandboxError as error:
        print(f"ovnest sandbox: {error}", file=sys.stderr)
        return 1
    return status


def _up(arguments: argparse.Namespace) -> int:
    from ovnest.sandbox.sandbox import Sandbox

    began = monotonic()
    sandbox = asyncio.run(Sandbox.up(arguments.name, chassis=arguments.chassis, release=arguments.ovn))
    option = _name_option(sandbox)
    print(
        f"Sandbox {sandbox.name} is up after {monotonic() - began:.1f} s, with {', '.join(sandbox.chassis)}."
    )
    print(f"  Northbound  {sandbox.northbound}")
    print(f"  Southbound  {sandbox.southbound}")
    print(f"  ovnest serve --northbound {sandbox.northbound}    serves the Networking API on it")
    print(f"  ovnest sandbox shell{option}     is a shell in it")
    print(f"  ovnest sandbox down{option}      takes it down")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from ovnest.sandbox.sandbox import Sandbox
    from ovnest.sandbox.status import Status, look

    async def find_and_look() -> Status:
        return await look(await Sandbox.find(arguments.name))

    status = asyncio.run(find_and_look())
    print(status.text)
    return 0 if status.healthy else 1


def _shell(arguments: argparse.Namespace) -> int:
    from ovnest.sandbox.sandbox import Sandbox
    from ovnest.sandbox.shell import environment, interactive

    sandbox = asyncio.run(Sandbox.find(arguments.name))
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    argv = command or interactive(sandbox)
    sys.stdout.flush()
    try:
        os.execvpe(argv[0], argv, environment(sandbox))  # noqa: S606  that is what was asked for
    except FileNotFoundError:
        print(f"ovnest sandbox: there is no program {argv[0]}", file=sys.stderr)
        return 127


def _down(arguments: argparse.Namespace) -> int:
    from ovnest.sandbox.directory import take_away

    if asyncio.run(take_away(arguments.name)):
        print(f"Sandbox {arguments.name} is down.")
    else:
        print(f"There is no sandbox {arguments.name}.")
    return 0


def _name_option(sandbox: "Sandbox") -> str:
    from ovnest.sandbox.sandbox import DEFAULT_NAME

    return "" if sandbox.name == DEFAULT_NAME else f" --name {sandbox.name}"
