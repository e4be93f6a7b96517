"""`ovnest check`: whether the Northbound is as ovnest keeps it; and repairing what follows from the facts."""

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence

import msgspec

from ovnest.api.store import Store
from ovnest.cli._northbound import COULD_NOT, DONE, NOT_DONE, SETTINGS, northbound, operator
from ovnest.config import BadSetting, Settings, add_options, load
from ovnest.errors import Refusal
from ovnest.ovsdb import OvsdbError
from ovnest.rows.finding import LEFT, REPAIRED, Finding
from ovnest.transaction.check import find_all, repair

HELP = "compare the Northbound with what its facts say, and repair it"
EPILOG = (
    "Exit status: 0 nothing is left to say, 1 something is, 2 it could not be looked at. The settings must "
    "be the servers' own: dns_domain, for one, is part of what is derived."
)

AT_ONCE = 64
OPERATOR = operator("check")
SHOWN_WIDTH = 100


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    repaired: Sequence[Finding]
    left: Sequence[Finding]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    add_options(parser, SETTINGS)
    parser.epilog = EPILOG
    parser.add_argument(
        "--repair",
        action="store_true",
        help="put derived columns, memberships and leftovers right; facts are never touched",
    )
    parser.add_argument("--json", action="store_true", help="print findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Look, repair if told to, say what there is. 0: clean; 1: something is left; 2: could not look."""
    try:
        settings = load(args, os.environ)
    except BadSetting as error:
        print(f"ovnest check: {error}", file=sys.stderr)
        return COULD_NOT
    try:
        report = asyncio.run(look(settings, repairing=args.repair))
    except (OvsdbError, Refusal, OSError, ValueError) as error:
        print(f"ovnest check: {error}", file=sys.stderr)
        return COULD_NOT
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        print(text(report))
    return NOT_DONE if report.left else DONE


async def look(settings: Settings, *, repairing: bool) -> Report:
    """What is found; with `repairing`, what could be repaired is, one resource an operation.

    What was there before and is not there afterwards counts as repaired. Without it nothing is written.
    """
    async with northbound(settings, writes=repairing) as store:
        found = await store.read(OPERATOR, find_all)
        if not repairing or not found:
            return Report(repaired=(), left=found)
        mendable = [finding for finding in found if finding.repairable]
        for start in range(0, len(mendable), AT_ONCE):
            batch = mendable[start : start + AT_ONCE]
            await asyncio.gather(*(_repair(store, finding) for finding in batch))
        left = await store.read(OPERATOR, find_all)
    return Report(repaired=[finding for finding in found if finding not in left], left=left)


async def _repair(store: Store, finding: Finding) -> None:
    await store.write(OPERATOR, lambda tx: repair(tx, finding), what=f"repair {finding.table} {finding.row}")


def text(report: Report) -> str:
    """The report for people: each finding, then each kind with what it means and who can do something."""
    if not report.repaired and not report.left:
        return "The Northbound is as it should be."
    parts = [
        _section("Repaired", report.repaired),
        _section("Found" if not report.repaired else "Left", report.left),
    ]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    lines = [f"{title}: {len(findings)}"]
    lines += [f"  {_line(finding)}" for finding in findings]
    lines.append("")
    for kind, count in sorted(Counter(finding.kind for finding in findings).items()):
        by_whom = "--repair puts it right" if kind in REPAIRED else "not repaired: it is for people to decide"
        lines.append(f"  {count} {kind}: {(REPAIRED | LEFT)[kind]} ({by_whom})")
    return "\n".join(lines)


def _line(finding: Finding) -> str:
    where = f"{finding.table} {finding.row}"
    if finding.name not in ("", finding.row):
        where += f" ({finding.name})"
    if finding.column:
        where += f" {finding.column}"
    said = [finding.text] if finding.text else []
    if finding.there is not None or finding.wanted is not None:
        there, wanted = _difference(finding.there, finding.wanted)
        said.append(f"has {there}" + (f", should have {wanted}" if finding.wanted is not None else ""))
    return f"{finding.kind}: {where}: {'; '.join(said)}"


def _difference(there: object, wanted: object) -> tuple[str, str]:
    if isinstance(there, dict) and isinstance(wanted, dict):  # of a map only the keys that differ
        keys = sorted(key for key in there.keys() | wanted.keys() if there.get(key) != wanted.get(key))
        there = {key: there[key] for key in keys if key in there}
        wanted = {key: wanted[key] for key in keys if key in wanted}
    return _short(there), _short(wanted)


def _short(value: object) -> str:
    written = msgspec.json.encode(value).decode()
    return written if len(written) <= SHOWN_WIDTH else written[:SHOWN_WIDTH] + "…"
