"""Files that change as one, and can be put back."""

from pathlib import Path

from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.errors import NotSetUp

MODE = 0o644


class Change(Struct, frozen=True, kw_only=True):
    """What a file is and will be; None: it is not there."""

    path: str
    before: str | None
    after: str | None

    @property
    def what(self) -> str:
        return f"{'write' if self.before is None else 'change'} {self.path}"


def apply(change: Change) -> None:
    """Let the file be as it will be."""
    write(Path(change.path), change.after)


def revert(change: Change) -> None:
    """Let the file be as it was; may be done twice, and before it was changed."""
    if _text(Path(change.path)) == change.after:
        write(Path(change.path), change.before)


def check_revertible(change: Change) -> None:
    """Return if putting the file back would lose nothing of anybody's.

    Raises:
        NotSetUp: it is neither as we have left it, nor as it was.
    """
    now = _text(Path(change.path))
    if now not in (change.before, change.after, None):
        raise NotSetUp(
            f"{change.path} was changed since; let it be as it was written, or as it was before (the record "
            f"of the take-over has both), or remove it, and what is yours can be put back afterwards"
        )


def write(path: Path, text: str | None) -> None:
    """Replace a file in one step, with the rights it has, or take it away; it is on the disk then."""
    if text is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.stat() if path.exists() else None
    durable.write(
        path,
        text.encode(errors="surrogateescape"),
        MODE if known is None else known.st_mode & 0o7777,
        None if known is None else (known.st_uid, known.st_gid),
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
