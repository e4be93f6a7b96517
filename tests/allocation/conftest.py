"""Counting what a call does, instead of timing it."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

LinesRun = Callable[[Callable[[], Any]], int]


@pytest.fixture
def lines_run() -> LinesRun:
    """How many lines of the package a call executes."""
    return _lines_run


def _lines_run(call: Callable[[], Any]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        if "/ovnest/" not in frame.f_code.co_filename:
            return None
        if event == "line":
            count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
