"""What can go wrong in a sandbox, said so that a person knows what to do next."""

from collections.abc import Sequence


class SandboxError(Exception):
    """A sandbox cannot do what was asked; the message says why and what would help."""


class CommandFailed(SandboxError):
    """A program ended with a status other than 0, or did not end in time (then `status` is None)."""

    def __init__(self, argv: Sequence[str], status: int | None, output: str) -> None:
        self.argv = tuple(argv)
        self.status = status
        self.output = output.strip()
        ended = "did not end in time" if status is None else f"ended with status {status}"
        super().__init__(f"`{' '.join(argv)}` {ended}: {self.output or 'it said nothing'}")


class NeverHappened(SandboxError):
    """A condition was waited for, and its time is over."""

    def __init__(self, what: str, waited_s: float, last_seen: object) -> None:
        self.last_seen = last_seen
        super().__init__(f"waited {waited_s:.1f} s until {what}; last seen: {last_seen!r}")
