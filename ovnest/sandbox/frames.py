"""Ethernet frames as tcpdump writes them: what a test wants to know of each."""

from collections.abc import Iterator
from ipaddress import ip_address
from struct import Struct as Layout

from msgspec import Struct

VLAN_TYPES = (0x8100, 0x88A8)
IPV4 = 0x0800
IPV6 = 0x86DD
UDP = 17
UDP_HEADER_BYTES = 8
GENEVE_HEADER_BYTES = 8

# pcap-savefile(5); the byte order is that of the machine, which is ours.
FILE_HEADER = Layout("=IHHiIII")
FRAME_HEADER = Layout("=IIII")


class Frame(Struct, frozen=True, kw_only=True):
    """One frame; `tag` is the VLAN ID of its outermost tag; `source` and `target` are those of IP."""

    source_mac: str
    target_mac: str
    tag: int | None
    ethertype: int
    source: str | None
    target: str | None
    payload: bytes

    @property
    def udp_port(self) -> int | None:
        """The port that a UDP packet goes to; None for everything else."""
        udp = self._udp()
        return int.from_bytes(udp[2:4]) if udp else None

    def inside_geneve(self) -> "Frame":
        """The frame that a Geneve packet carries.

        Source: RFC 8926, 3.4: eight bytes, and options in units of four.
        """
        geneve = self._udp()[UDP_HEADER_BYTES:]
        options = (geneve[0] & 0x3F) * 4
        return parse(geneve[GENEVE_HEADER_BYTES + options :])

    def _udp(self) -> bytes:
        """The UDP header and what follows; empty if this is none. IPv6 extension headers are not followed."""
        if self.ethertype == IPV4 and self.payload[9] == UDP:
            return self.payload[(self.payload[0] & 0xF) * 4 :]
        if self.ethertype == IPV6 and self.payload[6] == UDP:
            return self.payload[40:]
        return b""


class PcapReader:
    """Takes the bytes of a pcap stream as they come, and gives the frames that are whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._rest += data
        if not self._begun:
            if len(self._rest) < FILE_HEADER.size:
                return
            self._rest = self._rest[FILE_HEADER.size :]
            self._begun = True
        while len(self._rest) >= FRAME_HEADER.size:
            _, _, captured, _ = FRAME_HEADER.unpack_from(self._rest)
            end = FRAME_HEADER.size + captured
            if len(self._rest) < end:
                return
            frame, self._rest = self._rest[FRAME_HEADER.size : end], self._rest[end:]
            yield parse(frame)


def parse(data: bytes) -> Frame:
    """What the bytes of a frame, from the destination address on, say."""
    ethertype, at, tag = int.from_bytes(data[12:14]), 14, None
    while ethertype in VLAN_TYPES:
        if tag is None:
            tag = int.from_bytes(data[at : at + 2]) & 0xFFF
        ethertype, at = int.from_bytes(data[at + 2 : at + 4]), at + 4
    payload = data[at:]
    source = target = None
    if ethertype == IPV4 and len(payload) >= 20:
        source, target = payload[12:16], payload[16:20]
    elif ethertype == IPV6 and len(payload) >= 40:
        source, target = payload[8:24], payload[24:40]
    return Frame(
        source_mac=data[6:12].hex(":"),
        target_mac=data[0:6].hex(":"),
        tag=tag,
        ethertype=ethertype,
        source=str(ip_address(source)) if source else None,
        target=str(ip_address(target)) if target else None,
        payload=payload,
    )
