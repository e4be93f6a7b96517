"""A VM whose only NIC has its addresses, and what is watched while it is taken over."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from ovnest.sandbox.endpoint import Endpoint
from ovnest.sandbox.errors import CommandFailed
from ovnest.sandbox.process import attempt
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import UPLINK, Vm

BRIDGE = "br-ovnest"
PING_INTERVAL_S = 0.02
END_TIMEOUT_S = 10.0
ECHO_PORT = 7007
SERVER = """
import socket
with socket.create_server(("", {port})) as door:
    connection = door.accept()[0]
    while data := connection.recv(4096):
        connection.sendall(data)
"""
CLIENT = """
import socket, sys
stream = socket.create_connection(("{address}", {port}), timeout=60)
print("connected", flush=True)
for line in sys.stdin:
    stream.sendall(line.encode())
    print(stream.recv(4096).decode(), end="", flush=True)
"""
# What time alone changes, or what tells one start of a device from another.
PASSING = ("valid_life_time", "preferred_life_time", "expires", "ifindex")
# What a machine has of its own that a test may change: a namespace of mounts hides the real ones.
PRIVATE = ("/run/network", "/run/systemd", "/var/lib/dhcp")
OVERLAY = "mount -t overlay overlay -o lowerdir=/etc,upperdir={files}/etc,workdir={files}/work /etc"


class OnlyNic:
    """The VM with its addresses on its NIC, no bridge, and a mount namespace with files of its own."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.state = vm.directory / "taking"
        self.log = self.state / "roll-back.log"
        self._holder: subprocess.Popen[bytes] | None = None

    @classmethod
    async def of(cls, vm: Vm, *, addresses: bool = True) -> "OnlyNic":
        await vm.ovs.vsctl("del-br", vm.device)
        await vm.run("nft", "flush", "ruleset")
        nic = vm.nic
        if addresses:
            await vm.namespace.ip(
                *(
                    f"address add {each} dev {UPLINK}{' nodad' if ':' in each else ''}"
                    for each in nic.addresses
                ),
                *(f"route add default via {each} dev {UPLINK} metric 77" for each in nic.gateways),
            )
        made = cls(vm)
        made._hide()
        return made

    def _hide(self) -> None:
        files = self.vm.directory / "files"
        files.mkdir()
        for name in ("etc", "work"):
            (files / name).mkdir()
        lines = [OVERLAY.format(files=files)]
        for number, path in enumerate(PRIVATE):
            (files / str(number)).mkdir()
            lines.append(f"if [ -d {path} ]; then mount --bind {files}/{number} {path}; fi")
        script = "\n".join((*lines, "echo ready", "exec sleep infinity"))
        self._holder = subprocess.Popen(
            self.vm.namespace.inside("unshare", "-m", "--propagation", "private", "sh", "-ec", script),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, **self.vm.environment()},
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n"

    def inside(self, *argv: str) -> tuple[str, ...]:
        assert self._holder is not None
        return ("nsenter", f"--target={self._holder.pid}", "--mount", "--net", "--", *argv)

    async def run(self, *argv: str) -> str:
        """What a program printed that ran in the VM, with its files."""
        status, output, complaint = await attempt(*self.inside(*argv), env=self.vm.environment())
        if status:
            raise CommandFailed(argv, status, complaint)
        return output

    async def setup(self, *words: str, verb: str = "setup", crash_after: str = "", path: str = "") -> str:
        """What `ovnest agent setup …` printed. Raises CommandFailed."""
        cni, netavark = self.vm.directory / "cni", self.vm.directory / "netavark"
        where = ("--ovs", self.vm.ovs.remote, "--state", str(self.state), "--cni-dir", str(cni))
        argv = (
            sys.executable,
            "-m",
            "ovnest",
            "agent",
            verb,
            *words,
            *where,
            "--netavark-dir",
            str(netavark),
        )
        env = {**self.vm.environment(), **({"OVNEST_CRASH_AFTER": crash_after} if crash_after else {})}
        searching = ("env", f"PATH={path}") if path else ()
        status, output, complaint = await attempt(*self.inside(*searching, *argv), env=env)
        assert "Traceback" not in complaint, complaint
        if status:
            raise CommandFailed(argv, status, complaint)
        return output

    async def addresses(self, device: str) -> list[dict[str, Any]]:
        """What `ip` shows of a device."""
        found: list[dict[str, Any]] = json.loads(await self.vm.run("ip", "-json", "address", "show", device))
        return found

    async def waits_no_more(self) -> None:
        """Return when nothing is left of a trial."""

        async def waits() -> bool:
            return (self.state / "taking-over.json").exists()

        await until("nothing waits", waits, accept=lambda seen: not seen, timeout_s=40.0)

    async def ask_dhcp(self) -> str:
        """Have a dhclient look after the NIC, as ifupdown starts it; the address that it got."""
        files = [f"{self.vm.directory}/dhclient.{UPLINK}.{kind}" for kind in ("pid", "leases")]
        await self.run("dhclient", "-4", "-i", "-pf", files[0], "-lf", files[1], UPLINK)
        (link,) = await self.addresses(UPLINK)
        (address,) = [each["local"] for each in link["addr_info"] if each["family"] == "inet"]
        return str(address)

    async def dhclients(self) -> list[str]:
        """The devices that a dhclient in the VM looks after."""
        found = []
        for number in (await self.run("ip", "netns", "pids", self.vm.namespace.name)).split():
            words = text_of(Path(f"/proc/{number}/cmdline")).split("\0")
            if words[0].endswith("dhclient"):
                found.append(words[-2])
        return found

    def leases(self, device: str) -> str:
        """What the dhclient of that device has written down."""
        return text_of(self.vm.directory / f"dhclient.{device}.leases")

    async def have(self) -> dict[str, Any]:
        """All that `ip` shows, but for what passes: what must be the same before and after."""
        found: dict[str, Any] = {}
        for name, words in {
            "addresses": ("address",),
            "routes": ("route", "show", "table", "all"),
            "routes of IPv6": ("-6", "route", "show", "table", "all"),
            "rules": ("rule",),
            "link": ("-details", "link", "show", UPLINK),
        }.items():
            said = json.loads(await self.vm.run("ip", "-json", *words) or "[]")
            kept = [_lasting(each) for each in said if each.get("ifname") != "ovs-netdev"]
            found[name] = sorted(kept, key=lambda each: json.dumps(each, sort_keys=True))
        found["offloads"] = [
            line
            for line in (await self.vm.run("ethtool", "-k", UPLINK)).splitlines()
            if "tx-checksum" in line or "segmentation" in line
        ]
        found["filters"] = await self.vm.run("nft", "list", "ruleset")
        found["bridges"] = await self.vm.ovs.vsctl("list-br")
        return found

    async def is_as(self, before: dict[str, Any], timeout_s: float = 20.0) -> None:
        """Return when all is as it was. Raises NeverHappened, with what differs."""

        async def differs() -> str:
            now = await self.have()
            return "\n".join(
                f"{name}: {now[name]} instead of {before[name]}"
                for name in before
                if now[name] != before[name]
            )

        await until("all is as it was", differs, accept=lambda seen: not seen, timeout_s=timeout_s)

    async def ends(self) -> None:
        """End what holds the files."""
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait(END_TIMEOUT_S)


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(each) for key, each in value.items() if key not in PASSING}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


class Pings:
    """Pings from one to another without a pause; `stop` says how they went."""

    def __init__(self, source: Endpoint, address: str) -> None:
        argv = ("ping", "-n", "-q", "-i", str(PING_INTERVAL_S), "-W", "1", address)
        self._process = subprocess.Popen(
            source.namespace.inside(*argv),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **source.environment()},
        )

    def stop(self) -> tuple[int, int]:
        """How many were sent, and how many of them were not answered."""
        self._process.send_signal(signal.SIGINT)
        said = self._process.communicate(timeout=END_TIMEOUT_S)[0]
        match = re.search(r"(\d+) packets transmitted, (\d+) received", said)
        assert match is not None, said
        return int(match[1]), int(match[1]) - int(match[2])


class Stream:
    """An established TCP connection from one to another, which echoes."""

    def __init__(self, source: Endpoint, target: Endpoint) -> None:
        server = SERVER.format(port=ECHO_PORT)
        client = CLIENT.format(port=ECHO_PORT, address=target.addresses[0])
        self._server = self._start(target, server)
        self._source, self._text = source, client
        self._client: subprocess.Popen[str] | None = None

    @staticmethod
    def _start(node: Endpoint, text: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            node.namespace.inside(sys.executable, "-c", text),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **node.environment()},
        )

    async def connect(self) -> None:
        """Be connected."""

        async def connected() -> bool:
            self._client = self._start(self._source, self._text)
            assert self._client.stdout is not None
            return self._client.stdout.readline() == "connected\n"

        await until("the stream is connected", connected)

    def echoes(self, word: str) -> bool:
        """Whether the same comes back, over the same connection."""
        assert self._client is not None
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(f"{word}\n")
        self._client.stdin.flush()
        return self._client.stdout.readline() == f"{word}\n"

    def stop(self) -> None:
        for process in (self._client, self._server):
            if process is not None:
                process.kill()
                process.communicate(timeout=END_TIMEOUT_S)


def text_of(path: Path) -> str:
    """What a file has; nothing where there is none."""
    return path.read_text(errors="replace") if path.exists() else ""
