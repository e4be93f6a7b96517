"""Files that are whole or not there at all, even if the machine stops right now."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

OWNER_ALONE = 0o600
EVERYBODY_READS = 0o644
DIRECTORY_OF_OWNER = 0o700


def write(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Replace a file in one step, and return when it is on the disk.

    Nobody whom `mode` keeps out could read it at any time. `owner`: user and group; None leaves ours.

    Raises:
        OSError: it cannot be written.
    """
    with being_written(path, mode, owner) as fd, os.fdopen(fd, "wb", closefd=False) as file:
        file.write(content)


@contextmanager
def being_written(path: Path, mode: int, owner: tuple[int, int] | None = None) -> Iterator[int]:
    """Like `write`, by whoever writes into that file descriptor; left as it was if that fails."""
    # A name that those who read whole directories pass over, and the same each time: nothing piles up.
    unfinished = path.with_name(f".{path.name}")
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode & OWNER_ALONE)
    try:
        if owner is not None:
            os.fchown(fd, *owner)
        os.fchmod(fd, mode)
        yield fd
        os.fsync(fd)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    finally:
        os.close(fd)
    unfinished.rename(path)
    sync_directory(path.parent)


def rewrite(path: Path, text: str | None) -> None:
    """Replace a file as `write` does, with the rights and the owner it has; None takes it away."""
    if text is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode(errors="surrogateescape")
    if not path.exists():
        write(path, content, EVERYBODY_READS)
        return
    known = path.stat()
    write(path, content, known.st_mode & 0o7777, (known.st_uid, known.st_gid))


def keep(directory: Path, name: str, content: Struct) -> None:
    """Write a Struct into a file that its owner alone may read, in a directory of his own."""
    directory.mkdir(mode=DIRECTORY_OF_OWNER, parents=True, exist_ok=True)
    write(directory / name, msgspec.json.encode(content), OWNER_ALONE)


def replace(path: Path, content: str) -> None:
    """Replace a file in one step, which the machine's end may undo: nobody waits for the disk."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(content)
    unfinished.rename(path)


def sync_directory(directory: Path) -> None:
    """Have a rename in it survive a loss of power."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
