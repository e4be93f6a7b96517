"""What is in an image: a release of Debian, packages, and the few files that make it a guest of ours."""

from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.guest import inside

LAYOUT = 1
"""Raised when `image` builds something else from the same recipe."""

CHANNEL = "usr/local/sbin/ovnest-channel"
UNITS = "etc/systemd/system"
SOFTWARE_LABEL = "ovnest"
SOFTWARE = "/opt/ovnest"

COMMON = (
    *("systemd-sysv", "udev", "dbus", "kmod", "procps", "ifupdown", "linux-image-cloud-amd64"),
    *("openvswitch-switch", "iproute2", "iputils-ping", "iperf3", "tcpdump", "ethtool", "nftables"),
    *("python3", "python3-venv", "busybox-static"),
)

# What a guest has no use for, and what takes time at each boot.
MASKED = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    *("e2scrub_reap.service", "fstrim.timer", "getty@tty1.service", "serial-getty@ttyS0.service"),
    *("systemd-networkd-wait-online.service", "uuidd.socket"),
    *("modprobe@configfs.service", "modprobe@dm_mod.service", "modprobe@drm.service"),
    *("modprobe@efi_pstore.service", "modprobe@fuse.service", "modprobe@loop.service"),
    *("dev-hugepages.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("systemd-binfmt.service", "systemd-logind.service", "systemd-modules-load.service"),
    *("systemd-pstore.service", "systemd-update-utmp.service", "netavark-dhcp-proxy.socket"),
)

# There for those who want it: ifupdown. The other is required by openvswitch-switch.service; masked, it kept
# that from always starting all the rest, ovs-vswitchd among them.
DISABLED = ("networking.service", "ovs-record-hostname.service")

CHANNEL_UNIT = f"""\
[Unit]
Description=carries out what the machine outside asks
DefaultDependencies=no
After=local-fs.target
BindsTo=dev-virtio\\x2dports-ovnest.channel.device
After=dev-virtio\\x2dports-ovnest.channel.device
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/usr/bin/python3 -IS /{CHANNEL}
Environment=HOME=/root
Restart=always
KillMode=process

[Install]
WantedBy=sysinit.target
"""

# Open vSwitch 3.1 counts the processors once in ten seconds, and none within ten seconds of the boot: a
# switch that starts before has no thread for the packets that its kernel's part asks about, for ever.
AFTER_TEN_SECONDS = """\
[Service]
ExecStartPre=/bin/sh -c 'until [ "$(cut -d. -f1 /proc/uptime)" -ge 10 ]; do sleep 0.1; done'
"""

# The first NIC is the machine's own, by DHCP. The second one nobody touches: it is for the agent.
FIRST_NIC = """\
[Match]
Name=eth0

[Network]
DHCP=yes
IPv6AcceptRA=yes

[DHCPv4]
UseMTU=yes
"""


class Recipe(Struct, frozen=True, kw_only=True):
    """One image; `files` are written over what the packages bring."""

    suite: str
    python: str
    packages: tuple[str, ...]
    files: dict[str, str]
    enabled: tuple[str, ...]
    masked: tuple[str, ...] = MASKED
    disabled: tuple[str, ...] = DISABLED
    layout: int = LAYOUT

    @property
    def name(self) -> str:
        """What it is called in the cache: another recipe has another name."""
        return f"guest-{self.suite}-{sha256(msgspec.json.encode(self)).hexdigest()[:12]}"


def _files(**more: str) -> dict[str, str]:
    return {
        CHANNEL: Path(inside.__file__).read_text(),
        f"{UNITS}/ovnest-channel.service": CHANNEL_UNIT,
        "etc/fstab": f"LABEL={SOFTWARE_LABEL} {SOFTWARE} ext4 ro 0 0\n",
        "etc/systemd/network/10-eth0.network": FIRST_NIC,
        "etc/hosts": "127.0.0.1 localhost\n",
        # Empty: each machine makes its own when it first boots, and its DHCP identity from that.
        "etc/machine-id": "",
        # The volatile part of the log would be lost when a machine is reset, which is when one wants it.
        "etc/systemd/journald.conf.d/kept.conf": "[Journal]\nStorage=persistent\nSystemMaxUse=50M\n",
        **more,
    }


ENABLED = ("systemd-networkd.service", "ovnest-channel.service", "openvswitch-switch.service")

RECIPES = {
    "bookworm": Recipe(
        suite="bookworm",
        python="3.11",
        packages=(*COMMON, "isc-dhcp-client", "docker.io", "containerd", "iptables"),
        files=_files(**{f"{UNITS}/ovs-vswitchd.service.d/ten-seconds.conf": AFTER_TEN_SECONDS}),
        enabled=ENABLED,
    ),
    "trixie": Recipe(
        suite="trixie",
        python="3.13",
        packages=(*COMMON, "dhcpcd-base", "podman", "netavark", "aardvark-dns", "crun", "catatonit"),
        files=_files(),
        enabled=ENABLED,
    ),
}


def recipe(suite: str) -> Recipe:
    """The recipe for a release of Debian.

    Raises:
        SandboxError: there is none.
    """
    if suite not in RECIPES:
        raise SandboxError(f"there is no guest with {suite}, but: {', '.join(RECIPES)}")
    return RECIPES[suite]
