"""Ending right after a step, for tests that look at what is left then."""

import os
from enum import StrEnum

CRASH_VARIABLE = "OVNEST_CRASH_AFTER"
CRASH_STATUS = 99


def maybe_crash(step: StrEnum) -> None:
    """End the process here, without tidying up, if `OVNEST_CRASH_AFTER` names the step."""
    if os.environ.get(CRASH_VARIABLE) == step:
        os._exit(CRASH_STATUS)
