"""`ovnest agent enroll`: a one-time code becomes a credential."""

import argparse
import asyncio
from typing import Any

from ovnest.cli.agent import _options
from ovnest.cli.agent._asking import complain


def add_steps(steps: Any) -> None:
    enroll = steps.add_parser(
        "enroll", parents=[_options.state()], help="turn a one-time code into a credential"
    )
    enroll.add_argument(
        "--code-file",
        metavar="FILE",
        help="a file with the code, - for the standard input (default: where systemd or cloud-init leave it)",
    )
    enroll.set_defaults(step=_enroll)


def _enroll(arguments: argparse.Namespace) -> int:
    from ovnest.agent.client.credential import code_from
    from ovnest.agent.client.enrolment import enroll
    from ovnest.agent.errors import AgentError

    try:
        held = asyncio.run(enroll(arguments.state, code_from(arguments.code_file)))
    except (AgentError, OSError) as error:
        return complain("enroll", str(error))
    print(f"This machine's agent speaks for {held.subject} ({held.mode}) at {held.url}.")
    return 0
