"""A guest: QEMU on a hypervisor of the sandbox, and what one does with a machine.

    machine = Machine(sandbox, "vm1", chassis="hv1", suite="bookworm", ports=(Port(id=…, mac=…), …))
    await machine.start()                       # boots; answers when this returns
    await machine.booted()                      # systemd has started everything
    await machine.run("ip -4 address")          # bash, as root; CommandFailed says what it complained of
    await machine.write("/etc/x", "text")       # a file
    await machine.pings("10.1.0.5")             # until it answers
    await machine.pings("10.1.0.5", inside="docker exec web")
    async with machine.capture(0) as seen: ...  # frames on its first NIC, as the hypervisor sees them
    await machine.reboot()                      # in order; or reset(), as by its button
    await machine.stop()                        # power off, and take everything away

`ports` become eth0, eth1 … in order. eth0 asks DHCP; the others are nobody's. Several scripts may run at
once.
"""

import shutil
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from shlex import quote

from msgspec import Struct

from ovnest.sandbox import namespace
from ovnest.sandbox.capture import Capture, Direction, capture
from ovnest.sandbox.chassis import Chassis
from ovnest.sandbox.errors import CommandFailed, NeverHappened, SandboxError
from ovnest.sandbox.guest import qemu
from ovnest.sandbox.guest.channel import SCRIPT_TIMEOUT_S, Channel, Said, Silent
from ovnest.sandbox.guest.image import find_image
from ovnest.sandbox.guest.software import find_software
from ovnest.sandbox.process import Mark, end, run
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.shortcuts import BIN, write_script
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import DEVICE_NAME_LIMIT, INTEGRATION_BRIDGE

MEMORY_MIB = 768
BOOT_TIMEOUT_S = 90.0
SERVICES_TIMEOUT_S = 120.0
PROBE_TIMEOUT_S = 3.0
PING_PATIENCE_S = 2
CONSOLE_LENGTH = 3000
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


class Port(Struct, frozen=True, kw_only=True):
    """A port in the API that a NIC is bound to."""

    id: str
    mac: str

    @property
    def tap(self) -> str:
        """The hypervisor's end of the NIC, named as Nova names it."""
        return f"tap{self.id}"[: DEVICE_NAME_LIMIT - 1]


class Machine:
    """A guest called `name` on a chassis of the sandbox; `suite` is its Debian.

    `credentials` are handed to its systemd by SMBIOS, as `ovnest.code` may be.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        name: str,
        *,
        chassis: str,
        suite: str,
        ports: tuple[Port, ...],
        credentials: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.suite = suite
        self.chassis: Chassis = sandbox.chassis[chassis]
        self.ports = ports
        self.directory = sandbox.path / name
        self.hardware: qemu.Hardware | None = None
        self._place = sandbox.place
        self._credentials = credentials or {}
        self._channel = Channel(self.directory / "channel.sock")

    def __repr__(self) -> str:
        return f"<machine {self.name}>"

    async def start(self, *, memory_mib: int = MEMORY_MIB, processors: int = 1) -> None:
        """Plug it in and boot it; it answers when this returns.

        Raises:
            SandboxError: it does not answer; what its console said is in the message.
        """
        qemu.check()
        image = await find_image(self.suite)
        software = await find_software(image)
        self.directory.mkdir()
        disk = self.directory / "disk.qcow2"
        await run(*("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image.disk), "-F", "raw", str(disk)))
        strings = []
        for name, value in self._credentials.items():
            path = self.directory / f"{name}.smbios"
            path.touch(mode=0o600)
            path.write_text(f"io.systemd.credential:{name}={value}")
            strings.append(path)
        self.hardware = qemu.Hardware(
            directory=self.directory,
            image=image,
            accelerator=await qemu.accelerator(image),
            name=self.name,
            disk=disk,
            software=software,
            cards=tuple(qemu.Card(tap=port.tap, mac=port.mac) for port in self.ports),
            memory_mib=memory_mib,
            processors=processors,
            strings=tuple(strings),
        )
        await self._plug()
        # With the sandbox's mark QEMU is one of its processes, and goes when it is taken down.
        mark = Mark(self._place.directory, self.name)
        await run(*self.chassis.namespace.inside(*self.hardware.argv()), env=mark.environment())
        talk = (sys.executable, "-m", "ovnest.sandbox.guest.channel", str(self.hardware.channel))
        write_script(self._shortcut, talk, mark.environment())
        await self._answers_after("")

    async def booted(self) -> str:
        """Return when systemd has started everything: "running", or "degraded" if something failed."""

        async def state() -> str:
            return (await self.attempt("systemctl is-system-running")).output.strip()

        return await self._until(
            "systemd has started everything",
            state,
            accept=lambda seen: seen in ("running", "degraded"),
            timeout_s=SERVICES_TIMEOUT_S,
        )

    async def run(self, script: str, *, stdin: str = "", timeout_s: float = SCRIPT_TIMEOUT_S) -> str:
        """What a script for bash(1), run by root, wrote to its standard output.

        Raises:
            CommandFailed: its status was not 0, or its time was over.
            Silent: the guest does not answer; what its console said last is in the message.
        """
        said = await self.attempt(script, stdin=stdin, timeout_s=timeout_s)
        if said.status != 0:
            raise CommandFailed((script,), said.status, f"{said.complaint}\n{said.output}")
        return said.output

    async def attempt(self, script: str, *, stdin: str = "", timeout_s: float = SCRIPT_TIMEOUT_S) -> Said:
        """What a script said, however it ended."""
        try:
            return await self._channel.attempt(script, stdin=stdin, timeout_s=timeout_s)
        except Silent as silent:
            raise Silent(f"{self.name}: {silent}{self._on_the_console()}") from None

    async def write(self, path: str, content: str, *, mode: int = 0o644) -> None:
        """Make or replace a file, and the directories it is in."""
        where = quote(path)
        script = f"umask 077; mkdir -p $(dirname {where}); cat >{where}; chmod {mode:o} {where}"
        await self.run(script, stdin=content)

    async def ping(self, address: str, *, count: int = 1, inside: str = "") -> int:
        """How many of `count` pings were answered, sent by the machine or by a container of it.

        `inside` is a command line that runs another: `docker exec web`, `ip netns exec web`.
        """
        said = await self.attempt(f"{inside} ping -c {count} -W {PING_PATIENCE_S} {address}")
        if said.status not in (0, 1):
            raise SandboxError(f"{self.name}: {inside} ping {address}: {said.complaint or said.output}")
        return said.output.count("bytes from")

    async def pings(self, address: str, *, inside: str = "") -> None:
        """Return as soon as it answers; the first packet to another hypervisor is always lost.

        Raises:
            NeverHappened: it did not answer.
        """

        async def answered() -> int:
            return await self.ping(address, inside=inside)

        what = f"{self.name}{f' ({inside})' if inside else ''} gets an answer from {address}"
        await until(what, answered, timeout_s=20.0)

    async def cannot_ping(self, address: str, *, inside: str = "") -> None:
        """Return when a row of pings has stayed without an answer."""

        async def answered() -> int:
            return await self.ping(address, count=3, inside=inside)

        await until(f"{address} is silent for {self.name}", answered, accept=lambda seen: seen == 0)

    async def address(self, device: str = "eth0") -> str:
        """Its IPv4 address there, as soon as it has one."""
        show = f"ip -4 -oneline address show dev {device} scope global | awk '{{print $4}}'"

        async def has() -> str:
            return (await self.run(show)).strip().partition("/")[0]

        return await self._until(f"{self.name} has an address on {device}", has)

    def capture(self, nic: int, direction: Direction = "inout") -> AbstractAsyncContextManager[Capture]:
        """The frames between a NIC and the hypervisor, which sees them; "in" are those of the guest."""
        return capture(self.chassis, self.ports[nic].tap, direction=direction)

    async def reboot(self) -> None:
        """Reboot in order; it answers again when this returns."""
        boot = await self.run(BOOT_ID)
        # Its answer may be lost with the machine; that the next boot is another is what counts.
        with suppress(Silent):
            await self._channel.attempt("systemctl reboot", timeout_s=PROBE_TIMEOUT_S, on_the_way_s=0.0)
        await self._answers_after(boot)

    async def reset(self) -> None:
        """Reboot at once, as by its button; it answers again when this returns."""
        assert self.hardware is not None  # noqa: S101  it has been started
        boot = await self.run(BOOT_ID)
        await qemu.ask_monitor(self.hardware.monitor, "system_reset")
        await self._answers_after(boot)

    async def stop(self) -> None:
        """Switch it off, and take away everything of it."""
        await self._channel.close()
        end(self._place.directory, self.name)
        for port in self.ports:
            await self.chassis.ovs.vsctl("--", "--if-exists", "del-port", INTEGRATION_BRIDGE, port.tap)
            await namespace.disconnect(self.chassis.namespace, port.tap)
        self._shortcut.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def close(self) -> None:
        """Let another process use the channel."""
        await self._channel.close()

    @property
    def _shortcut(self) -> Path:
        return self._place.directory / BIN / self.name

    async def _plug(self) -> None:
        for port in self.ports:
            await self.chassis.namespace.ip(f"tuntap add {port.tap} mode tap", f"link set {port.tap} up")
            await self.chassis.ovs.vsctl(
                *("--", "--may-exist", "add-port", INTEGRATION_BRIDGE, port.tap),
                *("--", "set", "Interface", port.tap, f"external_ids:iface-id={port.id}"),
            )

    async def _answers_after(self, boot: str) -> None:
        """Return when it answers, and its boot is another."""

        async def another() -> str:
            try:
                # What is lost in a reboot is asked again; what waits until it has booted is answered then.
                said = await self._channel.attempt(BOOT_ID, timeout_s=PROBE_TIMEOUT_S, on_the_way_s=0.0)
            except Silent:
                return ""
            return "" if said.output == boot else said.output

        await self._until(f"{self.name} has booted", another, timeout_s=BOOT_TIMEOUT_S)

    async def _until(
        self,
        what: str,
        probe: Callable[[], Awaitable[str]],
        *,
        accept: Callable[[str], object] = bool,
        timeout_s: float = 30.0,
    ) -> str:
        try:
            return await until(what, probe, accept=accept, timeout_s=timeout_s)
        except NeverHappened as never:
            raise SandboxError(f"{never}{self._on_the_console()}") from None

    def _on_the_console(self) -> str:
        """The last that it said on its console, for the end of a message."""
        console = self.directory / "console.log"
        lines = console.read_text(errors="replace").splitlines() if console.exists() else []
        said = "\n".join(line for line in lines if line.strip())
        return f"; its console:\n{said[-CONSOLE_LENGTH:]}" if said else "; its console is empty"
