"""Ethernet frames as tcpdump writes them: what a test wants to know of each."""

from collections.abc import Iterator
from ipaddress import ip_address
from struct import Struct as Layout

from msgspec import Struct

VLAN_TYPES = (0x8100, 0x88A8)
IPV4 = 0x0800
IPV6 = 0x86DD

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
