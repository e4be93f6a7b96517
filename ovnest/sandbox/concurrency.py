"""Doing several steps at once."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def at_once(steps: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Run the steps concurrently; when one fails the others are given up, and its error alone is raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for step in steps:
                tasks.create_task(step)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
