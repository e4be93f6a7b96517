"""Naming several things in a message without making it long."""

from collections.abc import Iterable

SHOWN = 10


def some(names: Iterable[str]) -> str:
    """The names in order, at most ten of them, and how many more there are."""
    listed = sorted(names)
    more = len(listed) - SHOWN
    return ", ".join(listed[:SHOWN]) + (f" and {more} more" if more > 0 else "")
