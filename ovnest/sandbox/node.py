"""A machine of the sandbox: a network namespace, a directory, and what runs in them."""

import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from ovnest.sandbox import namespace
from ovnest.sandbox.namespace import Namespace
from ovnest.sandbox.place import Place
from ovnest.sandbox.process import Daemon, Mark, end, environment, run
from ovnest.sandbox.shortcuts import BIN, write_script

RECORD = "node.json"


class Nic(Struct, frozen=True, kw_only=True):
    """What a VM or a container needs to know of its port: the fields that the Networking API answers.

    `addresses` have their prefix length ("192.0.2.10/24"); without any, `dhcp()` or router advertisements
    bring them.
    """

    mac: str
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    mtu: int = 1400


class Node:
    """A network namespace `<sandbox>.<name>` with a directory of the same name in the sandbox's."""

    kind = "node"

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.name = name
        self.directory = place.directory / name
        self.namespace = Namespace(f"{place.sandbox}.{name}")
        self.release = place.release

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, without prefix length; none if it has none, or got none yet."""
        return ()

    @property
    def daemons(self) -> tuple[Daemon, ...]:
        """What runs in the node for as long as it is there."""
        return ()

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    async def create(self) -> None:
        """Make the directory and the namespace."""
        self.directory.mkdir()
        await namespace.create(self.namespace)
        await namespace.prepare(self.namespace)
        self.write_shortcut()

    async def destroy(self) -> None:
        """End what runs here, and take the namespace and the directory away."""
        end(self.place.directory, self.name)
        if self.namespace.path.exists():
            await namespace.delete([self.namespace.name])
        self._shortcut.unlink(missing_ok=True)
        if self.directory.exists():
            shutil.rmtree(self.directory)

    async def run(self, *argv: str, stdin: str = "") -> str:
        """What a program printed that ran in the node's namespace. Raises CommandFailed."""
        return await self.namespace.run(*argv, env=self.environment(), stdin=stdin)

    async def tool(self, *argv: str) -> str:
        """What a program of the node's Open vSwitch or OVN printed; it speaks by sockets alone."""
        return await run(*self.release.argv(*argv), env=self.environment())

    async def start(self, daemon: Daemon) -> None:
        """Start a daemon in the node; it is ready when this returns."""
        argv = self.namespace.inside(*self.release.argv(*daemon.arguments(), "--detach"))
        await run(*argv, env=self.environment())

    def environment(self) -> dict[str, str]:
        return environment(self.directory, Mark(self.place.directory, self.name))

    @property
    def _shortcut(self) -> Path:
        return self.place.directory / BIN / self.name

    def write_shortcut(self) -> None:
        """A command of the node's name, that runs its arguments in the node."""
        write_script(self._shortcut, self.namespace.inside(), self.environment())

    def record(self, facts: Struct) -> None:
        """Keep what another process needs to find this node; its presence says that the node is whole."""
        write_whole(self.directory / RECORD, msgspec.json.encode(facts))


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step: who reads it sees the old one or the new one."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_bytes(content)
    unfinished.rename(path)
