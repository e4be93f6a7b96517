"""Which OVN to run: this machine's own, or that of another Debian, kept in a directory.

The other Debian is a small tree made by mmdebstrap from the mirror that this machine's apt uses. A program of
it runs in a mount namespace of its own, in which only /usr and /etc are the tree's: it sees the same /run,
/dev and /proc as everybody, so every path means the same on both sides, and as the mounts live and die with
the program, none is ever left behind.
"""

import re
import shutil
from pathlib import Path

from msgspec import Struct

from ovnest.sandbox import debian
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.process import run

HOST_NAME = "host"
SUITES = {"25.03": "trixie"}
PACKAGES = ("openvswitch-switch", "ovn-central", "ovn-host")

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


async def ensure_tree(name: str) -> Path:
    """The tree with OVN `name`, made if it is not there yet: whole or not at all."""
    return await debian.ensure(
        f"ovn-{name}",
        f"a Debian tree with OVN {name}",
        lambda tree: debian.bootstrap(SUITES[name], PACKAGES, tree),
    )
