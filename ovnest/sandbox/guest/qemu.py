"""QEMU: its command line, the accelerator that works here, and its monitor."""

import asyncio
import json
import os
import platform
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ovnest.sandbox import debian
from ovnest.sandbox.errors import CommandFailed, SandboxError
from ovnest.sandbox.guest.image import ALIVE, PROBE, Image
from ovnest.sandbox.lock import held
from ovnest.sandbox.process import run
from ovnest.sandbox.until import patience

PROGRAM = "qemu-system-x86_64"
NEEDED = {
    PROGRAM: "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mke2fs": "e2fsprogs",
    "busybox": "busybox-static",
}
KVM = Path("/dev/kvm")
PROBE_TIMEOUT_S = 20.0
MONITOR_TIMEOUT_S = 20.0

Accelerator = Literal["kvm", "tcg"]
# Not "max": what an emulated processor can do beside this costs more than it saves.
EMULATED = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand"
ACCELERATORS = {
    "kvm": ("-accel", "kvm", "-cpu", "host"),
    "tcg": ("-accel", "tcg,thread=multi,tb-size=256", "-cpu", EMULATED),
}

# Without AppArmor: where it is on, Docker needs its parser, which Docker's package only recommends.
KERNEL_OPTIONS = (
    "console=ttyS0 quiet root=/dev/vda rw net.ifnames=0 apparmor=0 mitigations=off nokaslr tsc=reliable "
    "no_timer_check"
)

# A userspace Open vSwitch takes frames from the tap as they are: with a checksum that the NIC was to finish,
# ping works and TCP transfers nothing.
WHOLE_FRAMES = ",".join(
    f"{side}{what}=off"
    for side, features in {
        "": ("csum", "gso"),
        "guest_": ("csum", "tso4", "tso6", "ufo", "ecn"),
        "host_": ("tso4", "tso6", "ufo", "ecn"),
    }.items()
    for what in features
)


class Card(Struct, frozen=True, kw_only=True):
    """A NIC: the tap behind it, and its MAC address."""

    tap: str
    mac: str


class Hardware(Struct, frozen=True, kw_only=True):
    """What a machine consists of; all its files are in `directory`."""

    directory: Path
    image: Image
    accelerator: Accelerator
    name: str
    disk: Path
    software: Path
    cards: tuple[Card, ...]
    memory_mib: int
    processors: int
    strings: tuple[Path, ...] = ()
    """Files with SMBIOS strings, which systemd takes its credentials from; not on the command line, which
    everybody can read."""

    @property
    def console(self) -> Path:
        """What the kernel and systemd said on the serial line."""
        return self.directory / "console.log"

    @property
    def channel(self) -> Path:
        return self.directory / "channel.sock"

    @property
    def monitor(self) -> Path:
        return self.directory / "monitor.sock"

    def argv(self) -> tuple[str, ...]:
        """The command line; QEMU goes to the background when its sockets are there."""
        drives = ((self.disk, "qcow2", "off"), (self.software, "raw", "on"))
        return (
            *(*_bare(self.accelerator, self.image), f"{KERNEL_OPTIONS} systemd.hostname={self.name}"),
            *("-name", self.name, "-m", str(self.memory_mib), "-smp", str(self.processors)),
            *("-serial", f"file:{self.console}", "-daemonize", "-pidfile", str(self.directory / "qemu.pid")),
            *_each(
                "-drive",
                (
                    f"id=disk{n},if=none,file={file},format={kind},readonly={only},cache=unsafe"
                    for n, (file, kind, only) in enumerate(drives)
                ),
            ),
            *_each("-device", (f"virtio-blk-pci,drive=disk{n}" for n in range(len(drives)))),
            *_each(
                "-netdev",
                (
                    f"tap,id=net{n},ifname={card.tap},script=no,downscript=no,vhost=off"
                    for n, card in enumerate(self.cards)
                ),
            ),
            *_each(
                "-device",
                (
                    f"virtio-net-pci,netdev=net{n},mac={card.mac},romfile=,{WHOLE_FRAMES}"
                    for n, card in enumerate(self.cards)
                ),
            ),
            *("-device", "virtio-serial-pci", "-device", "virtio-rng-pci"),
            *("-chardev", f"socket,id=channel,path={self.channel},server=on,wait=off"),
            *("-device", "virtserialport,chardev=channel,name=ovnest.channel"),
            *("-qmp", f"unix:{self.monitor},server=on,wait=off"),
            *_each("-smbios", (f"type=11,path={file}" for file in self.strings)),
        )


def _bare(accelerator: Accelerator, image: Image) -> tuple[str, ...]:
    """A machine with nothing but its processor and a kernel, whose options are to follow."""
    return (
        *(PROGRAM, "-M", "q35", *ACCELERATORS[accelerator], "-nodefaults", "-no-user-config"),
        *("-display", "none", "-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append"),
    )


def _each(option: str, values: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (option, value))


def check() -> None:
    """Raise SandboxError, saying what to install, if this machine cannot run a guest."""
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    lacking = sorted(
        {package for program, package in NEEDED.items() if not shutil.which(program, path=search)}
    )
    if lacking:
        raise SandboxError(f"this machine lacks what a guest needs: apt-get install {' '.join(lacking)}")


async def accelerator(image: Image) -> Accelerator:
    """KVM if a kernel of the image boots by it here, which is remembered; TCG, QEMU's own, otherwise.

    That there is a /dev/kvm says little: one that is itself emulated may fail at the first rare instruction.
    """
    if not await asyncio.to_thread(KVM.exists):
        return "tcg"
    kernel = f"{platform.release()}-{image.recipe.suite}"
    known = debian.cache() / f"accelerator-{kernel}"
    async with held(debian.cache() / "accelerator.lock", "another process has tried KVM", timeout_s=90.0):
        if not known.exists():
            known.write_text("kvm" if await _boots_by_kvm(image) else "tcg")
    return "kvm" if known.read_text() == "kvm" else "tcg"


async def _boots_by_kvm(image: Image) -> bool:
    argv = (*_bare("kvm", image), f"{KERNEL_OPTIONS} {PROBE}", "-serial", "stdio", "-m", "256", "-no-reboot")
    try:
        return ALIVE in await run(*argv, timeout_s=PROBE_TIMEOUT_S / patience())
    except CommandFailed:
        return False


async def ask_monitor(monitor: Path, command: str, **arguments: Any) -> Any:
    """What QEMU answers to a command of its monitor.

    Source: QEMU Machine Protocol Specification.

    Raises:
        SandboxError: it refuses.
    """
    reader, writer = await asyncio.open_unix_connection(monitor)
    try:
        async with asyncio.timeout(MONITOR_TIMEOUT_S * patience()):
            await reader.readline()
            answer: dict[str, Any] = {}
            for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                writer.write(json.dumps(request).encode())
                answer = {}
                while not answer.keys() & {"return", "error"}:  # events come in between
                    answer = msgspec.json.decode(await reader.readline())
    finally:
        writer.close()
    if "error" in answer:
        raise SandboxError(f"QEMU refuses {command}: {answer['error']['desc']}")
    return answer["return"]
