"""`ovnest upgrade`: lets the rows of a Northbound have the layout of this release."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

import msgspec

from ovnest.api.store import Store
from ovnest.cli._northbound import COULD_NOT, DONE, NOT_DONE, SETTINGS, northbound, operator
from ovnest.config import BadSetting, Settings, add_options, load
from ovnest.errors import Refusal
from ovnest.northbound.ledger import LAYOUT
from ovnest.ovsdb import OvsdbError
from ovnest.transaction.upgrade import Former, find_former, raise_layout, rewrite

HELP = "let the Northbound's rows have the layout of this release"
EPILOG = (
    "Servers of this release may run meanwhile; one of a release before cannot serve the Northbound any "
    "more. Exit status: 0 nothing is left to do, 1 something is, 2 it could not be done."
)
AT_ONCE = 64
OPERATOR = operator("upgrade")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints: the layout that rows had and have, how many were rewritten, how many are left."""

    before: int
    layout: int
    rewritten: int
    left: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    add_options(parser, SETTINGS)
    parser.epilog = EPILOG
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it, or say what would be done. 0: nothing is left to do; 1: something is; 2: it could not be."""
    try:
        settings = load(args, os.environ)
        report = asyncio.run(look(settings) if args.dry_run else upgrade(settings))
    except (BadSetting, OvsdbError, Refusal, OSError, ValueError) as error:
        print(f"ovnest upgrade: {error}", file=sys.stderr)
        return COULD_NOT
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        print(text(report, dry_run=args.dry_run))
    return NOT_DONE if report.left or report.layout != LAYOUT else DONE


async def look(settings: Settings) -> Report:
    """What there is to be done. Nothing is written."""
    async with northbound(settings, writes=False) as store:
        tx = await store.reading(OPERATOR)
        return Report(before=tx.layout, layout=tx.layout, rewritten=0, left=len(find_former(tx)))


async def upgrade(settings: Settings) -> Report:
    """Raise the number, then rewrite rows, so many in a transaction.

    Ended in between it leaves what is right: rows that were not rewritten are read as before.
    """
    async with northbound(settings, writes=True) as store:
        before = await store.write(OPERATOR, raise_layout, what="raise the layout")
        found = await store.read(OPERATOR, find_former)
        rewritten = 0
        for start in range(0, len(found), AT_ONCE):
            rewritten += await _rewrite(store, found[start : start + AT_ONCE])
        left = await store.read(OPERATOR, find_former)
    return Report(before=before, layout=LAYOUT, rewritten=rewritten, left=len(left))


async def _rewrite(store: Store, some: Sequence[Former]) -> int:
    return await store.write(
        OPERATOR, lambda tx: rewrite(tx, some), items=len(some), what="rewrite rows for the layout"
    )


def text(report: Report, *, dry_run: bool) -> str:
    """The report for people."""
    has = f"The Northbound has layout {report.layout}"
    if report.before == LAYOUT and not report.rewritten and not report.left:
        return f"{has} already: nothing is to be done."
    if dry_run:
        raised = f"It would have layout {LAYOUT}, and " if report.layout != LAYOUT else ""
        return f"{has}. {raised}{_rows(report.left)} would be written anew."
    left = f"; {_rows(report.left)} left: `ovnest check` says more." if report.left else "."
    return f"{has}. {_rows(report.rewritten)} written anew{left}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
