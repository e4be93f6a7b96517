"""What a NIC has, read from the kernel by netlink.

Source: rtnetlink(7); linux/rtnetlink.h, linux/if_addr.h, linux/neighbour.h.
"""

import socket
from collections.abc import Iterator
from typing import Any

from pyroute2 import IPRoute

from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.takeover.device import read_settings
from ovnest.agent.setup.takeover.facts import Address, Facts, Hop, Neighbour, Route
from ovnest.agent.setup.takeover.messages import FOREVER, NTF_PROXY, proxied
from ovnest.agent.vm.netlink import IFF_UP, link_of
from ovnest.agent.vm.offload import tx_checksum_offload

IFF_LOOPBACK = 0x8
IFF_PROMISC = 0x100
TICKS_PER_S = 100  # USER_HZ, in which a route's expiry is told

# What may be said of an address when it is made.
IFA_F_PERMANENT = 0x80
SETTABLE = 0x02 | 0x10 | 0x100 | 0x200 | 0x400

LOCAL_TABLE = 255
PROTO_KERNEL = 2
RTNH_F_ONLINK = 4
RTM_F_CLONED = 0x200
KNOWN_ATTRIBUTES = {
    "RTA_TABLE",
    "RTA_DST",
    "RTA_SRC",
    "RTA_OIF",
    "RTA_GATEWAY",
    "RTA_VIA",
    "RTA_PRIORITY",
    "RTA_PREFSRC",
    "RTA_METRICS",
    "RTA_PREF",
    "RTA_FLOW",
    "RTA_CACHEINFO",
    "RTA_MULTIPATH",
}

NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT = (
    1 << bit for bit in range(8)
)
NTF_ROUTER = 0x80


def read(name: str) -> Facts:
    """All that the NIC has.

    Raises:
        NotSetUp: there is none, or it has something that cannot be moved; the message says what.
    """
    with IPRoute() as ip:
        link = link_of(ip, name)
        index: int = link["index"]
        return Facts(
            name=name,
            index=index,
            mac=link.get_attr("IFLA_ADDRESS"),
            mtu=link.get_attr("IFLA_MTU"),
            addresses=tuple(
                _address(each) for each in ip.addr("dump", index=index) if each["index"] == index
            ),
            routes=tuple(routes_of(ip, index)),
            neighbours=tuple(_neighbours(ip, index)),
            settings=tuple(read_settings(name)),
            tx_checksum_offload_off=not tx_checksum_offload(name),
            promiscuous=bool(link["flags"] & IFF_PROMISC),
        )


def refuse_what_cannot_be(name: str) -> None:
    """Return if the device is one that can become a bridge's port and takes its addresses with it.

    Raises:
        NotSetUp: it is not; the message says why.
    """
    with IPRoute() as ip:
        link = link_of(ip, name)
        index = link["index"]
        if link["flags"] & IFF_LOOPBACK:
            raise NotSetUp(f"{name} is the loopback")
        if not link["flags"] & IFF_UP:
            raise NotSetUp(f"{name} is down: `--uplink {name}` is for a NIC that nothing uses")
        master = link.get_attr("IFLA_MASTER")
        if master is not None:
            above = ip.link("get", index=master)[0].get_attr("IFLA_IFNAME")
            raise NotSetUp(f"{name} belongs to {above} already")
        for other in ip.link("dump"):
            stacked = other.get_attr("IFLA_LINK") == index and other.get_attr("IFLA_LINK_NETNSID") is None
            if stacked and other["index"] != index:
                raise NotSetUp(
                    f"{other.get_attr('IFLA_IFNAME')} stands on {name}, and would lose its packets; take it "
                    f"away first"
                )
        for rule in ip.rule("dump"):
            if name in (rule.get_attr("FRA_IIFNAME"), rule.get_attr("FRA_OIFNAME")):
                raise NotSetUp(
                    f"a rule of `ip rule` names {name}, and would not match the bridge; give it another form"
                )


def exists(name: str) -> bool:
    """Whether there is a device of that name."""
    with IPRoute() as ip:
        return bool(ip.link_lookup(ifname=name))


def mac_of(name: str) -> str:
    """The MAC address that the device has."""
    with IPRoute() as ip:
        mac: str = link_of(ip, name).get_attr("IFLA_ADDRESS")
        return mac


def master_of(name: str) -> str:
    """The name of the device that has taken this one; empty if none has."""
    with IPRoute() as ip:
        master = link_of(ip, name).get_attr("IFLA_MASTER")
        return "" if master is None else ip.link("get", index=master)[0].get_attr("IFLA_IFNAME")


def routes_of(ip: Any, index: int) -> Iterator[Route]:
    """The routes through that device, but for those that the kernel makes by itself."""
    for family in (socket.AF_INET, socket.AF_INET6):
        for message in ip.route("dump", family=family):
            hops = message.get_attr("RTA_MULTIPATH") or []
            devices = {message.get_attr("RTA_OIF"), *(hop["oif"] for hop in hops)}
            if index in devices and not _by_itself(message):
                yield _route(message, index)


def _by_itself(message: Any) -> bool:
    """Whether the kernel makes that route when an address comes, and takes it away when it goes."""
    return bool(
        message["proto"] == PROTO_KERNEL
        or message["flags"] & RTM_F_CLONED
        or (message.get_attr("RTA_TABLE") == LOCAL_TABLE and message["proto"] == 0)
    )


def _route(message: Any, index: int) -> Route:
    names = {name for name, _ in message["attrs"]}
    length = message["dst_len"]
    shown = f"{message.get_attr('RTA_DST') or 'default'}" + (f"/{length}" if length else "")
    if names - KNOWN_ATTRIBUTES:
        raise NotSetUp(
            f"the route to {shown} goes by a nexthop object, or has what this release cannot move "
            f"({', '.join(sorted(names - KNOWN_ATTRIBUTES))}); take it away first"
        )
    via = message.get_attr("RTA_VIA")
    metrics = message.get_attr("RTA_METRICS")
    cache = message.get_attr("RTA_CACHEINFO")
    expires = cache["rta_expires"] if cache is not None and message["family"] == socket.AF_INET6 else 0
    return Route(
        family=message["family"],
        destination=message.get_attr("RTA_DST"),
        length=length,
        table=message.get_attr("RTA_TABLE"),
        proto=message["proto"],
        scope=message["scope"],
        kind=message["type"],
        tos=message["tos"],
        flags=message["flags"] & RTNH_F_ONLINK,
        source=message.get_attr("RTA_SRC"),
        source_length=message["src_len"],
        gateway=message.get_attr("RTA_GATEWAY") or (via["addr"] if via else None),
        via_family=via["family"] if via else None,
        metric=message.get_attr("RTA_PRIORITY"),
        preferred_source=message.get_attr("RTA_PREFSRC"),
        preference=message.get_attr("RTA_PREF"),
        realm=message.get_attr("RTA_FLOW"),
        expires_s=max(1, expires // TICKS_PER_S) if expires > 0 else None,
        metrics=tuple((name, value) for name, value in (metrics["attrs"] if metrics else ())),
        hops=tuple(_hop(hop, index) for hop in message.get_attr("RTA_MULTIPATH") or ()),
    )


def _hop(hop: Any, index: int) -> Hop:
    return Hop(
        gateway=hop.get_attr("RTA_GATEWAY"),
        device=None if hop["oif"] == index else hop["oif"],
        weight=hop["hops"],
        flags=hop["flags"] & RTNH_F_ONLINK,
    )


def _address(message: Any) -> Address:
    local, address = message.get_attr("IFA_LOCAL"), message.get_attr("IFA_ADDRESS")
    cache = message.get_attr("IFA_CACHEINFO")
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    return Address(
        family=message["family"],
        address=local or address,
        length=message["prefixlen"],
        peer=address if local not in (None, address) else None,
        broadcast=message.get_attr("IFA_BROADCAST"),
        label=message.get_attr("IFA_LABEL"),
        scope=message["scope"],
        flags=flags & SETTABLE,
        valid_s=_lifetime(cache["ifa_valid"]),
        preferred_s=_lifetime(cache["ifa_preferred"]),
        proto=message.get_attr("IFA_PROTO"),
        metric=message.get_attr("IFA_RT_PRIORITY"),
        dynamic=not flags & IFA_F_PERMANENT,
    )


def _lifetime(seconds: int) -> int | None:
    return None if seconds == FOREVER else seconds


def _neighbours(ip: Any, index: int) -> Iterator[Neighbour]:
    known = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT
    for family in (socket.AF_INET, socket.AF_INET6):
        found = [
            *(each for each in ip.neigh("dump", family=family) if each["state"] & known),
            *proxied(family),
        ]
        for message in found:
            if message["ifindex"] == index:
                yield Neighbour(
                    family=family,
                    address=message.get_attr("NDA_DST"),
                    mac=message.get_attr("NDA_LLADDR"),
                    state=NUD_PERMANENT if message["state"] & NUD_PERMANENT else NUD_STALE,
                    flags=message["flags"] & (NTF_PROXY | NTF_ROUTER),
                )
