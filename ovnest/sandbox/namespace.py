"""Network namespaces and the links between them.

A namespace is entered by nsenter, not by `ip netns exec`, which makes a mount namespace with another /sys
each time.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ovnest.sandbox.process import run

MOUNTS = Path("/run/netns")

# What a new namespace gets, before it has any link: no forwarding (copied from the machine otherwise),
# addresses that are usable at once instead of after duplicate address detection, no delay before router
# solicitations.
SYSCTLS = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv6/conf/all/disable_ipv6": "0",
    "net/ipv6/conf/default/disable_ipv6": "0",
    "net/ipv6/conf/all/forwarding": "0",
    "net/ipv6/conf/default/forwarding": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/dad_transmits": "0",
    "net/ipv6/conf/default/router_solicitation_delay": "0",
}


class Namespace(Struct, frozen=True):
    """A network namespace with a name, as `ip netns` lists it."""

    name: str

    @property
    def path(self) -> Path:
        return MOUNTS / self.name

    def inside(self, *argv: str) -> tuple[str, ...]:
        """The command line that runs `argv` in here."""
        return ("nsenter", f"--net={self.path}", "--", *argv)

    async def run(self, *argv: str, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
        """What a program printed that ran in here. Raises CommandFailed."""
        return await run(*self.inside(*argv), env=env, stdin=stdin)

    async def ip(self, *lines: str) -> None:
        """Several commands of ip(8) in here, by one process."""
        await run("ip", "-n", self.name, "-batch", "-", stdin="\n".join(lines) + "\n")

    async def shell(self, script: str) -> None:
        """A script for sh(1) in here, ended by its first command that fails."""
        await self.run("sh", "-ec", script)


async def create(*namespaces: Namespace) -> None:
    """Make the namespaces, all by one process: two that mount /run/netns at once would hide each other's."""
    await run("ip", "-batch", "-", stdin="".join(f"netns add {each.name}\n" for each in namespaces))


async def prepare(namespace: Namespace) -> None:
    """Give a new namespace its settings and its loopback."""
    settings = "\n".join(f"echo {value} >/proc/sys/{name}" for name, value in SYSCTLS.items())
    await namespace.shell(f"{settings}\nip link set lo up")


async def hurry_neighbours(namespace: Namespace, device: str) -> None:
    """Ask again for a silent neighbour after 0.1 s instead of 1 s: the first packets to it do get lost."""
    files = (f"/proc/sys/net/{family}/neigh/{device}/retrans_time_ms" for family in ("ipv4", "ipv6"))
    await namespace.shell("\n".join(f"echo 100 >{file}" for file in files))


async def delete(names: Sequence[str]) -> None:
    """Take the namespaces away, and with them the links in them."""
    if names:
        await run("ip", "-force", "-batch", "-", stdin="".join(f"netns del {name}\n" for name in names))


def named(prefix: str) -> list[str]:
    """The namespaces whose name begins with `prefix`."""
    if not MOUNTS.is_dir():
        return []
    return sorted(entry.name for entry in MOUNTS.iterdir() if entry.name.startswith(prefix))


async def connect(
    left: Namespace,
    left_device: str,
    right: Namespace,
    right_device: str,
    *,
    mtu: int,
    mac: str | None = None,
) -> None:
    """A veth pair between two namespaces, both ends down; `mac` is the right end's."""
    peer = f"peer name {right_device} netns {right.name} mtu {mtu}{f' address {mac}' if mac else ''}"
    await left.ip(f"link add name {left_device} mtu {mtu} type veth {peer}")


async def disconnect(namespace: Namespace, device: str) -> None:
    """Take a device away, if it is there.

    A veth goes with the namespace of its other end of itself, but at some later time; now its name is free at
    once.
    """
    await namespace.shell(f"if ip link show dev {device} >/dev/null 2>&1; then ip link del dev {device}; fi")


async def disable_tx_checksum_offload(namespace: Namespace, *devices: str) -> None:
    """Switch the TX checksum offload of these devices off: they send with TCP and UDP checksums.

    A veth hands packets on with their checksums unfinished; Open vSwitch's userspace datapath takes them by
    AF_PACKET as they are. Ping then works, and TCP transfers nothing.
    """
    await namespace.shell("\n".join(f"ethtool -K {device} tx off >/dev/null" for device in devices))


async def leave_to_open_vswitch(namespace: Namespace, device: str) -> None:
    """Keep the kernel's own stack off what arrives on a device that is a port of a userspace datapath.

    Open vSwitch reads it by AF_PACKET, which sees a frame before this drop; the kernel would handle each
    frame a second time (duplicate replies, port unreachable for Geneve).
    """
    rule = f'chain in {{ type filter hook ingress device "{device}" priority 0; policy drop; }};'
    await namespace.run("nft", f"table netdev ovnest_{device} {{ {rule} }}")
