"""Telling systemd that we are ready, or stopping (sd_notify(3)): one datagram to NOTIFY_SOCKET."""

import os
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(state: str, notify_socket: str | None = None) -> bool:
    """Send `state`; whether somebody wanted to know. Not under systemd, nothing is sent.

    Raises:
        OSError: NOTIFY_SOCKET names a socket that does not take it.
    """
    address = notify_socket or os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket, unix(7)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address)
    return True
