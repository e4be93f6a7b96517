"""`ovnest port why`: what keeps a container port from working, and what to do about it."""

import argparse
import json
import sys
from typing import Any

from ovnest.cli._api import ApiError, add_api_options, api_of

HELP = "say why a port does not work, and what would help"

# By the word that `ovnest:status_reason` begins with.
ADVICE: dict[str, str] = {
    "disabled": "The port is disabled. Enable it: openstack port set --enable {id}",
    "no-parent": (
        "Its parent port {parent} is not there, so no hypervisor can bind it. Delete it, or name another "
        "parent."
    ),
    "parent-unbound": (
        "No hypervisor has plugged in its parent port {parent}. Is the VM running, and has its interface in "
        "the hypervisor's Open vSwitch external_ids:iface-id={parent}?"
    ),
    "parent-chassis-gone": (
        "The hypervisor that its parent port {parent} asks for ({more}) is not among the chassis. Is "
        "ovn-controller running there?"
    ),
    "parent-chassis-behind": (
        "The hypervisor that its parent port {parent} asks for ({more}) does not follow the others any "
        "more. Is its ovn-controller running, and does it reach the Southbound?"
    ),
    "agent-silent": (
        "The agent in the VM has not reported {more}. The container may well work. In the VM: "
        "systemctl status ovnest-agent, ovnest agent status"
    ),
    "not-plugged": (
        "OVN is ready, but the agent in the VM has not plugged it ({more}). In the VM: ovnest agent status, "
        "ovnest agent check"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The steps of this verb."""
    steps = parser.add_subparsers(title="steps", metavar="STEP", required=True)
    why = steps.add_parser("why", help="why it does not work")
    add_api_options(why)
    why.add_argument("port", metavar="PORT", help="its id or name")
    why.set_defaults(step=_why)


def run(arguments: argparse.Namespace) -> int:
    """0: nothing is known to be wrong; 1: something is, or the API cannot be asked."""
    try:
        status: int = arguments.step(arguments)
    except ApiError as error:
        print(f"ovnest port: {error}", file=sys.stderr)
        return 1
    return status


def _why(arguments: argparse.Namespace) -> int:
    port = api_of(arguments).find("port", arguments.port)
    reason = reason_of(port)
    advice = advice_for(port, reason)
    if arguments.json:
        shown = {"id": port["id"], "status": port["status"], "plugged": port.get("ovnest:plugged")}
        print(json.dumps({**shown, "reason": reason, "advice": advice}, indent=1))
    else:
        print(f"Port {port['id']} ({port['name'] or 'no name'}) is {port['status']}. {advice}")
    return 1 if reason else 0


def reason_of(port: dict[str, Any]) -> str:
    """Why a port does not work; empty when nothing is known to be wrong."""
    if "ovnest:status_reason" in port:
        return str(port["ovnest:status_reason"])
    if not port["admin_state_up"]:
        return "disabled"
    return "" if port["status"] == "ACTIVE" else "unbound"


def advice_for(port: dict[str, Any], reason: str) -> str:
    """A sentence that says what is wrong and what would be right."""
    if not reason:
        return "Nothing is known to be wrong with it."
    word, _, more = reason.partition(": ")
    parent = port.get("binding:profile", {}).get("parent_name", "")
    if word == "unbound":
        return (
            "No hypervisor has plugged it in. Has the interface of its VM external_ids:iface-id="
            f"{port['id']} in the hypervisor's Open vSwitch?"
        )
    template = ADVICE.get(word)
    if template is None:
        return f"The server says: {reason}."
    return template.format(id=port["id"], parent=parent, more=more or "without saying why")
