"""The command `ovnest`: one file (or folder) in this room for each verb, named as the verb is.

It has `HELP` (one line), `add_arguments(parser)`, and `run(arguments) -> int`, which gives the status. Only
the verb that is called is imported, so that none pays for another's modules, or lacks what only another
needs.
"""

import argparse
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from ovnest import __version__

SUCCESS = 0
FAILURE = 1
DESCRIPTION = "Virtual networks for virtual machines and the containers inside them."
NAMES = sorted(
    module.name.replace("_", "-")
    for module in pkgutil.iter_modules(__path__)
    if not module.name.startswith("_")  # what several verbs share
)

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Verb(Protocol):
    """What a verb's file has."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run `ovnest` with these arguments (the process's own if None); its status."""
    given = sys.argv[1:] if argv is None else argv
    chosen = next((name for name in given if name in NAMES), None)
    shown = [] if "--version" in given else NAMES
    try:
        arguments = parser([chosen] if chosen else shown).parse_args(given)
        verb: Verb = arguments.verb
        return verb.run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except ModuleNotFoundError as missing:
        if _is_ours(missing):
            raise
        print(
            f"ovnest: {chosen} needs the module {missing.name}: pip install ovnest[server]", file=sys.stderr
        )
        return FAILURE


def parser(names: Sequence[str]) -> argparse.ArgumentParser:
    """The command line with these verbs; among several, one that lacks the extra [server] is only named."""
    top = argparse.ArgumentParser(prog="ovnest", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=f"ovnest {__version__}")
    choice = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name in names:
        try:
            verb = cast(Verb, import_module(f"{__name__}.{name.replace('-', '_')}"))
        except ModuleNotFoundError as missing:
            if len(names) == 1 or _is_ours(missing):
                raise
            choice.add_parser(name, help="needs pip install ovnest[server]")
            continue
        below = choice.add_parser(name, help=verb.HELP, description=verb.HELP)
        below.set_defaults(verb=verb)
        verb.add_arguments(below)
    return top


def _is_ours(missing: ModuleNotFoundError) -> bool:
    return missing.name is None or missing.name.partition(".")[0] == "ovnest"
