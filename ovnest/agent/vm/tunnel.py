"""Encap and tunnel MTU: at which address and NIC of this machine tunnels end, and what they can carry."""

import asyncio
import time
from ipaddress import ip_address
from typing import Any

from msgspec import Struct
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ovnest.agent.errors import NotSetUp

# Outer IP, UDP, Geneve with OVN's option (8), and the inner Ethernet header (RFC 8926; ovn-architecture(7)).
GENEVE_BYTES = {4: 20 + 8 + 8 + 8 + 14, 6: 40 + 8 + 8 + 8 + 14}


ENCAP_IP = "ovn-encap-ip"
KEPT_S = 30.0


class Encap(Struct, frozen=True, kw_only=True):
    """An address of this machine at which tunnels end, the device that has it, and that one's MTU."""

    address: str
    device: str
    mtu: int

    @property
    def tunnel_mtu(self) -> int:
        """The MTU of what goes through a Geneve tunnel from there."""
        return self.mtu - GENEVE_BYTES[ip_address(self.address).version]


class TunnelMtu:
    """The MTU of tunnels; some seconds old at most."""

    def __init__(self) -> None:
        self._known: tuple[str, float, int | None] | None = None

    async def of(self, encap_ip: str) -> int | None:
        """What tunnels from that address carry (of several, with commas between, the least).

        None where no device of this machine has it, or it is none.
        """
        now = time.monotonic()
        if self._known is None or self._known[0] != encap_ip or self._known[1] < now - KEPT_S:
            self._known = (encap_ip, now, await asyncio.to_thread(_least, encap_ip))
        return self._known[2]


def _least(encap_ip: str) -> int | None:
    try:
        return min(encap_at(each.strip()).tunnel_mtu for each in encap_ip.split(",")) if encap_ip else None
    except NotSetUp:
        return None  # an address that others know this machine by, and it itself does not


def encap_towards(host: str) -> Encap:
    """Where tunnels to `host` end on this machine: the address that the kernel would send from.

    Raises:
        NotSetUp: there is none.
    """
    with IPRoute() as ip:
        try:
            route = ip.route("get", dst=host)[0]
        except NetlinkError as error:
            raise NotSetUp(f"there is no route to {host}: {error}") from None
        address, index = route.get_attr("RTA_PREFSRC"), route.get_attr("RTA_OIF")
        if address is None:
            raise NotSetUp(f"the route to {host} has no address of this machine: name one by --encap-ip")
        return _encap(ip, address, index)


def encap_at(address: str) -> Encap:
    """Where tunnels from that address of this machine end.

    Raises:
        NotSetUp: no device has it.
    """
    try:
        wanted = ip_address(address)
    except ValueError:
        raise NotSetUp(f"{address} is no IP address") from None
    with IPRoute() as ip:
        for each in ip.addr("dump"):
            if ip_address(each.get_attr("IFA_ADDRESS")) == wanted:
                return _encap(ip, address, each["index"])
    raise NotSetUp(f"no device of this machine has the address {address}")


def _encap(ip: Any, address: str, index: int) -> Encap:
    link = ip.link("get", index=index)[0]
    return Encap(address=address, device=link.get_attr("IFLA_IFNAME"), mtu=link.get_attr("IFLA_MTU"))
