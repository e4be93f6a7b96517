"""Asking the agent by its socket, saying what went wrong, and the statuses that steps end with."""

import argparse
import sys
from typing import Any

from ovnest.agent.doors.socket import ask as ask_agent

REFUSED = 1
NOT_SET_UP = 2
NOT_AS_IT_SHOULD_BE = 3


def ask(
    step: str, arguments: argparse.Namespace, request: dict[str, Any], files: tuple[int, ...] = ()
) -> Any:
    """The agent's answer; None if it refused, or does not answer, which has been said then."""
    try:
        reply = ask_agent(arguments.socket, request, files)
    except OSError as error:
        complain(step, f"no agent answers at {arguments.socket}: {error.strerror or error}")
        return None
    if "error" in reply:
        complain(step, reply["error"]["message"])
        return None
    return reply["answer"]


def complain(step: str, message: str, status: int = REFUSED) -> int:
    """Say it, and give the status that the step ends with."""
    print(f"ovnest agent {step}: {message}", file=sys.stderr)
    return status
