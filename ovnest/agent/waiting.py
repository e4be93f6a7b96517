"""Waiting with a bound."""

import asyncio


async def heard(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for the event, at most for that time; whether it came."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
