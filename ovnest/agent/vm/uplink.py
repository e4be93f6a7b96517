"""The NIC that leads to the hypervisor: how it is found and prepared."""

import subprocess
from shutil import which

from msgspec import Struct
from pyroute2 import IPRoute

from ovnest.agent.errors import NotSetUp
from ovnest.agent.vm.netlink import link_of
from ovnest.agent.vm.offload import set_tx_checksum_offload

NFT_TABLE = "ovnest_agent"
NFT_TIMEOUT_S = 10.0
NO_NFT = "a datapath in userspace needs the program nft: apt install nftables"


class Uplink(Struct, frozen=True, kw_only=True):
    """A NIC; its addresses without those of its link alone."""

    name: str
    mac: str
    addresses: tuple[str, ...]


def look(name: str) -> Uplink:
    """The NIC of that name.

    Raises:
        NotSetUp: there is none.
    """
    with IPRoute() as ip:
        link = link_of(ip, name)
        addresses = tuple(
            f"{each.get_attr('IFA_ADDRESS')}/{each['prefixlen']}"
            for each in ip.addr("dump", index=link["index"])
            if each["scope"] == 0
        )
        return Uplink(name=name, mac=link.get_attr("IFLA_ADDRESS"), addresses=addresses)


def prepare(name: str, *, userspace: bool) -> None:
    """Take the NIC up, and give its packets to the bridge alone; may be done twice.

    For a datapath in userspace its TX checksum offload is off, and the kernel's own stack is kept off it.

    Raises:
        NotSetUp: there is no such NIC, or no nft.
    """
    with IPRoute() as ip:
        ip.link("set", index=link_of(ip, name)["index"], state="up")
    if userspace:
        set_tx_checksum_offload(name, on=False)
        _keep_kernel_off(name)


def check_possible(*, userspace: bool) -> None:
    """Return if `prepare` will find what it needs.

    Raises:
        NotSetUp: it will not.
    """
    if userspace and which("nft") is None:
        raise NotSetUp(NO_NFT)


def release() -> None:
    """Give a NIC's packets back to the kernel, whether they were kept from it or not."""
    _nft(f"table netdev {NFT_TABLE}; delete table netdev {NFT_TABLE}")


def _keep_kernel_off(name: str) -> None:
    """Keep the kernel's own stack off what arrives on a port of a datapath in userspace.

    Open vSwitch reads it by AF_PACKET, which sees a frame before this drop; the kernel would answer each
    frame a second time.
    """
    rule = f'chain in {{ type filter hook ingress device "{name}" priority 0; policy drop; }};'
    _nft(f"table netdev {NFT_TABLE}; delete table netdev {NFT_TABLE}; table netdev {NFT_TABLE} {{ {rule} }}")


def _nft(commands: str) -> None:
    try:
        done = subprocess.run(
            ("nft", commands),  # noqa: S607  wherever the distribution has it
            capture_output=True,
            text=True,
            timeout=NFT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise NotSetUp(NO_NFT) from None
    if done.returncode:
        raise NotSetUp(f"nft: {done.stderr.strip()}")
