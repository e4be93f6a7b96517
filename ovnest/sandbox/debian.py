"""Trees of Debian's packages, made by mmdebstrap from where this machine's own apt gets them, and kept."""

import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.lock import held
from ovnest.sandbox.process import run

DEFAULT_CACHE = "/var/cache/ovnest"
BUILD_TIMEOUT_S = 600.0


def cache() -> Path:
    """Where what is made once is kept: OVNEST_CACHE."""
    return Path(os.environ.get("OVNEST_CACHE", DEFAULT_CACHE))


async def ensure(name: str, what: str, build: Callable[[Path], Awaitable[None]]) -> Path:
    """The directory `name` of the cache, made by `build` if it is not there yet: whole or not at all.

    Raises:
        SandboxError: we may not make it, or something that is needed is not there; `what` says what it is.
    """
    path = cache() / name
    if path.is_dir():
        return path
    if os.geteuid() != 0:
        raise SandboxError(f"making {what} needs root")
    if shutil.which("mmdebstrap") is None:
        raise SandboxError(f"making {what} needs mmdebstrap: apt-get install mmdebstrap")
    cache().mkdir(parents=True, exist_ok=True)
    async with held(cache() / "lock", f"another process has made {what}", timeout_s=BUILD_TIMEOUT_S):
        if not path.is_dir():
            unfinished = path.with_name(f".{path.name}.unfinished")
            if unfinished.exists():  # mmdebstrap mounts in a namespace of its own: nothing is mounted here
                shutil.rmtree(unfinished)
            await build(unfinished)
            unfinished.rename(path)
    return path


async def bootstrap(
    suite: str, packages: Sequence[str], tree: Path, *, variant: str = "minbase", options: Sequence[str] = ()
) -> None:
    """Make a tree of Debian's release `suite` with these packages, without their documentation.

    `variant` is mmdebstrap's, and so are more `options`.
    """
    await run(
        "mmdebstrap",
        "--quiet",
        f"--variant={variant}",
        f"--include={','.join(packages)}",
        "--aptopt=APT::Install-Recommends false",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        *options,
        suite,
        str(tree),
        await _mirror(),
        timeout_s=BUILD_TIMEOUT_S,
    )


async def _mirror() -> str:
    """The mirror that this machine's apt takes its own Debian from."""
    codename = _codename()
    listed = await run(
        "apt-get",
        "indextargets",
        "--format",
        "$(CODENAME) $(COMPONENT) $(REPO_URI)",
        "Created-By: Packages",
    )
    for line in listed.splitlines():
        suite, component, uri = line.split(maxsplit=2)
        if (suite, component) == (codename, "main"):
            return uri
    raise SandboxError(f"apt on this machine has no source for {codename} main; is this Debian?")


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return value.strip('"')
    raise SandboxError("/etc/os-release has no VERSION_CODENAME; is this Debian?")
