"""Carrying out a plan of `setup`, `join` or `teardown`: what is done is said before, or only said."""

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ovnest.agent import settings
from ovnest.cli.agent._asking import complain

if TYPE_CHECKING:
    from ovnest.agent.setup.plan import Action, Place


def place_of(arguments: argparse.Namespace) -> "Place":
    """Where things are to be."""
    from ovnest.agent.setup.plan import Place

    return Place(
        ovs=arguments.ovs,
        bridge=arguments.bridge,
        socket=arguments.socket,
        cni_directories=tuple(arguments.cni_dir or settings.CNI_DIRECTORIES),
        netavark_directories=tuple(arguments.netavark_dir or settings.NETAVARK_DIRECTORIES),
        unit=settings.UNIT,
        state=arguments.state,
    )


def carry_out(arguments: argparse.Namespace, plan: Callable[[], list["Action"]]) -> int:
    """Do what the plan says; the status that the step ends with."""
    return guarded(arguments, lambda: do(arguments, plan()))


def do(arguments: argparse.Namespace, actions: Iterable["Action"]) -> None:
    """Do it, each action announced; with --dry-run only announce it."""
    for action in actions:
        say(arguments, [action.what])
        if not arguments.dry_run:
            action.do()


def say(arguments: argparse.Namespace, lines: Iterable[str]) -> None:
    """Announce what is done, or would be."""
    for line in lines:
        print(f"{'would ' if arguments.dry_run else ''}{line}", flush=True)


def guarded(arguments: argparse.Namespace, work: Callable[[], None]) -> int:
    """Do the work, and say what makes it fail."""
    from ovnest.agent.errors import AgentError
    from ovnest.ovsdb import OvsdbError

    try:
        work()
    except (AgentError, OvsdbError, OSError) as error:
        return complain(arguments.name, str(error))
    return 0
