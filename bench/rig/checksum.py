"""The Internet checksum.

Source: RFC 1071.
"""

import struct


def checksum(data: bytes) -> int:
    """The checksum of `data`, whose own field in it is 0."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
