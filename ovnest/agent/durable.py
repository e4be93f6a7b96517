"""Files that are whole or not there at all, even if the machine stops right now."""

import os
from pathlib import Path


def write(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Replace a file in one step, and return when it is on the disk.

    Nobody whom `mode` keeps out could read it at any time. `owner`: user and group; None leaves ours.

    Raises:
        OSError: it cannot be written.
    """
    # A name that those who read whole directories pass over, and the same each time: nothing piles up.
    unfinished = path.with_name(f".{path.name}")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode & 0o600)
    with os.fdopen(fd, "wb") as file:
        if owner is not None:
            os.fchown(fd, *owner)
        os.fchmod(fd, mode)
        file.write(content)
        file.flush()
        os.fsync(fd)
    unfinished.rename(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Have a rename in it survive a loss of power."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
