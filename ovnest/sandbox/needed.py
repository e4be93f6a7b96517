"""The programs that a sandbox needs on this machine, and the Debian packages that bring them."""

import os
import shutil

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.process import SEARCH
from ovnest.sandbox.release import Release

ALWAYS = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "ethtool": "ethtool",
    "nft": "nftables",
    "ping": "iputils-ping",
    "tcpdump": "tcpdump",
    "iperf3": "iperf3",
    "dhclient": "isc-dhcp-client",
}
OF_THE_RELEASE = {
    "ovsdb-server": "openvswitch-common",
    "ovs-vswitchd": "openvswitch-switch",
    "ovn-northd": "ovn-central",
    "ovn-controller": "ovn-host",
}


def check(release: Release) -> None:
    """Raise SandboxError, saying what to install, if this machine cannot run a sandbox of `release`."""
    if os.geteuid() != 0:
        raise SandboxError("a sandbox makes network namespaces and needs root")
    programs = ALWAYS if release.tree else ALWAYS | OF_THE_RELEASE
    packages = sorted({package for program, package in programs.items() if not _is_there(program)})
    if packages:
        raise SandboxError(f"this machine lacks what a sandbox needs: apt-get install {' '.join(packages)}")


def _is_there(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:{SEARCH}") is not None
