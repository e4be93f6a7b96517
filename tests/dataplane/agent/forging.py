"""Frames that somebody sends who is not to be trusted: built by hand, and sent as they are."""

import struct
import sys
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

from ovnest.sandbox.node import Node
from ovnest.sandbox.process import attempt

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES = "33:33:00:00:00:01"
VLAN = 0x8100
SERVICE_VLAN = 0x88A8
UDP = 17
ICMPV6 = 58
SENDER = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
    sock.bind((sys.argv[1], 0))
    for line in sys.stdin:
        sock.send(bytes.fromhex(line))
"""


UDP_SENDER = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.sendto(bytes.fromhex(sys.argv[3]), (sys.argv[1], int(sys.argv[2])))
"""
GENEVE_PORT = 6081
OVN_OPTION = (0x0102, 0x80)  # class and type; ovn-architecture(7), "Tunnel Encapsulations"


class Who(Struct, frozen=True, kw_only=True):
    """Somebody who could be pretended to be. `tag` is None for who has none."""

    mac: str
    v4: str
    v6: str
    tag: int | None = None


async def send(node: Node, device: str, frames: list[bytes]) -> None:
    """Send frames on a device of `node`, in this order."""
    argv = node.namespace.inside(sys.executable, "-c", SENDER, device)
    text = "".join(f"{frame.hex()}\n" for frame in frames)
    status, _, complaint = await attempt(*argv, stdin=text)
    assert status == 0, complaint


async def send_udp(node: Node, address: str, port: int, data: bytes) -> None:
    """Send a UDP packet from `node` as any program there can."""
    argv = node.namespace.inside(sys.executable, "-c", UDP_SENDER, address, str(port), data.hex())
    status, _, complaint = await attempt(*argv)
    assert status == 0, complaint


def geneve(network: int, *, port: int, frame: bytes, from_port: int = 0) -> bytes:
    """What OVN sends to another chassis: the frame, for which port of which network, by their numbers.

    Source: RFC 8926, 3.4; ovn-architecture(7), "Tunnel Encapsulations".
    """
    option = struct.pack("!HBBI", *OVN_OPTION, 1, from_port << 16 | port)
    return struct.pack("!BBHI", len(option) // 4, 0, 0x6558, network << 8) + option + frame


def ethernet(target: str, source: str, content: bytes, *tags: tuple[int, int]) -> bytes:
    """A frame with these tags, (type, VLAN ID), outermost first; `content` begins with the EtherType."""
    middle = b"".join(struct.pack("!HH", kind, vlan) for kind, vlan in tags)
    return _mac(target) + _mac(source) + middle + content


def udp(source: str, target: str, text: str, *, ports: tuple[int, int] = (40000, 40000)) -> bytes:
    """A UDP packet between these addresses."""
    data = text.encode()
    one, other = ip_address(source), ip_address(target)
    length = 8 + len(data)
    if one.version == 6:
        header = struct.pack("!IHBB", 6 << 28, length, UDP, 64) + one.packed + other.packed
        content = struct.pack("!HHHH", *ports, length, 0) + data
        return b"\x86\xdd" + header + _with_checksum(content, 6, one.packed + other.packed, UDP)
    fields = (0x45, 0, 20 + length, 0, 0, 64, UDP, 0)
    header = struct.pack("!BBHHHBBH", *fields) + one.packed + other.packed
    header = header[:10] + struct.pack("!H", _checksum(header)) + header[12:]
    return b"\x08\x00" + header + struct.pack("!HHHH", *ports, length, 0) + data


def arp(mac: str, address: str, text: str) -> bytes:
    """The announcement that `address` is at `mac`; what follows it means nothing."""
    packed = ip_address(address).packed
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + _mac(mac) + packed + bytes(6) + packed
    return b"\x08\x06" + body + text.encode()


def neighbour_advertisement(mac: str, address: str, text: str) -> bytes:
    """The same for IPv6; the text is in an option that nobody knows."""
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ip_address(address).packed
    body += struct.pack("!BB", 2, 1) + _mac(mac)
    return _icmpv6(address, body + _unknown_option(text))


def router_advertisement(source: str, text: str) -> bytes:
    """That `source` is the default router of everybody who listens."""
    return _icmpv6(source, struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + _unknown_option(text))


def link_local(mac: str) -> str:
    """The address of the link that a MAC address makes (RFC 4291, appendix A)."""
    link = _mac(mac)
    return str(
        IPv6Address(b"\xfe\x80" + bytes(6) + bytes([link[0] ^ 2]) + link[1:3] + b"\xff\xfe" + link[3:])
    )


def _icmpv6(source: str, body: bytes) -> bytes:
    addresses = ip_address(source).packed + IPv6Address("ff02::1").packed
    header = struct.pack("!IHBB", 6 << 28, len(body), ICMPV6, 255) + addresses
    return b"\x86\xdd" + header + _with_checksum(body, 2, addresses, ICMPV6)


def _unknown_option(text: str) -> bytes:
    data = text.encode()
    units = (len(data) + 2 + 7) // 8
    return struct.pack("!BB", 253, units) + data.ljust(units * 8 - 2, b"\0")


def _with_checksum(content: bytes, at: int, addresses: bytes, protocol: int) -> bytes:
    pseudo = addresses + struct.pack("!IxxxB", len(content), protocol)
    return content[:at] + struct.pack("!H", _checksum(pseudo + content)) + content[at + 2 :]


def _checksum(data: bytes) -> int:
    """Source: RFC 1071."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
