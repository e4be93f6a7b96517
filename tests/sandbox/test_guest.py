"""Guests, as far as no machine is needed for it: what an image is, and when it is another."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.guest.image import needed_modules
from ovnest.sandbox.guest.qemu import WHOLE_FRAMES
from ovnest.sandbox.guest.recipe import RECIPES, recipe

DEPENDENCIES = """\
kernel/drivers/virtio/virtio_ring.ko:
kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko
"""


def test_drivers_of_the_disk_come_after_what_they_need_and_each_once() -> None:
    names = [path.name for path in needed_modules(DEPENDENCIES)]
    assert names == ["virtio_ring.ko", "virtio.ko", "virtio_pci.ko.xz", "virtio_blk.ko"]


@pytest.mark.parametrize("suite", RECIPES)
def test_another_recipe_is_another_image(suite: str) -> None:
    ours = recipe(suite)
    assert ours.name == recipe(suite).name
    assert replace(ours, packages=(*ours.packages, "cowsay")).name != ours.name
    assert replace(ours, files={**ours.files, "etc/motd": "hello"}).name != ours.name
    assert not any(Path(name).is_absolute() for name in ours.files), "they would go into this machine"


def test_there_is_no_image_without_a_recipe() -> None:
    with pytest.raises(SandboxError, match="no guest with sid, but: bookworm, trixie"):
        recipe("sid")


def test_no_nic_leaves_a_checksum_to_others() -> None:
    assert {"csum=off", "guest_csum=off", "guest_tso4=off", "host_tso6=off"} <= set(WHOLE_FRAMES.split(","))
