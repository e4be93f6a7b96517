"""Docker as Debian ships it, in a VM's network namespace, with all its files in the VM's directory."""

import json
import select
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ovnest.agent.client.http import Connection, Endpoint, Request
from ovnest.sandbox.process import attempt, run, surroundings
from ovnest.sandbox.until import patience, until
from ovnest.sandbox.vm import Vm
from tests.dataplane.agent.site import VmAgent

PROGRAM = "/usr/bin/docker"  # Debian's, which goes with Debian's daemon; others may stand before it in PATH
PLUGINS = Path("/run/docker")
BUSYBOX = Path("/bin/busybox")
COMPOSE = "/usr/bin/docker-compose"
APPLETS = ("sh", "ping", "ping6", "sleep", "ip", "cat", "ls", "nc")
IMAGE = "busybox:test"
START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 20.0


class Dockerd:
    """A daemon, and containers in it.

    Docker looks for plugins in one directory a machine: a mount namespace gives each VM one of its own. It
    is the agent's, too, which must see the network namespaces that Docker mounts.
    """

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.directory = vm.directory / "dk"
        self.plugin = self.directory / "run" / "plugins" / "ovnest.sock"
        self.address = f"unix://{self.directory}/docker.sock"
        self._log = self.directory / "log"
        self._mounts: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the mount namespace, in which the agent is to be started, too."""
        self.plugin.parent.mkdir(parents=True)
        PLUGINS.mkdir(exist_ok=True)
        script = f"mount --bind {self.directory}/run {PLUGINS}; echo ready; exec sleep infinity"
        self._mounts = subprocess.Popen(
            self.vm.namespace.inside("unshare", "-m", "--propagation", "private", "sh", "-ec", script),
            stdout=subprocess.PIPE,
            env=self._environment(),
        )
        assert self._mounts.stdout is not None
        ready, _, _ = select.select([self._mounts.stdout], [], [], START_TIMEOUT_S * patience())
        assert ready, "the mount namespace was not made"
        assert self._mounts.stdout.readline() == b"ready\n", "the mount namespace could not be made"

    def inside(self, *argv: str) -> tuple[str, ...]:
        """The command line that runs `argv` where Docker runs."""
        assert self._mounts is not None
        return (
            *("nsenter", f"--net={self.vm.namespace.path}", f"--mount=/proc/{self._mounts.pid}/ns/mnt"),
            *("--", *argv),
        )

    async def start(self) -> None:
        """Start it; it answers when this returns."""
        files = self.directory
        argv = (
            *("dockerd", "-H", self.address, "--data-root", str(files / "data")),
            *("--exec-root", str(files / "exec"), "--pidfile", str(files / "dockerd.pid")),
            *("--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"),
        )
        self._process = self._begun(argv)

        async def answers() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.said()
            status, _, _ = await self.attempt("version")
            return status == 0

        await until("Docker answers", answers, timeout_s=START_TIMEOUT_S)

    def _begun(self, argv: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as output:
            return subprocess.Popen(self.inside(*argv), stdout=output, stderr=output, env=self._environment())

    async def load(self) -> None:
        """Have the image: busybox, and nothing else."""
        root = self.directory / "rootfs"
        (root / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, root / "bin" / "busybox")
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        archive = self.directory / "image.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(root, arcname=".")
        await self.docker("import", str(archive), IMAGE)

    async def docker(self, *arguments: str) -> str:
        """What `docker …` printed."""
        status, said, complaint = await self.attempt(*arguments)
        assert status == 0, f"docker {' '.join(arguments)}: {complaint}\n{self.said()}"
        return said.strip()

    async def compose(self, file: dict[str, Any], *arguments: str) -> None:
        """`docker-compose …` with that file, which is YAML; JSON is."""
        path = self.directory / "compose.yaml"
        path.write_text(json.dumps(file))
        await run(COMPOSE, "-H", self.address, "-f", str(path), *arguments)

    async def refuses(self, *arguments: str) -> str:
        """What `docker …` complained of, which must fail."""
        status, said, complaint = await self.attempt(*arguments)
        assert status != 0, f"docker {' '.join(arguments)} did not fail: {said}"
        return complaint

    async def join(self, name: str, network: str, *options: str) -> None:
        """A network of Docker's that stands for one of ours."""
        await self.docker(
            *("network", "create", "-d", "ovnest", "--ipam-driver", "ovnest"),
            *("--ipam-opt", f"network={network}", "-o", f"network={network}", *options, name),
        )

    async def run(self, name: str, *options: str) -> dict[str, Any]:
        """A container that does nothing, by `docker run`; its networks by their names in Docker."""
        # A container's first process does not hear of SIGTERM unless it asks for it.
        detached = ("run", "--detach", "--stop-signal", "KILL")
        await self.docker(*detached, "--name", name, *options, IMAGE, "sleep", "1000")
        return await self.networks(name)

    async def networks(self, name: str) -> dict[str, Any]:
        """What Docker says of a container's networks."""
        (shown,) = json.loads(await self.docker("inspect", name))
        networks: dict[str, Any] = shown["NetworkSettings"]["Networks"]
        return networks

    async def runs(self, name: str) -> bool:
        """Whether a container runs."""
        (shown,) = json.loads(await self.docker("inspect", name))
        running: bool = shown["State"]["Running"]
        return running

    async def pings(self, name: str, address: str) -> None:
        """Return as soon as `address` answers to a container; the first packet to a chassis is lost."""

        async def answered() -> bool:
            status, _, _ = await self.attempt("exec", name, "ping", "-c", "1", "-W", "1", address)
            return status == 0

        await until(f"container {name} gets an answer from {address}", answered)

    async def devices(self, name: str) -> set[str]:
        """What a container has beside its loopback."""
        return set((await self.docker("exec", name, "ls", "/sys/class/net")).split()) - {"lo"}

    def stop(self) -> None:
        """End it, and with it its containers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            status = self._process.wait(END_TIMEOUT_S * patience())
            assert status == 0, f"Docker ended with {status}: {self.said()}"
            self._process = None

    def kill(self) -> None:
        """End it at once; its containers go on, until it is started again."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(END_TIMEOUT_S)
        self._process = None
        # Its containerd has ended with it; where PID 1 is slow to see that, Docker would wait for it.
        (self.directory / "exec" / "containerd" / "containerd.pid").unlink()

    async def call(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """What the plugin answers to a call that Docker might send."""
        connection = await Connection.open(Endpoint(path=str(self.plugin)))
        try:
            await connection.send(
                Request(method="POST", target=f"/{name}", body=json.dumps(request).encode())
            )
            answer: dict[str, Any] = json.loads((await connection.receive()).body)
        finally:
            connection.close()
        assert "Err" not in answer, answer
        return answer

    def close(self) -> None:
        """End everything."""
        try:
            self.stop()
        finally:
            if self._process is not None:
                self._process.kill()
                self._process.wait(END_TIMEOUT_S)
            if self._mounts is not None:
                self._mounts.kill()
                self._mounts.wait(END_TIMEOUT_S)
                assert self._mounts.stdout is not None
                self._mounts.stdout.close()

    def said(self) -> str:
        """The end of what it logged."""
        return self._log.read_text(errors="replace")[-3000:]

    async def attempt(self, *arguments: str) -> tuple[int, str, str]:
        """The status of `docker …`, what it printed, and what it complained of."""
        return await attempt(PROGRAM, "-H", self.address, *arguments)

    def _environment(self) -> dict[str, str]:
        return surroundings(self.vm.environment())


Running = Callable[..., Awaitable[tuple[VmAgent, Dockerd]]]
"""Gives a VM an agent for some networks, and a Docker with an image."""
