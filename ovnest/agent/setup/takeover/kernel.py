"""What a NIC had, given to another device by netlink; and taken off again."""

import errno
import socket
from collections.abc import Iterable, Sequence
from time import monotonic, sleep

from pyroute2 import IPRoute
from pyroute2.netlink import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from pyroute2.netlink.rtnl import RTM_DELADDR, RTM_DELROUTE, RTM_NEWADDR, RTM_NEWNEIGH, RTM_NEWROUTE

from ovnest.agent.setup.takeover.device import NO_IPV6, no_duplicates_looked_for, write_settings
from ovnest.agent.setup.takeover.facts import ROUTER_ADVERTISEMENT, Address, Facts, Route, standing_in
from ovnest.agent.setup.takeover.messages import (
    address_message,
    neighbour_message,
    route_message,
    send,
)
from ovnest.agent.setup.takeover.reading import IFF_PROMISC, routes_of
from ovnest.agent.vm.netlink import accept, link_of

IFF_LOWER_UP = 0x10000
POLL_S = 0.02


def give(name: str, facts: Facts) -> None:
    """Give the device those settings, addresses, routes and neighbours; what it has already is left.

    A route with the same destination and metric through another device is left, too, and goes first: nothing
    is used in the new way until the old one is taken away.
    """
    write_settings(name, facts.settings)
    with IPRoute() as ip, no_duplicates_looked_for(name):
        index = link_of(ip, name)["index"]
        ip.link("set", index=index, state="up")
        for address in _as_they_came(facts.addresses):
            with accept(errno.EEXIST):
                send(address_message(address, index), RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL)
        for route in _nearest_first(facts.routes):
            with accept(errno.EEXIST):
                send(route_message(route, index), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND)
        for neighbour in facts.neighbours:
            send(neighbour_message(neighbour, index), RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE)


def take(name: str, facts: Facts) -> None:
    """Take those routes and addresses off the device, and IPv6 with them; may be done twice."""
    with IPRoute() as ip:
        index = link_of(ip, name)["index"]
        for route in reversed(_nearest_first(facts.routes)):
            with accept(errno.ESRCH, errno.ENODEV, errno.ENOENT):
                send(route_message(route, index), RTM_DELROUTE, 0)
        for address in facts.addresses:
            if address.family == socket.AF_INET:
                with accept(errno.EADDRNOTAVAIL):
                    send(address_message(address, index), RTM_DELADDR, 0)
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
        index = link_of(ip, name)["index"]
        while wanted - {
            (each.destination, each.gateway)
            for each in routes_of(ip, index)
            if each.proto == ROUTER_ADVERTISEMENT and each.metric not in metrics
        }:
            if monotonic() > give_up:
                return False
            sleep(POLL_S)
        for route in stand_ins:
            with accept(errno.ESRCH, errno.ENOENT):
                send(route_message(route, index), RTM_DELROUTE, 0)
    return True


def replace_stand_ins(name: str, facts: Facts, *, advertised: bool = False) -> None:
    """Give the device the routes themselves that others stand in for.

    Those that a router has advertised only where none does any more.
    """
    with IPRoute() as ip:
        index = link_of(ip, name)["index"]
        for route, stand_in in zip(facts.routes, standing_in(facts).routes, strict=True):
            if not route.shifted or route.advertised is not advertised:
                continue
            with accept(errno.EEXIST):
                send(route_message(route, index), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL)
            with accept(errno.ESRCH, errno.ENOENT):
                send(route_message(stand_in, index), RTM_DELROUTE, 0)


def allow_ipv6(name: str, facts: Facts) -> None:
    """Let the device have IPv6 as those facts say; its link-local address is there at once."""
    wanted = [(key, value) for key, value in facts.settings if key == NO_IPV6]
    with no_duplicates_looked_for(name):
        write_settings(name, wanted)


def end_promiscuous(name: str) -> None:
    """Let the NIC pass over what is not for it: a switch that was killed has left it listening to all."""
    with IPRoute() as ip:
        ip.link("set", index=link_of(ip, name)["index"], flags=0, change=IFF_PROMISC)


def remove_abandoned(name: str) -> bool:
    """Take a tap away that no process holds any more; whether it was one."""
    with IPRoute() as ip:
        link = link_of(ip, name)
        info = link.get_attr("IFLA_LINKINFO")
        if link["flags"] & IFF_LOWER_UP or info is None or info.get_attr("IFLA_INFO_KIND") != "tun":
            return False
        ip.link("del", index=link["index"])
        return True


def _as_they_came(addresses: Sequence[Address]) -> list[Address]:
    """The kernel shows IPv6 addresses of one scope the newest first, which is which one it sends from."""
    six = [each for each in addresses if each.family == socket.AF_INET6]
    return [each for each in addresses if each.family != socket.AF_INET6] + six[::-1]


def _nearest_first(routes: Iterable[Route]) -> list[Route]:
    """Those without a gateway before those whose gateway they may lead to."""
    return sorted(routes, key=lambda each: bool(each.gateway or each.hops))
