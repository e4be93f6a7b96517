"""Container runtimes as Debian ships them, in a VM's namespace, with all their files in its directory."""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from ovnest.agent.setup.plan import write_shim
from ovnest.sandbox.process import surroundings
from ovnest.sandbox.until import patience, until
from tests.dataplane.agent.site import VmAgent

BUSYBOX = "/bin/busybox"
APPLETS = ("sh", "ping", "sleep", "ip", "cat", "nc", "true")
IMAGE = "localhost/busybox:test"
START_TIMEOUT_S = 20.0
RUN_TIMEOUT_S = 60.0
END_TIMEOUT_S = 20.0


def root_file_system(directory: Path) -> Path:
    """A directory that a container can have as its root: busybox, and nothing else."""
    root = directory / "rootfs"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(BUSYBOX, root / "bin" / "busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    return root


class Runtime:
    """What the runtimes have in common. The agent's CNI plugin is set up for them."""

    def __init__(self, agent: VmAgent, name: str) -> None:
        self.vm = agent.vm
        self.directory = agent.vm.directory / name
        self.directory.mkdir()
        self.plugins = self.directory / "bin"
        self.networks = self.directory / "net.d"
        self.networks.mkdir()
        write_shim(self.plugins / "ovnest", agent.socket)
        self.root = root_file_system(self.directory)

    def network(self, name: str, network_id: str) -> None:
        """Let the runtime have a network of that name."""
        plugin = {"type": "ovnest", "network": network_id, "capabilities": {"ips": True, "mac": True}}
        content: dict[str, Any] = {"cniVersion": "0.4.0", "name": name, "plugins": [plugin]}
        (self.networks / f"{name}.conflist").write_text(json.dumps(content))

    def run(self, *argv: str, **environment: str) -> str:
        """What a program printed that ran in the VM, as the runtime's files need it."""
        done = subprocess.run(
            self.inside(*argv),
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S * patience(),
            env=self.environment(**environment),
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr or done.stdout}"
        return done.stdout

    def inside(self, *argv: str) -> tuple[str, ...]:
        return self.vm.namespace.inside(*argv)

    def environment(self, **more: str) -> dict[str, str]:
        return surroundings({**self.vm.environment(), **more})


class Podman(Runtime):
    """podman with its CNI backend."""

    def __init__(self, agent: VmAgent) -> None:
        super().__init__(agent, "podman")
        self._configuration = self.directory / "containers.conf"
        # The limits: without CAP_SYS_RESOURCE podman's own defaults cannot be set.
        self._configuration.write_text(
            f"""
            [containers]
            default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
            [network]
            network_backend = "cni"
            cni_plugin_dirs = ["{self.plugins}"]
            network_config_dir = "{self.networks}"
            """
        )

    def options(self) -> tuple[str, ...]:
        """What each call of `podman` is to know."""
        files = self.directory
        return (
            *("--root", str(files / "root"), "--runroot", str(files / "run"), "--tmpdir", str(files / "tmp")),
            *("--cgroup-manager=cgroupfs", "--events-backend=file", "--storage-driver=vfs"),
            *("--runtime", "runc"),
        )

    def podman(self, *arguments: str) -> str:
        """What `podman …` printed."""
        return self.run("podman", *self.options(), *arguments, CONTAINERS_CONF=str(self._configuration))

    def load(self) -> None:
        """Have the image."""
        archive = self.directory / "image.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(self.root, arcname=".")
        self.podman("import", str(archive), IMAGE)

    def close(self) -> None:
        self.podman("rm", "--all", "--force", "--time", "0")


class Containerd(Runtime):
    """containerd and its `ctr`, which finds CNI in fixed places: it gets mounts of its own for them."""

    def __init__(self, agent: VmAgent) -> None:
        super().__init__(agent, "ctr")
        self._socket = self.directory / "c.sock"
        self._log = self.directory / "containerd.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start containerd; it answers when this returns."""
        configuration = self.directory / "config.toml"
        configuration.write_text(
            f"""
            version = 2
            root = "{self.directory}/root"
            state = "{self.directory}/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [grpc]
            address = "{self._socket}"
            """
        )
        self._process = self._started(configuration)

        async def answers() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()[-2000:]
            return self._socket.exists()

        await until("containerd answers", answers, timeout_s=START_TIMEOUT_S)

    def _started(self, configuration: Path) -> "subprocess.Popen[bytes]":
        with self._log.open("wb") as output:
            return subprocess.Popen(
                self.inside("containerd", "--config", str(configuration)),
                stdout=output,
                stderr=output,
                env=self.environment(),
            )

    def ctr(self, *arguments: str) -> str:
        """What `ctr …` printed."""
        mounts = (
            "mount -t tmpfs none /opt",
            "mkdir -p /opt/cni/bin",
            f"mount --bind {self.plugins} /opt/cni/bin",
            "mkdir -p /etc/cni/net.d",
            f"mount --bind {self.networks} /etc/cni/net.d",
            f'exec ctr --address {self._socket} "$@"',
        )
        private = ("unshare", "-m", "--propagation", "private", "sh", "-ec", "\n".join(mounts), "ctr")
        return self.run(*private, *arguments)

    def run_once(self, name: str, *argv: str) -> str:
        """What a container printed that ran to its end, on the network that there is."""
        options = ("--rm", "--cni", "--env", "PATH=/bin", "--rootfs")
        return self.ctr("run", *options, str(self.root), name, *argv)

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(END_TIMEOUT_S * patience())
