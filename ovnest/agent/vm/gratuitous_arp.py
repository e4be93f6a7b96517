"""Gratuitous ARP and unsolicited neighbour advertisements: an address is at this MAC now. Pure.

An address that another container had a moment ago is remembered by its neighbours with that one's MAC;
without being told they find out only after some seconds of silence.

Source: RFC 5227, 3 (ARP announcement); RFC 4861, 7.2.6 (unsolicited neighbour advertisement).
"""

import struct
from ipaddress import IPv6Address, ip_address

BROADCAST = b"\xff" * 6
ALL_NODES = IPv6Address("ff02::1").packed
ALL_NODES_MAC = bytes.fromhex("333300000001")
ETHERTYPE_ARP = 0x0806
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_VLAN = 0x8100
MACS_BYTES = 12
ARP_REQUEST = 1
ICMPV6 = 58
ADVERTISEMENT = 136
OVERRIDE = 0x20000000
TARGET_LINK_ADDRESS = 2
HOPS = 255


def gratuitous_frame(mac: str, address: str) -> bytes:
    """The whole Ethernet frame: gratuitous ARP for IPv4, an unsolicited advertisement for IPv6."""
    link = bytes.fromhex(mac.replace(":", ""))
    ip = ip_address(address)
    return _advertisement(link, ip.packed) if ip.version == 6 else _arp(link, ip.packed)


def tagged(frame: bytes, tag: int) -> bytes:
    """The frame as an access port's switch sends it on (IEEE 802.1Q)."""
    return frame[:MACS_BYTES] + struct.pack("!HH", ETHERTYPE_VLAN, tag) + frame[MACS_BYTES:]


def _arp(link: bytes, address: bytes) -> bytes:
    header = struct.pack("!HHBBH", 1, 0x0800, 6, 4, ARP_REQUEST)
    return _ethernet(BROADCAST, link, ETHERTYPE_ARP) + header + link + address + bytes(6) + address


def _advertisement(link: bytes, address: bytes) -> bytes:
    message = struct.pack("!BBHI", ADVERTISEMENT, 0, 0, OVERRIDE) + address
    message += struct.pack("!BB", TARGET_LINK_ADDRESS, 1) + link
    pseudo = address + ALL_NODES + struct.pack("!IxxxB", len(message), ICMPV6)
    message = message[:2] + struct.pack("!H", _checksum(pseudo + message)) + message[4:]
    header = struct.pack("!IHBB", 6 << 28, len(message), ICMPV6, HOPS) + address + ALL_NODES
    return _ethernet(ALL_NODES_MAC, link, ETHERTYPE_IPV6) + header + message


def _ethernet(target: bytes, source: bytes, kind: int) -> bytes:
    return target + source + struct.pack("!H", kind)


def _checksum(data: bytes) -> int:
    """Source: RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
