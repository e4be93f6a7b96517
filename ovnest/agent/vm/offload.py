"""TX checksum offload: whether a device's sender may leave TCP and UDP checksums to the device.

A veth hands packets on with their checksums unfinished, and the userspace datapath takes them as they are:
ping then works, and TCP transfers nothing.

Source: ethtool(8); linux/ethtool.h, struct ethtool_value.
"""

import ctypes
import errno
import fcntl
import socket
import struct

SIOCETHTOOL = 0x8946
ETHTOOL_GTXCSUM = 0x16
ETHTOOL_STXCSUM = 0x17


def tx_checksum_offload(device: str) -> bool:
    """Whether it is on. A driver without such an offload has it off.

    Raises:
        OSError: it cannot be told.
    """
    try:
        return bool(_ethtool(device, ETHTOOL_GTXCSUM, 0))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return False


def set_tx_checksum_offload(device: str, *, on: bool) -> None:
    """Switch it, if it is not so already.

    Raises:
        OSError: it cannot be switched.
    """
    try:
        _ethtool(device, ETHTOOL_STXCSUM, int(on))
    except OSError as error:
        # A driver may refuse, too, where there is nothing to be switched.
        if error.errno != errno.EOPNOTSUPP or tx_checksum_offload(device) is not on:
            raise


def _ethtool(device: str, command: int, value: int) -> int:
    """The value that a command gives which is told `value`."""
    told = (ctypes.c_char * 8).from_buffer_copy(struct.pack("II", command, value))
    request = struct.pack("16sP16x", device.encode(), ctypes.addressof(told))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            fcntl.ioctl(sock, SIOCETHTOOL, request)
        except OSError as error:
            raise OSError(error.errno, f"{device}: TX checksum offload: {error.strerror}") from error
    answer: int = struct.unpack("II", told)[1]
    return answer
