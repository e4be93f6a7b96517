"""`ovnest agent check`: what is, compared with what was made."""

import argparse
from typing import Any

from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import NOT_AS_IT_SHOULD_BE, REFUSED, ask


def add_steps(steps: Any) -> None:
    check = steps.add_parser("check", parents=[_options.local()], help="compare what is with what was made")
    check.set_defaults(step=_check)


def _check(arguments: argparse.Namespace) -> int:
    found = ask("check", arguments, {"verb": "check"})
    if found is None:
        return REFUSED
    for each in found:
        print(f"{each['key']}: {each['finding']}")
    if not found:
        print("All is as it was made.")
    return NOT_AS_IT_SHOULD_BE if found else 0
