"""`ovnest agent status`: what is attached, and whether it works."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import NOT_AS_IT_SHOULD_BE, REFUSED, ask


def add_steps(steps: Any) -> None:
    status = steps.add_parser(
        "status", parents=[_options.local()], help="what is attached, and whether it works"
    )
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(step=_status)


def _status(arguments: argparse.Namespace) -> int:
    found = ask("status", arguments, {"verb": "status"})
    if found is None:
        return REFUSED
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print(_status_text(found))
    return NOT_AS_IT_SHOULD_BE if found["problems"] else 0


def _status_text(found: dict[str, Any]) -> str:
    heads = ("CONTAINER", "INTERFACE", "PORT", "NETWORK", "ADDRESS", "TAG", "STATE", "SINCE", "REMARK")
    rows = [
        (
            each["name"] or each["container"][:12],
            each["interface"],
            each["port"] or "-",
            each["network"],
            ",".join(each["addresses"]) or "-",
            "-" if each["tag"] is None else str(each["tag"]),
            each["state"],
            datetime.fromtimestamp(each["since"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            each["reason"],
        )
        for each in found["attachments"]
    ]
    lines = [f"agent {found['agent']} of {found['subject']}, API {found['api']}", *_table([heads, *rows])]
    lines += [f"port left over: {each} (ovnest agent gc)" for each in found["orphans"]]
    lines += [f"device left over: {each} (ovnest agent gc)" for each in found["strays"]]
    lines += [f"not understood, left alone: port {each} of the bridge" for each in found["unreadable"]]
    lines += [f"problem: {each}" for each in found["problems"]]
    return "\n".join(lines)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
