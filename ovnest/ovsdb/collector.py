"""Python's cyclic collector and a large first load.

Loading makes a million objects, none of them garbage; with the collector on it takes four times as long,
and ever after each full collection would walk through them all.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the collector off for a while."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the collector off, then let it leave alone for ever what was made meanwhile."""
    with collector_paused():
        yield
        gc.freeze()
