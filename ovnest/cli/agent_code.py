"""`ovnest agent-code`: one-time codes that let the agents of VMs make ports, and their end."""

import argparse
import json
import sys
from typing import Any

from ovnest.cli._api import ApiError, add_api_options, api_of, quoted, table

HELP = "give a VM's agent a one-time code, list who has one, revoke it"
PATH = "/v2.0/agent-codes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of this verb."""
    common = argparse.ArgumentParser(add_help=False)
    add_api_options(common)
    steps = parser.add_subparsers(title="steps", metavar="STEP", required=True)

    create = steps.add_parser("create", parents=[common], help="make a code, to be carried to the VM")
    whose = create.add_mutually_exclusive_group(required=True)
    whose.add_argument(
        "--parent", metavar="PORT", help="the VM's port, by id or name: containers go under it"
    )
    whose.add_argument("--chassis", metavar="NAME", help="the VM is a chassis of this name (its system-id)")
    create.add_argument(
        "--network",
        metavar="NETWORK",
        action="append",
        help="a network that it may use, by id or name; may be repeated (default: the parent's own)",
    )
    create.add_argument("--project", metavar="ID", help="with --chassis: the project that owns its ports")
    create.add_argument("--ports-max", metavar="N", type=int, help="how many ports it may have (1000)")
    create.add_argument(
        "--networks-max",
        metavar="N",
        type=int,
        help="how many networks it may make itself, for `docker network create` (0: none)",
    )
    create.add_argument("--expires", metavar="SECONDS", type=int, help="how long the code is good (3600)")
    create.add_argument(
        "-f",
        "--format",
        choices=("text", "value"),
        default="text",
        help="value: nothing but the code, for a file or a variable",
    )
    create.set_defaults(step=_create)

    listing = steps.add_parser("list", parents=[common], help="who has a code or a credential")
    listing.set_defaults(step=_list)

    revoke = steps.add_parser(
        "revoke", parents=[common], help="end a permission at once, on all servers; the ports stay"
    )
    revoke.add_argument("subject", metavar="SUBJECT", help="the parent's id or name, or the chassis' name")
    revoke.set_defaults(step=_revoke)


def run(arguments: argparse.Namespace) -> int:
    """0: done; 1: the API refused or cannot be reached."""
    try:
        print(arguments.step(arguments))
    except ApiError as error:
        print(f"ovnest agent-code: {error}", file=sys.stderr)
        return 1
    return 0


def _create(arguments: argparse.Namespace) -> str:
    api = api_of(arguments)
    wanted: dict[str, Any] = {}
    if arguments.parent is not None:
        wanted["parent"] = api.find("port", arguments.parent)["id"]
    else:
        wanted["chassis"] = arguments.chassis
    if arguments.network is not None:
        wanted["networks"] = [api.find("network", name)["id"] for name in arguments.network]
    given = {
        "project_id": arguments.project,
        "ports_max": arguments.ports_max,
        "networks_max": arguments.networks_max,
        "expires_s": arguments.expires,
    }
    wanted |= {name: value for name, value in given.items() if value is not None}
    made = api.ask("POST", PATH, {"agent_code": wanted})["agent_code"]
    if arguments.json:
        return json.dumps(made, indent=1)
    if arguments.format == "value":
        return str(made["code"])
    whom = "the VM with port" if made["mode"] == "nested" else "the chassis"
    more = f", and make {made['networks_max']} network(s) of its own" if made["networks_max"] else ""
    return (
        f"A code for {whom} {made['subject']}, good once, until {made['code_expires_at']}.\n"
        f"It may have {made['ports_max']} ports on {len(made['networks'])} network(s){more}. In the VM:\n"
        f"  ovnest agent enroll --code-file FILE     with this in FILE, mode 0600:\n\n{made['code']}"
    )


def _list(arguments: argparse.Namespace) -> str:
    found = api_of(arguments).ask("GET", PATH)["agent_codes"]
    if arguments.json:
        return json.dumps(found, indent=1)
    heads = ["SUBJECT", "MODE", "STATE", "GENERATION", "REPORTED", "CONFLICT"]
    rows = [
        [
            each["subject"],
            each["mode"],
            each["state"],
            str(each["generation"]),
            each["reported_at"] or "-",
            each["conflict_at"] or "-",
        ]
        for each in found
    ]
    return table([heads, *rows])


def _revoke(arguments: argparse.Namespace) -> str:
    api = api_of(arguments)
    subjects = {each["subject"] for each in api.ask("GET", PATH)["agent_codes"]}
    subject = arguments.subject
    if subject not in subjects:
        subject = api.find("port", subject)["id"]
    api.ask("DELETE", f"{PATH}/{quoted(subject)}")
    if arguments.json:
        return json.dumps({"revoked": subject})
    return f"The agent of {subject} can do nothing any more. Its ports stay, and go on working."
