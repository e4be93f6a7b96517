"""Where the nodes of a sandbox are."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from msgspec import Struct

from ovnest.sandbox.lock import held
from ovnest.sandbox.release import Release

LOCK = "lock"
LOCK_TIMEOUT_S = 60.0


class Place(Struct, frozen=True, kw_only=True):
    """The sandbox's directory and name, and the release that its programs are of."""

    directory: Path
    sandbox: str
    release: Release

    def shared(self) -> AbstractAsyncContextManager[None]:
        """For those who add a node: nobody takes the sandbox away meanwhile."""
        what = f"nobody puts up or takes down sandbox {self.sandbox}"
        return held(self.directory / LOCK, what, shared=True, timeout_s=LOCK_TIMEOUT_S)
