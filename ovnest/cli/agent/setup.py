"""`ovnest agent setup` and `teardown`: the bridge, and what container runtimes and systemd need."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ovnest.agent import settings
from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import NOT_SET_UP, complain

if TYPE_CHECKING:
    from ovnest.agent.setup import Action, Place


def add_steps(steps: Any) -> None:
    parents = [_options.local(), _options.switch()]
    setup = steps.add_parser(
        "setup", parents=parents, help="make the bridge, and what container runtimes need"
    )
    setup.add_argument("--uplink", metavar="NIC", help="the NIC that is the agent's parent port")
    _add_options(setup)
    setup.set_defaults(step=_setup, name="setup")

    teardown = steps.add_parser("teardown", parents=parents, help="undo setup")
    _add_options(teardown)
    teardown.set_defaults(step=_teardown, name="teardown")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cni-dir",
        action="append",
        type=Path,
        metavar="DIR",
        help=f"where runtimes look for CNI plugins ({', '.join(map(str, settings.CNI_DIRECTORIES))})",
    )
    parser.add_argument(
        "--netavark-dir",
        action="append",
        type=Path,
        metavar="DIR",
        help=f"where Podman looks for plugins ({', '.join(map(str, settings.NETAVARK_DIRECTORIES))})",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _setup(arguments: argparse.Namespace) -> int:
    from ovnest.agent import setup

    if arguments.uplink is None:
        return complain("setup", "say by --uplink which NIC is the agent's parent port", NOT_SET_UP)
    place = _place(arguments)
    return _carry_out(arguments, lambda: setup.plan_setup(place, arguments.uplink))


def _teardown(arguments: argparse.Namespace) -> int:
    from ovnest.agent import setup

    place = _place(arguments)
    return _carry_out(arguments, lambda: setup.plan_teardown(place))


def _place(arguments: argparse.Namespace) -> "Place":
    from ovnest.agent import setup

    return setup.Place(
        ovs=arguments.ovs,
        bridge=arguments.bridge,
        socket=arguments.socket,
        cni_directories=tuple(arguments.cni_dir or settings.CNI_DIRECTORIES),
        netavark_directories=tuple(arguments.netavark_dir or settings.NETAVARK_DIRECTORIES),
        unit=settings.UNIT,
    )


def _carry_out(arguments: argparse.Namespace, plan: Callable[[], list["Action"]]) -> int:
    from ovnest.agent.errors import AgentError
    from ovnest.ovsdb import OvsdbError

    try:
        for action in plan():
            print(f"{'would ' if arguments.dry_run else ''}{action.what}")
            if not arguments.dry_run:
                action.do()
    except (AgentError, OvsdbError, OSError) as error:
        return complain(arguments.name, str(error))
    return 0
