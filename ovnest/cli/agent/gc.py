"""`ovnest agent gc`: what is left over goes."""

import argparse
from typing import Any

from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import NOT_AS_IT_SHOULD_BE, REFUSED, ask


def add_steps(steps: Any) -> None:
    gc = steps.add_parser("gc", parents=[_options.local()], help="take away what is left over")
    gc.add_argument("--dry-run", action="store_true", help="only show it")
    gc.set_defaults(step=_gc)


def _gc(arguments: argparse.Namespace) -> int:
    found = ask("gc", arguments, {"verb": "gc", "dry_run": arguments.dry_run})
    if found is None:
        return REFUSED
    for each in found:
        done = "would go" if arguments.dry_run else "gone" if each["gone"] else "could not go yet"
        print(f"{each['kind']} {each['what']}: {done} ({each['why']})")
    if not found:
        print("Nothing is left over.")
    return 0 if arguments.dry_run or all(each["gone"] for each in found) else NOT_AS_IT_SHOULD_BE
