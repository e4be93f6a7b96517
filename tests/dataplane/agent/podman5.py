"""Podman with netavark, as Debian 13 ships them, in a VM's namespace on whatever Debian this machine has.

They are in a tree of their own, of which only /usr and /etc are seen: in a mount namespace that all of
Podman's processes share, since Podman keeps its containers' network namespaces as mounts.
"""

import json
import os
import select
import signal
import subprocess
from pathlib import Path
from typing import Any

from ovnest.sandbox import debian
from ovnest.sandbox.process import attempt
from ovnest.sandbox.until import patience, until
from tests.dataplane.agent.runtimes import IMAGE, Podman
from tests.dataplane.agent.site import VmAgent

SUITE = "trixie"
PACKAGES = ("podman", "netavark", "runc", "nftables", "python3")
NOBODY = 65534
READY_TIMEOUT_S = 20.0
END_TIMEOUT_S = 10.0


async def podman_tree() -> Path:
    """The tree, made if it is not there yet."""
    return await debian.ensure(
        "podman-5", "a Debian tree with Podman 5", lambda tree: debian.bootstrap(SUITE, PACKAGES, tree)
    )


class Podman5(Podman):
    """Podman with its netavark backend, and the agent's plugin for that."""

    def __init__(self, agent: VmAgent, tree: Path) -> None:
        super().__init__(agent)
        self._configuration.write_text(
            f"""
            [containers]
            default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
            default_capabilities = ["KILL", "NET_BIND_SERVICE", "NET_RAW"]
            [network]
            network_backend = "netavark"
            netavark_plugin_dirs = ["{self.plugins}"]
            network_config_dir = "{self.networks}"
            """
        )
        self._mounts = self._mounted(tree)

    def _mounted(self, tree: Path) -> "subprocess.Popen[bytes]":
        """A process in a mount namespace with the tree's programs."""
        script = 'mount --bind "$0/usr" /usr; mount --bind "$0/etc" /etc; echo ready; exec sleep infinity'
        process = subprocess.Popen(
            self.vm.namespace.inside(
                *("unshare", "-m", "--propagation", "private", "sh", "-ec", script, str(tree))
            ),
            stdout=subprocess.PIPE,
            env=self.environment(),
        )
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], READY_TIMEOUT_S * patience())
        said = process.stdout.readline() if ready else b""
        assert said == b"ready\n", f"the mount namespace was not made: {said!r}"
        return process

    def inside(self, *argv: str) -> tuple[str, ...]:
        mounts = f"--mount=/proc/{self._mounts.pid}/ns/mnt"
        return ("nsenter", f"--net={self.vm.namespace.path}", mounts, "--", *argv)

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(PODMAN_IGNORE_CGROUPSV1_WARNING="1", **more)

    def join(self, name: str, network: str, *options: str) -> None:
        """Have a network of Podman's that stands for one of ours."""
        self.podman("network", "create", "-d", "ovnest", "-o", f"network={network}", *options, name)

    async def attempt(self, *arguments: str) -> tuple[int, str, str]:
        """The status of `podman …`, what it printed, and what it complained of."""
        environment = self.environment(CONTAINERS_CONF=str(self._configuration))
        argv = self.inside("podman", *self.options(), *arguments)
        return await attempt(*argv, env=environment)

    async def refuses(self, *arguments: str) -> str:
        """What `podman …` complained of, which must fail."""
        status, said, complaint = await self.attempt(*arguments)
        assert status != 0, f"podman {' '.join(arguments)} did not fail: {said}"
        return complaint

    async def rootless(self, *arguments: str) -> str:
        """What `podman …` complained of as a user who is nobody in particular, which must fail."""
        home = self.directory / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        configuration = home / "containers.conf"
        configuration.write_text(f'[network]\nnetavark_plugin_dirs = ["{self.plugins}"]\n')
        user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        places = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
        environment = self.environment(CONTAINERS_CONF=str(configuration), **places)
        flags = ("--cgroup-manager=cgroupfs", "--events-backend=file", "--storage-driver=vfs")
        try:
            status, said, complaint = await attempt(
                *self.inside(*user, "podman", *flags, *arguments), env=environment
            )
            assert status != 0, said
            return complaint
        finally:
            # What keeps the user's namespaces for his next call.
            os.kill(int((home / "libpod" / "tmp" / "pause.pid").read_text()), signal.SIGKILL)

    async def pings(self, name: str, address: str) -> None:
        """Return as soon as `address` answers to a container; the first packet to a chassis is lost."""

        async def answered() -> bool:
            status, _, _ = await self.attempt("exec", name, "ping", "-c", "1", "-W", "1", address)
            return status == 0

        await until(f"container {name} gets an answer from {address}", answered)

    def begin(self, name: str, *options: str) -> dict[str, Any]:
        """A container that does nothing; its networks by their names in Podman."""
        # A container's first process does not hear of SIGTERM unless it asks for it.
        detached = ("run", "--detach", "--stop-signal", "KILL", "--name", name)
        self.podman(*detached, *options, IMAGE, "sleep", "1000")
        return self.of(name)

    def of(self, name: str) -> dict[str, Any]:
        """What Podman says of a container's networks."""
        (shown,) = json.loads(self.podman("inspect", name))
        networks: dict[str, Any] = shown["NetworkSettings"]["Networks"]
        return networks

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._mounts.kill()
            self._mounts.wait(END_TIMEOUT_S)
            assert self._mounts.stdout is not None
            self._mounts.stdout.close()
