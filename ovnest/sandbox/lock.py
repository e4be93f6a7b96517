"""A file lock that the kernel gives back however its holder ends.

A child that has been forked but does not yet run its program holds the lock with its parent: who gets the
lock after a `kill -9` therefore finds every process that was being started.
"""

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ovnest.sandbox.until import until


@asynccontextmanager
async def held(
    path: Path, what: str, *, timeout_s: float, shared: bool = False, make_parents: bool = False
) -> AsyncIterator[None]:
    """Hold the lock on `path`, alone or with others that share it; the file is made if it is not there.

    Raises:
        NeverHappened: others held it all the time; `what` says what was waited for.
        FileNotFoundError: the directory of `path` is not there (any more), and was not to be made.
    """
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    fd = -1

    async def take() -> bool:
        nonlocal fd
        if make_parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, kind)
            # Who held it before may have removed the file (and the directory): then this lock keeps nobody
            # out.
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                return True
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(fd)
        fd = -1
        return False

    await until(what, take, timeout_s=timeout_s)
    try:
        yield
    finally:
        os.close(fd)
