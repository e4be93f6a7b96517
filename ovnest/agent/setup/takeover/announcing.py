"""Gratuitous ARP and a router solicitation, when a device has just got its packets."""

import socket
from contextlib import closing

from ovnest.agent.setup.takeover.facts import Facts
from ovnest.agent.vm.gratuitous_arp import gratuitous_frame

ICMPV6_ROUTER_SOLICITATION = 133
ALL_ROUTERS = "ff02::2"
HOPS = 255  # RFC 4861, 4.1


def announce(device: str, facts: Facts) -> None:
    """Send gratuitous ARP and unsolicited advertisements for the addresses, and solicit routers."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        for address in facts.addresses:
            sock.send(gratuitous_frame(facts.mac, address.address))
    if any(address.family == socket.AF_INET6 for address in facts.addresses):
        _solicit(device)


def _solicit(device: str) -> None:
    index = socket.if_nametoindex(device)
    with closing(socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
        sock.sendto(bytes((ICMPV6_ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0)), (ALL_ROUTERS, 0, 0, index))
