"""Which OVN to run: this machine's own, or that of another Debian, kept in a directory.

The other Debian is a small tree made by mmdebstrap from the mirror that this machine's apt uses. A program of
it runs in a mount namespace of its own, in which only /usr and /etc are the tree's: it sees the same /run,
/dev and /proc as everybody, so every path means the same on both sides, and as the mounts live and die with
the program, none is ever left behind.
"""

import os
import re
import shutil
from pathlib import Path

from msgspec import Struct

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.lock import held
from ovnest.sandbox.process import run

HOST_NAME = "host"
SUITES = {"25.03": "trixie"}
PACKAGES = ("openvswitch-switch", "ovn-central", "ovn-host")
DEFAULT_CACHE = "/var/cache/ovnest"
BUILD_TIMEOUT_S = 600.0

ENTER_TREE = 'mount --bind "$0/usr" /usr && mount --bind "$0/etc" /etc && exec "$@"'


class Release(Struct, frozen=True):
    """An OVN and the Open vSwitch that belongs to it; `tree` is None for this machine's own."""

    name: str
    tree: Path | None = None

    @property
    def vswitch_schema(self) -> str:
        return "/usr/share/openvswitch/vswitch.ovsschema"

    @property
    def northbound_schema(self) -> str:
        return "/usr/share/ovn/ovn-nb.ovsschema"

    @property
    def southbound_schema(self) -> str:
        return "/usr/share/ovn/ovn-sb.ovsschema"

    def argv(self, *command: str) -> tuple[str, ...]:
        """The command line that runs `command` of this release."""
        if self.tree is None:
            return command
        return ("unshare", "--mount", "sh", "-c", ENTER_TREE, str(self.tree), *command)


HOST = Release(HOST_NAME)


async def find_release(name: str) -> Release:
    """The release called `name`: "host", the host's own version, or one whose tree is made if need be.

    Raises:
        SandboxError: there is no such release, or it cannot be built here.
    """
    if name == HOST_NAME or (shutil.which("ovn-nbctl") and (await ovn_version(HOST)).startswith(name)):
        return HOST
    if name not in SUITES:
        raise SandboxError(f"no OVN {name} here; there are: {', '.join((HOST_NAME, *SUITES))}")
    return Release(name, await ensure_tree(name))


async def ovn_version(release: Release) -> str:
    """Such as "23.03.1"."""
    said = await run(*release.argv("ovn-nbctl", "--version"))
    found = re.search(r"ovn-nbctl (\S+)", said)
    if found is None:
        raise SandboxError(f"ovn-nbctl does not tell its version: {said!r}")
    return found[1]


def cache() -> Path:
    """Where trees are kept: OVNEST_CACHE."""
    return Path(os.environ.get("OVNEST_CACHE", DEFAULT_CACHE))


async def ensure_tree(name: str) -> Path:
    """The tree with OVN `name`, made if it is not there yet: whole or not at all."""
    tree = cache() / f"ovn-{name}"
    if tree.is_dir():
        return tree
    if os.geteuid() != 0:
        raise SandboxError(f"making a Debian tree with OVN {name} needs root")
    if shutil.which("mmdebstrap") is None:
        raise SandboxError(
            f"making a Debian tree with OVN {name} needs mmdebstrap: apt-get install mmdebstrap"
        )
    cache().mkdir(parents=True, exist_ok=True)
    async with held(cache() / "lock", "another process has made the tree", timeout_s=BUILD_TIMEOUT_S):
        if not tree.is_dir():
            await _build(SUITES[name], tree)
    return tree


async def _build(suite: str, tree: Path) -> None:
    unfinished = tree.with_name(f".{tree.name}.unfinished")
    if unfinished.exists():  # mmdebstrap mounts in a namespace of its own: nothing is mounted here
        shutil.rmtree(unfinished)
    await run(
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        "--aptopt=APT::Install-Recommends false",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        suite,
        str(unfinished),
        await _mirror(),
        timeout_s=BUILD_TIMEOUT_S,
    )
    unfinished.rename(tree)


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
