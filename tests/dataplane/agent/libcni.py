"""A runtime's calls as Debian's libcni makes them: the Go program tests/libcni, built from Debian's packages.

Only testing (forky) has a libcni that knows GC and STATUS. The tree with it and Go is taken away again when
the program is built, which needs nothing of it.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from ovnest.agent.setup.plan import write_shim
from ovnest.sandbox import debian
from ovnest.sandbox.process import attempt, run
from ovnest.sandbox.until import patience
from tests.dataplane.agent.site import Guest, VmAgent
from tests.dataplane.api.networking import VirtualNetwork

SOURCE = Path(__file__).parents[2] / "libcni" / "main.go"
SUITE = "forky"
PACKAGES = ("golang-go", "golang-github-appc-cni-dev")
# Testing's lists are good for a week only; a mirror may stand still for longer. They are signed all the same.
OPTIONS = ('--aptopt=Acquire::Check-Valid-Until "false"',)
BUILD_TIMEOUT_S = 300.0


async def libcni_program() -> Path:
    """The program, made if it is not there yet."""
    key = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    return await debian.ensure(f"libcni-{key}", "the program that uses libcni", _build) / "libcni"


async def _build(directory: Path) -> None:
    tree, built = directory / "tree", directory / "cache"
    directory.mkdir()  # noqa: ASYNC240  an instant
    await debian.bootstrap(SUITE, PACKAGES, tree, variant="extract", options=OPTIONS)
    root = next((tree / "usr/lib").glob("go-*"))
    go = {"GOROOT": str(root), "GOPATH": str(tree / "usr/share/gocode"), "GOCACHE": str(built)}
    alone = {"GO111MODULE": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    await run(
        *(str(root / "bin" / "go"), "build", "-trimpath", "-ldflags=-s -w"),
        *("-o", str(directory / "libcni"), str(SOURCE)),
        env={**go, **alone},
        timeout_s=BUILD_TIMEOUT_S * patience(),
    )
    for part in (tree, built):
        shutil.rmtree(part)


class Libcni:
    """libcni in a VM, with one network of each name, and what it remembers of attachments."""

    def __init__(self, agent: VmAgent, program: Path) -> None:
        self._agent = agent
        self._program = program
        self.directory = agent.vm.directory / "libcni"
        write_shim(self.directory / "bin" / "ovnest", agent.socket)

    def network(self, name: str, network: VirtualNetwork, **more: Any) -> None:
        """Have a network of that name."""
        plugin = {"type": "ovnest", "network": network.id, "capabilities": {"ips": True, "mac": True}}
        content = {"cniVersion": "1.1.0", "name": name, "plugins": [plugin], **more}
        (self.directory / f"{name}.conflist").write_text(json.dumps(content))

    async def call(self, command: str, name: str, *options: str) -> tuple[int, Any]:
        """The program's status, and what it said: a result, or an error with CNI's code."""
        files = {"conf": f"{name}.conflist", "bin": "bin", "cache": "cache"}
        places = (f"-{option}={self.directory / file}" for option, file in files.items())
        argv = self._agent.vm.namespace.inside(str(self._program), command, *places, *options)
        status, output, complaint = await attempt(*argv, env=dict(os.environ))
        assert not complaint, complaint
        return status, json.loads(output)

    async def of(self, guest: Guest, command: str, name: str = "blue", *options: str) -> tuple[int, Any]:
        """A call for a container: `add`, `check`, `del`, `cached`."""
        return await self.call(command, name, f"-id={guest.short}", f"-netns={guest.path}", *options)
