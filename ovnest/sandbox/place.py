"""Where the nodes of a sandbox are."""

from pathlib import Path

from msgspec import Struct

from ovnest.sandbox.release import Release


class Place(Struct, frozen=True, kw_only=True):
    """The sandbox's directory and name, and the release that its programs are of."""

    directory: Path
    sandbox: str
    release: Release
