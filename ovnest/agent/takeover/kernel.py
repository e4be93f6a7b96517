"""What a NIC has, read from the kernel and given to another device, by netlink and /proc/sys.

Source: rtnetlink(7); linux/rtnetlink.h, linux/if_addr.h; Documentation/networking/ip-sysctl.rst.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink import (
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NLM_F_REQUEST,
)
from pyroute2.netlink.rtnl import (
    RTM_DELADDR,
    RTM_DELROUTE,
    RTM_GETNEIGH,
    RTM_NEWADDR,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
)
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from ovnest.agent.errors import LinkFailed, NotSetUp
from ovnest.agent.link import SIOCETHTOOL
from ovnest.agent.takeover.facts import (
    ROUTER_ADVERTISEMENT,
    Address,
    Facts,
    Hop,
    Neighbour,
    Route,
    standing_in,
)

ETHTOOL_GTXCSUM = 0x16
ETHTOOL_STXCSUM = 0x17
IFF_UP = 0x1
IFF_LOOPBACK = 0x8
IFF_PROMISC = 0x100
IFF_LOWER_UP = 0x10000
FOREVER = 0xFFFFFFFF
NETLINK_HEADER_SIZE = 16
ANSWER_SIZE = 65536
NLMSG_ERROR, NLMSG_DONE = 2, 3
ANSWER_TIMEOUT_S = 5.0
POLL_S = 0.02
TICKS_PER_S = 100  # USER_HZ, in which a route's expiry is told

# linux/if_addr.h: what may be said of an address when it is made, and that no duplicate is looked for.
IFA_F_PERMANENT = 0x80
SETTABLE = 0x02 | 0x10 | 0x100 | 0x200 | 0x400

# linux/rtnetlink.h
LOCAL_TABLE = 255
PROTO_KERNEL = 2
SCOPE_NOWHERE = 255
RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST = range(1, 6)
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
RTA_EXPIRES = 23

# linux/neighbour.h
NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT = (
    1 << bit for bit in range(8)
)
NTF_PROXY = 0x08
NTF_ROUTER = 0x80

SYS = Path("/proc/sys/net")
# What the kernel keeps for each device, and an operator may have set.
SETTINGS = {
    "ipv4/conf": (
        *("accept_local", "accept_redirects", "accept_source_route", "arp_accept", "arp_announce"),
        *("arp_filter", "arp_ignore", "arp_notify", "bc_forwarding", "forwarding", "igmpv2_unsolicited"),
        *("log_martians", "promote_secondaries", "proxy_arp", "proxy_arp_pvlan", "route_localnet"),
        *("rp_filter", "secure_redirects", "send_redirects", "shared_media", "src_valid_mark"),
    ),
    "ipv4/neigh": ("base_reachable_time_ms", "gc_stale_time", "mcast_solicit", "retrans_time_ms"),
    # The first: what forwarding would change in what follows is set after it.
    "ipv6/conf": (
        *("forwarding", "accept_ra", "accept_ra_defrtr", "accept_ra_pinfo", "accept_ra_min_hop_limit"),
        *("accept_ra_mtu", "accept_ra_rt_info_max_plen", "accept_ra_rtr_pref", "accept_redirects"),
        *("accept_dad", "addr_gen_mode", "autoconf", "dad_transmits", "disable_ipv6", "hop_limit"),
        *("max_addresses", "optimistic_dad", "proxy_ndp", "router_solicitation_delay"),
        *("router_solicitations", "temp_prefered_lft", "temp_valid_lft", "use_tempaddr"),
    ),
    "ipv6/neigh": ("base_reachable_time_ms", "gc_stale_time", "mcast_solicit", "retrans_time_ms"),
}
NO_IPV6 = "ipv6/conf/{device}/disable_ipv6"
NO_DUPLICATE_LOOKED_FOR = "ipv6/conf/{device}/accept_dad"


def read(name: str) -> Facts:
    """All that the NIC has.

    Raises:
        NotSetUp: there is none, or it has something that cannot be moved; the message says what.
    """
    with IPRoute() as ip:
        link = _link(ip, name)
        index: int = link["index"]
        return Facts(
            name=name,
            index=index,
            mac=link.get_attr("IFLA_ADDRESS"),
            mtu=link.get_attr("IFLA_MTU"),
            addresses=tuple(
                _address(each) for each in ip.addr("dump", index=index) if each["index"] == index
            ),
            routes=tuple(_routes(ip, index)),
            neighbours=tuple(_neighbours(ip, index)),
            settings=tuple(_settings(name)),
            whole_checksums=not _tx_checksums(name),
            promiscuous=bool(link["flags"] & IFF_PROMISC),
        )


def refuse_what_cannot_be(name: str) -> None:
    """Return if the device is one that can become a bridge's port and takes its addresses with it.

    Raises:
        NotSetUp: it is not; the message says why.
    """
    with IPRoute() as ip:
        link = _link(ip, name)
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
    with IPRoute() as ip:
        mac: str = _link(ip, name).get_attr("IFLA_ADDRESS")
        return mac


def master_of(name: str) -> str:
    """The name of the device that has taken this one; empty if none has."""
    with IPRoute() as ip:
        master = _link(ip, name).get_attr("IFLA_MASTER")
        return "" if master is None else ip.link("get", index=master)[0].get_attr("IFLA_IFNAME")


def end_promiscuous(name: str) -> None:
    """Let the NIC pass over what is not for it: a switch that was killed has left it listening to all."""
    with IPRoute() as ip:
        ip.link("set", index=_link(ip, name)["index"], flags=0, change=IFF_PROMISC)


def remove_abandoned(name: str) -> bool:
    """Take a tap away that no process holds any more; whether it was one."""
    with IPRoute() as ip:
        link = _link(ip, name)
        info = link.get_attr("IFLA_LINKINFO")
        if link["flags"] & IFF_LOWER_UP or info is None or info.get_attr("IFLA_INFO_KIND") != "tun":
            return False
        ip.link("del", index=link["index"])
        return True


def give(name: str, facts: Facts) -> None:
    """Give the device those settings, addresses, routes and neighbours; what it has already is left.

    A route with the same destination and metric through another device is left, too, and goes first: nothing
    is used in the new way until the old one is taken away.
    """
    write_settings(name, facts.settings)
    with IPRoute() as ip, _no_duplicates_looked_for(name):
        index = _link(ip, name)["index"]
        ip.link("set", index=index, state="up")
        for address in _as_they_came(facts.addresses):
            with accept(errno.EEXIST):
                _send(_address_message(address, index), RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL)
        for route in _nearest_first(facts.routes):
            with accept(errno.EEXIST):
                _send(_route_message(route, index), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND)
        for neighbour in facts.neighbours:
            _send(_neighbour_message(neighbour, index), RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE)


def take(name: str, facts: Facts) -> None:
    """Take those routes and addresses off the device, and IPv6 with them; may be done twice."""
    with IPRoute() as ip:
        index = _link(ip, name)["index"]
        for route in reversed(_nearest_first(facts.routes)):
            with accept(errno.ESRCH, errno.ENODEV, errno.ENOENT):
                _send(_route_message(route, index), RTM_DELROUTE, 0)
        for address in facts.addresses:
            if address.family == socket.AF_INET:
                with accept(errno.EADDRNOTAVAIL):
                    _send(_address_message(address, index), RTM_DELADDR, 0)
    write_settings(name, [(NO_IPV6, "1")])


def settle_router(name: str, facts: Facts, timeout_s: float) -> bool:
    """Wait until routers have advertised the routes that stand in for theirs, and take those away.

    Whether they have, within that time; if not, what stands in stays until it expires.
    """
    wanted = {(each.destination, each.gateway) for each in facts.routes if each.advertised}
    stand_ins = [each for each in standing_in(facts).routes if each.advertised]
    metrics = {each.metric for each in stand_ins}
    give_up = monotonic() + timeout_s
    with IPRoute() as ip:
        index = _link(ip, name)["index"]
        while wanted - {
            (each.destination, each.gateway)
            for each in _routes(ip, index)
            if each.proto == ROUTER_ADVERTISEMENT and each.metric not in metrics
        }:
            if monotonic() > give_up:
                return False
            sleep(POLL_S)
        for route in stand_ins:
            with accept(errno.ESRCH, errno.ENOENT):
                _send(_route_message(route, index), RTM_DELROUTE, 0)
    return True


def replace_stand_ins(name: str, facts: Facts, *, advertised: bool = False) -> None:
    """Give the device the routes themselves that others stand in for.

    Those that a router has advertised only where none does any more.
    """
    with IPRoute() as ip:
        index = _link(ip, name)["index"]
        for route, stand_in in zip(facts.routes, standing_in(facts).routes, strict=True):
            if not route.shifted or route.advertised is not advertised:
                continue
            with accept(errno.EEXIST):
                _send(_route_message(route, index), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL)
            with accept(errno.ESRCH, errno.ENOENT):
                _send(_route_message(stand_in, index), RTM_DELROUTE, 0)


def allow_ipv6(name: str, facts: Facts) -> None:
    """Let the device have IPv6 as those facts say; its link-local address is there at once."""
    wanted = [(key, value) for key, value in facts.settings if key == NO_IPV6]
    with _no_duplicates_looked_for(name):
        write_settings(name, wanted)


def write_settings(name: str, settings: Iterable[tuple[str, str]]) -> None:
    """Set those that are not so already."""
    for key, value in settings:
        path = SYS / key.format(device=name)
        if not path.exists():
            continue  # a kernel without IPv6 has none of its settings
        if path.read_text().strip() != value:
            path.write_text(value)


def set_tx_checksums(name: str, on: bool) -> None:
    """Whether the device's sender may leave checksums unfinished."""
    _ethtool(name, ETHTOOL_STXCSUM, int(on))


class accept:
    """`with accept(errno.X):` that outcome is as good as success."""

    def __init__(self, *codes: int) -> None:
        self._codes = codes

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        return isinstance(error, OSError) and error.errno in self._codes


@contextmanager
def _no_duplicates_looked_for(name: str) -> Iterator[None]:
    """Addresses that this machine has had all along are used at once, without a second of doubt."""
    path = SYS / NO_DUPLICATE_LOOKED_FOR.format(device=name)
    if not path.exists():
        yield
        return
    before = path.read_text().strip()
    path.write_text("0")
    try:
        yield
    finally:
        path.write_text(before)


# Reading.


def _link(ip: Any, name: str) -> Any:
    found = ip.link_lookup(ifname=name)
    if not found:
        raise NotSetUp(f"there is no NIC {name}")
    return ip.link("get", index=found[0])[0]


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


def _routes(ip: Any, index: int) -> Iterator[Route]:
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


def _neighbours(ip: Any, index: int) -> Iterator[Neighbour]:
    known = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT
    for family in (socket.AF_INET, socket.AF_INET6):
        found = [
            *(each for each in ip.neigh("dump", family=family) if each["state"] & known),
            *_proxied(family),
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


def _proxied(family: int) -> list[Any]:
    """The addresses that are answered for others: dumped only where the request's flags say so."""
    request = ndmsg()
    request["family"], request["flags"] = family, NTF_PROXY
    found: list[Any] = []
    with _asked(request, RTM_GETNEIGH, NLM_F_DUMP) as sock:
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


def _settings(name: str) -> Iterator[tuple[str, str]]:
    for directory, names in SETTINGS.items():
        for setting in names:
            path = SYS / directory / name / setting
            if path.exists():
                yield f"{directory}/{{device}}/{setting}", path.read_text().strip()


def _tx_checksums(name: str) -> bool:
    return bool(_ethtool(name, ETHTOOL_GTXCSUM, 0))


def _ethtool(name: str, command: int, value: int) -> int:
    buffer = (ctypes.c_char * 8).from_buffer_copy(struct.pack("II", command, value))
    request = struct.pack("16sP16x", name.encode(), ctypes.addressof(buffer))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            fcntl.ioctl(sock, SIOCETHTOOL, request)
        except OSError as error:
            # A driver that has no such offload has nothing to be switched.
            if error.errno != errno.EOPNOTSUPP:
                raise LinkFailed(f"{name}: its offloads cannot be read or set: {error}") from error
            return 0
    answer: int = struct.unpack("II", bytes(buffer))[1]
    return answer


# Writing.


def _as_they_came(addresses: Sequence[Address]) -> list[Address]:
    """The kernel shows IPv6 addresses of one scope the newest first, which is which one it sends from."""
    six = [each for each in addresses if each.family == socket.AF_INET6]
    return [each for each in addresses if each.family != socket.AF_INET6] + six[::-1]


def _nearest_first(routes: Iterable[Route]) -> list[Route]:
    """Those without a gateway before those whose gateway they may lead to."""
    return sorted(routes, key=lambda each: bool(each.gateway or each.hops))


def _send(message: Any, kind: int, flags: int) -> None:
    """Have the kernel do what the message says. Raises OSError with what it answers."""
    with _asked(message, kind, NLM_F_ACK | flags) as sock:
        answer = sock.recv(ANSWER_SIZE)
    number: int = -struct.unpack_from("=i", answer, NETLINK_HEADER_SIZE)[0]
    if number:
        raise OSError(number, os.strerror(number))


@contextmanager
def _asked(message: Any, kind: int, flags: int) -> Iterator[socket.socket]:
    """A socket by which the kernel answers that request (netlink(7))."""
    message["header"] = {"type": kind, "flags": NLM_F_REQUEST | flags, "sequence_number": 1, "pid": 0}
    message.reset()
    message.encode()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(ANSWER_TIMEOUT_S)
        sock.sendto(bytes(message.data), (0, 0))
        yield sock


def _address_message(address: Address, index: int) -> Any:
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


def _route_message(route: Route, index: int) -> Any:
    message = rtmsg()
    message["family"], message["tos"], message["flags"] = route.family, route.tos, route.flags
    message["dst_len"], message["src_len"] = route.length, route.source_length
    message["table"] = route.table if route.table <= LOCAL_TABLE else 0
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


def _hop_message(hop: Hop, index: int) -> dict[str, Any]:
    return {
        "oif": index if hop.device is None else hop.device,
        "hops": hop.weight,
        "flags": hop.flags,
        "attrs": list(_given(RTA_GATEWAY=hop.gateway)),
    }


def _neighbour_message(neighbour: Neighbour, index: int) -> Any:
    message = ndmsg()
    message["family"], message["ifindex"] = neighbour.family, index
    message["state"], message["flags"] = neighbour.state, neighbour.flags
    message["attrs"] = [("NDA_DST", neighbour.address), *_given(NDA_LLADDR=neighbour.mac)]
    return message


def _given(**attributes: Any) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in attributes.items() if value is not None)
