"""Files that change as one, and can be put back."""

from pathlib import Path

from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.errors import NotSetUp


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
    durable.rewrite(Path(change.path), change.after)


def revert(change: Change) -> None:
    """Let the file be as it was; may be done twice, and before it was changed."""
    if _text(Path(change.path)) == change.after:
        durable.rewrite(Path(change.path), change.before)


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


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
