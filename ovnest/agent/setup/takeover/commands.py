"""Programs of the machine's that are told what has changed."""

import os
import subprocess
from pathlib import Path

from ovnest.agent.crash_point import CRASH_VARIABLE
from ovnest.agent.errors import LinkFailed

SYSTEMD = Path("/run/systemd/system")
COMMAND_TIMEOUT_S = 20.0


def run(*argv: str, check: bool = True) -> str:
    """What a program of the machine's printed.

    Raises:
        LinkFailed: it failed, or did not end.
    """
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False, env=surroundings()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LinkFailed(f"{argv[0]}: {error}") from error
    if check and done.returncode:
        raise LinkFailed(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def surroundings() -> dict[str, str]:
    """A test ends us at a step; not those who are to clean up after it."""
    return {name: value for name, value in os.environ.items() if name != CRASH_VARIABLE}
