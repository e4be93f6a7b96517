"""A disk with ovnest, installed, and the wheels it was installed from; mounted at /opt/ovnest in a guest.

It is made by pip, as an operator would do it for a machine that has no network, from the tree that ovnest
runs from and its lock, in the guest's own Debian:

    pip wheel --no-deps --wheel-dir wheels .
    pip download --only-binary=:all: --python-version 3.13 -r requirements/base.txt --dest wheels
    python3 -m venv /opt/ovnest
    /opt/ovnest/bin/pip install --no-index --find-links wheels ovnest

An image is built seldom, and this disk at each change of a file: in some seconds, since nothing is emulated.
"""

import shutil
import sys
from hashlib import sha256
from pathlib import Path

import ovnest
from ovnest.sandbox import debian
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.guest.image import Image
from ovnest.sandbox.guest.recipe import SOFTWARE, SOFTWARE_LABEL
from ovnest.sandbox.lock import held
from ovnest.sandbox.process import run

ROOT = Path(ovnest.__file__).parents[1]
LOCKED = ROOT / "requirements" / "base.txt"
SOURCES = ("pyproject.toml", "README.md", "LICENSE")
LAYOUT = 1
"""Raised when another disk is made from the same sources."""

WHEELS = "wheels"
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
PIP_TIMEOUT_S = 300.0
LOCK_TIMEOUT_S = 600.0
DISK_SIZE = "64M"
KEPT = 4

# In a mount namespace of its own, so that none of the mounts is ever left behind.
INSTALL = f"""
mount --bind "$0" "$1{SOFTWARE}"
exec chroot "$1" sh -ec '
python3 -m venv {SOFTWARE}
cd {SOFTWARE}
bin/pip --quiet --disable-pip-version-check install --no-index --find-links {WHEELS} ovnest
'
"""


async def find_software(image: Image) -> Path:
    """A disk for that image with what this tree is now: ext4, labelled.

    Raises:
        SandboxError: ovnest does not run from its tree, or pip cannot get what is locked.
    """
    if not LOCKED.exists():
        raise SandboxError(f"wheels are made from ovnest's own tree, and {ROOT} is none")
    home = debian.cache() / "software"
    home.mkdir(parents=True, exist_ok=True)
    name = image.directory.name
    disk = home / f"{name}-{_digest()}.img"
    async with held(home / "lock", "another process has made the software", timeout_s=LOCK_TIMEOUT_S):
        if not disk.exists():
            await _build(image, home, disk)
            old = sorted(home.glob(f"{name}-*.img"), key=lambda each: each.stat().st_mtime)
            for each in old[:-KEPT]:
                each.unlink()  # a machine that has it as its disk keeps it
    return disk


async def _build(image: Image, home: Path, disk: Path) -> None:
    locked = await _locked(image.recipe.python, home)
    work = home / ".work"
    shutil.rmtree(work, ignore_errors=True)
    # A copy: a build leaves directories behind, and takes what is in them for the sources the next time.
    tree, installed = work / "tree", work / "installed"
    shutil.copytree(ROOT / "ovnest", tree / "ovnest", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, tree / name)
    wheels = installed / WHEELS
    shutil.copytree(locked, wheels)
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels))
    await run(*PIP, "wheel", *options, str(tree), timeout_s=PIP_TIMEOUT_S)
    private = ("unshare", "--mount", "sh", "-ec", INSTALL, str(installed), str(image.tree))
    await run(*private, timeout_s=PIP_TIMEOUT_S)
    unfinished = home / ".disk.img"
    unfinished.unlink(missing_ok=True)
    system = ("-q", "-t", "ext4", "-O", "^has_journal", "-L", SOFTWARE_LABEL, "-d", str(installed))
    await run("mke2fs", *system, str(unfinished), DISK_SIZE)
    shutil.rmtree(work)
    unfinished.rename(disk)


async def _locked(python: str, home: Path) -> Path:
    """The wheels that ovnest needs, of the versions and with the hashes that the lock says."""
    directory = home / f"{python}-{sha256(LOCKED.read_bytes()).hexdigest()[:12]}"
    if not directory.is_dir():
        unfinished = home / f".{directory.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        wanted = ("--only-binary=:all:", "--python-version", python, "--require-hashes", "-r", str(LOCKED))
        await run(*PIP, "download", *wanted, "--dest", str(unfinished), timeout_s=PIP_TIMEOUT_S)
        unfinished.rename(directory)
    return directory


def _digest() -> str:
    """Of everything that the disk is made from, beside the image."""
    content = sha256(f"{LAYOUT} {INSTALL}".encode() + LOCKED.read_bytes())
    files = sorted((*(ROOT / "ovnest").rglob("*.py"), *(ROOT / "ovnest").rglob("py.typed")))
    for path in (*(ROOT / name for name in SOURCES), *files):
        content.update(f"{path.relative_to(ROOT)}\0".encode())
        content.update(path.read_bytes())
    return content.hexdigest()[:12]
