"""Requests to the kernel, as netlink has them.

Source: netlink(7), rtnetlink(7); linux/rtnetlink.h, linux/if_addr.h, linux/neighbour.h.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST
from pyroute2.netlink.rtnl import RTM_GETNEIGH
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from ovnest.agent.setup.takeover.facts import Address, Hop, Neighbour, Route

FOREVER = 0xFFFFFFFF
NTF_PROXY = 0x08
NETLINK_HEADER_SIZE = 16
ANSWER_SIZE = 65536
NLMSG_ERROR, NLMSG_DONE = 2, 3
ANSWER_TIMEOUT_S = 5.0
ONE_BYTE = 255  # a table with a higher number stands in the attribute alone


def send(message: Any, kind: int, flags: int) -> None:
    """Have the kernel do what the message says. Raises OSError with what it answers."""
    with asked(message, kind, NLM_F_ACK | flags) as sock:
        answer = sock.recv(ANSWER_SIZE)
    number: int = -struct.unpack_from("=i", answer, NETLINK_HEADER_SIZE)[0]
    if number:
        raise OSError(number, os.strerror(number))


def proxied(family: int) -> list[Any]:
    """The addresses that are answered for others: dumped only where the request's flags say so."""
    request = ndmsg()
    request["family"], request["flags"] = family, NTF_PROXY
    found: list[Any] = []
    with asked(request, RTM_GETNEIGH, NLM_F_DUMP) as sock:
        while True:
            answer = sock.recv(ANSWER_SIZE)
            while answer:
                length, kind = struct.unpack_from("=IH", answer)
                if kind in (NLMSG_DONE, NLMSG_ERROR):
                    return found
                message = ndmsg(answer[:length])
                message.decode()
                found.append(message)
                answer = answer[length:]


def address_message(address: Address, index: int) -> Any:
    """That address on the device of that index."""
    message = ifaddrmsg()
    message["family"], message["prefixlen"] = address.family, address.length
    message["index"], message["scope"] = index, address.scope
    message["flags"] = address.flags & 0xFF
    # For ever would make it permanent.
    valid_s = FOREVER - 1 if address.dynamic and address.valid_s is None else address.valid_s
    message["attrs"] = [
        ("IFA_LOCAL", address.address),
        ("IFA_ADDRESS", address.peer or address.address),
        ("IFA_FLAGS", address.flags),
        *_given(IFA_BROADCAST=address.broadcast, IFA_LABEL=address.label, IFA_PROTO=address.proto),
        *_given(IFA_RT_PRIORITY=address.metric),
    ]
    if valid_s is not None or address.preferred_s is not None:
        message["attrs"].append(
            (
                "IFA_CACHEINFO",
                {
                    "ifa_valid": FOREVER if valid_s is None else valid_s,
                    "ifa_preferred": min(
                        each for each in (FOREVER, valid_s, address.preferred_s) if each is not None
                    ),
                    "cstamp": 0,
                    "tstamp": 0,
                },
            )
        )
    return message


def route_message(route: Route, index: int) -> Any:
    """That route through the device of that index."""
    message = rtmsg()
    message["family"], message["tos"], message["flags"] = route.family, route.tos, route.flags
    message["dst_len"], message["src_len"] = route.length, route.source_length
    message["table"] = route.table if route.table <= ONE_BYTE else 0
    message["proto"], message["scope"], message["type"] = route.proto, route.scope, route.kind
    attributes: list[tuple[str, Any]] = [
        ("RTA_TABLE", route.table),
        *_given(RTA_DST=route.destination, RTA_SRC=route.source, RTA_PRIORITY=route.metric),
        *_given(RTA_PREFSRC=route.preferred_source, RTA_PREF=route.preference, RTA_FLOW=route.realm),
    ]
    if route.metrics:
        attributes.append(("RTA_METRICS", {"attrs": list(route.metrics)}))
    if route.expires_s is not None:
        attributes.append(("RTA_EXPIRES", struct.pack("I", route.expires_s)))
    if route.hops:
        attributes.append(("RTA_MULTIPATH", [_hop_message(hop, index) for hop in route.hops]))
    else:
        attributes.append(("RTA_OIF", index))
        if route.via_family is not None:
            attributes.append(("RTA_VIA", {"family": route.via_family, "addr": route.gateway}))
        elif route.gateway is not None:
            attributes.append(("RTA_GATEWAY", route.gateway))
    message["attrs"] = attributes
    return message


def neighbour_message(neighbour: Neighbour, index: int) -> Any:
    """That neighbour of the device of that index."""
    message = ndmsg()
    message["family"], message["ifindex"] = neighbour.family, index
    message["state"], message["flags"] = neighbour.state, neighbour.flags
    message["attrs"] = [("NDA_DST", neighbour.address), *_given(NDA_LLADDR=neighbour.mac)]
    return message


@contextmanager
def asked(message: Any, kind: int, flags: int) -> Iterator[socket.socket]:
    """A socket by which the kernel answers that request (netlink(7))."""
    message["header"] = {"type": kind, "flags": NLM_F_REQUEST | flags, "sequence_number": 1, "pid": 0}
    message.reset()
    message.encode()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(ANSWER_TIMEOUT_S)
        sock.sendto(bytes(message.data), (0, 0))
        yield sock


def _hop_message(hop: Hop, index: int) -> dict[str, Any]:
    return {
        "oif": index if hop.device is None else hop.device,
        "hops": hop.weight,
        "flags": hop.flags,
        "attrs": list(_given(RTA_GATEWAY=hop.gateway)),
    }


def _given(**attributes: Any) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in attributes.items() if value is not None)
