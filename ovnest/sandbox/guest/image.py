"""Images of guests: built once from Debian's packages, without a mount or a loop device, and kept.

An image is a kernel, an ext4 file system, and a small initramfs of busybox that loads the drivers of the disk
and hands over to the file system's own init. A whole image takes about a minute to build. With `PROBE` on its
kernel's command line it says `ALIVE` on its console and switches the machine off.
"""

import lzma
import os
import shutil
from pathlib import Path

from msgspec import Struct

from ovnest.sandbox import debian
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.guest.recipe import SOFTWARE, UNITS, Recipe, recipe
from ovnest.sandbox.process import run

KERNEL, INITRD, DISK, TREE = "vmlinuz", "initrd", "disk.img", "tree"
DISK_SIZE = "3G"  # sparse: it takes as much as there is in it
PROBE = "ovnest.probe"
ALIVE = "ovnest: this kernel runs"
DRIVERS = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")
IMAGE_TIMEOUT_S = 120.0

INIT = f"""\
#!/bin/busybox sh
B=/bin/busybox
$B mount -t devtmpfs dev /dev
$B mount -t proc proc /proc
if $B grep -q {PROBE} /proc/cmdline; then echo {ALIVE} >/dev/console; $B poweroff -f; fi
for module in $($B cat /modules/order); do $B insmod /modules/$module; done
tries=0
until [ -e /dev/vda ] || [ $tries = 100 ]; do $B sleep 0.1; tries=$((tries + 1)); done
$B mount -t ext4 -o rw,noatime /dev/vda /root
$B mount -o move /dev /root/dev
$B umount /proc
exec $B switch_root /root /sbin/init
"""


class Image(Struct, frozen=True, kw_only=True):
    """An image in the cache; nobody writes to its disk."""

    directory: Path
    recipe: Recipe

    @property
    def kernel(self) -> Path:
        return self.directory / KERNEL

    @property
    def initrd(self) -> Path:
        return self.directory / INITRD

    @property
    def disk(self) -> Path:
        """A raw ext4 file system."""
        return self.directory / DISK

    @property
    def tree(self) -> Path:
        """What the disk was made of, to run its programs here."""
        return self.directory / TREE


async def find_image(suite: str) -> Image:
    """The image of a Debian release, built if need be.

    Raises:
        SandboxError: there is no such guest, or it cannot be built here.
    """
    wanted = recipe(suite)

    async def build(directory: Path) -> None:
        await _build(wanted, directory)

    directory = await debian.ensure(wanted.name, f"an image of Debian {suite}", build)
    return Image(directory=directory, recipe=wanted)


async def _build(wanted: Recipe, directory: Path) -> None:
    os.mkdir(directory)
    tree = directory / TREE
    await debian.bootstrap(wanted.suite, wanted.packages, tree)
    for name, content in wanted.files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for unit in wanted.masked:
        path = tree / UNITS / unit
        path.unlink(missing_ok=True)
        path.symlink_to("/dev/null")
    await run("chroot", str(tree), "systemctl", "--quiet", "enable", *wanted.enabled)
    await run("chroot", str(tree), "systemctl", "--quiet", "disable", *wanted.disabled)
    (tree / "usr/local/bin/ovnest").symlink_to(f"{SOFTWARE}/bin/ovnest")
    (tree / SOFTWARE[1:]).mkdir()
    shutil.copy(_only(tree / "boot", "vmlinuz-*"), directory / KERNEL)
    for unused in (tree / "boot").glob("initrd*"):
        unused.unlink()
    await _make_initrd(tree, directory)
    options = ("-q", "-t", "ext4", "-E", "lazy_itable_init=1,lazy_journal_init=1")
    disk = ("-d", str(tree), str(directory / DISK), DISK_SIZE)
    await run("mke2fs", *options, *disk, timeout_s=IMAGE_TIMEOUT_S)


async def _make_initrd(tree: Path, directory: Path) -> None:
    root = directory / "initrd.tree"
    for name in ("bin", "dev", "proc", "root", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy(tree / "usr/bin/busybox", root / "bin/busybox")
    init = root / "init"
    init.write_text(INIT)
    init.chmod(0o755)
    modules = _only(tree / "usr/lib/modules", "*")
    order = []
    for module in needed_modules((modules / "modules.dep").read_text()):
        name = module.name.removesuffix(".xz")
        content = (modules / module).read_bytes()
        (root / "modules" / name).write_bytes(lzma.decompress(content) if module.suffix == ".xz" else content)
        order.append(name)
    (root / "modules/order").write_text("\n".join(order))
    pack = f"cd {root} && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >{directory / INITRD}"
    await run("sh", "-ec", pack)
    shutil.rmtree(root)


def needed_modules(dependencies: str) -> list[Path]:
    """The files of those `DRIVERS` that are modules and of what they need, in the order in which they load.

    Source: modules.dep(5): a module's dependencies are listed the last to be loaded first.
    """
    found: dict[Path, None] = {}
    for line in dependencies.splitlines():
        module, _, needs = line.partition(":")
        if Path(module).name.partition(".")[0] in DRIVERS:
            found |= dict.fromkeys(Path(each) for each in (*reversed(needs.split()), module))
    return list(found)


def _only(directory: Path, pattern: str) -> Path:
    found = list(directory.glob(pattern))
    if len(found) != 1:
        raise SandboxError(f"there should be one {pattern} in {directory}, not {len(found)}")
    return found[0]
