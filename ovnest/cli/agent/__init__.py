"""`ovnest agent`: inside a VM, puts its containers straight onto virtual networks.

One file in this folder for each step, or pair of steps; it has `add_steps(steps)`, which adds their parsers.
"""

import argparse

from ovnest.cli.agent import check, enroll, gc, join, plug, setup, status
from ovnest.cli.agent import run as daemon

HELP = "inside a VM: put its containers straight onto virtual networks"
STEPS = (daemon, enroll, setup, join, plug, status, gc, check)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of this verb."""
    steps = parser.add_subparsers(title="steps", metavar="STEP", required=True)
    for step in STEPS:
        step.add_steps(steps)


def run(arguments: argparse.Namespace) -> int:
    """0: done; 1: refused, or it cannot be done now; 2: not set up; 3: something is not as it should be."""
    status: int = arguments.step(arguments)
    return status
