"""What somebody may try who can send any frame, and what comes of it: docs/security.md shows this table.

`python -m tests.dataplane.agent.attempts` prints it.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from tests.dataplane.agent.forging import (
    ALL_NODES,
    BROADCAST,
    SERVICE_VLAN,
    VLAN,
    Who,
    arp,
    ethernet,
    link_local,
    neighbour_advertisement,
    router_advertisement,
    udp,
)

CONTAINER = "a privileged container, in its own namespace"
VM = "root in the VM, or a container in the VM's namespace"
OTHER_VM = "root in another VM"
BLOCKED = "reaches nobody"
AS_ITSELF = "is sent, as what it is"
AS_SIBLING = "**is taken for the sibling's**"
GOES_ON = (
    "**goes on with that tag**, if the hypervisor's datapath is in userspace: to the "
    "containers that have it, in every VM on its network, whatever network they are on"
)
AS_ANYBODY = "**is sent**: OVN keeps nobody from it without security groups"


class Cast(Struct, frozen=True, kw_only=True):
    """Who is there. Under `vm`: `web`, its sibling `db`, and `hidden`, on another network; under another VM,
    `other`: `far`. `gateway` is the network's."""

    web: Who
    db: Who
    hidden: Who
    vm: Who
    far: Who
    other: Who
    gateway: Who

    def neighbours(self, *besides: Who) -> list[str]:
        """The MACs of those on the network, and what means all of them."""
        there = [who.mac for who in (self.db, self.vm, self.far, self.other) if who not in besides]
        return [BROADCAST, *there]


Frames = Callable[[Cast, str], Iterator[bytes]]


class Attempt(Struct, frozen=True):
    """`frames` builds what is sent, with a text in each by which it is known again."""

    who: str
    what: str
    happens: str
    frames: Frames


def _says(source: Callable[[Cast], Who], link: Callable[[Cast], Who], *tags: Callable[[Cast], int]) -> Frames:
    """UDP of both families from the addresses of `source` and the MAC of `link`, to everybody."""

    def frames(cast: Cast, text: str) -> Iterator[bytes]:
        sender, mac = source(cast), link(cast).mac
        headers = [(VLAN, tag(cast)) for tag in tags]
        for target in cast.neighbours():
            yield ethernet(target, mac, udp(sender.v4, cast.other.v4, text), *headers)
            yield ethernet(target, mac, udp(sender.v6, cast.other.v6, text), *headers)

    return frames


def _claims(
    source: Callable[[Cast], Who], link: Callable[[Cast], Who], *tags: Callable[[Cast], int]
) -> Frames:
    """ARP and neighbour discovery: that the addresses of `source` are at the MAC of `link`."""

    def frames(cast: Cast, text: str) -> Iterator[bytes]:
        claimed, mac = source(cast), link(cast).mac
        headers = [(VLAN, tag(cast)) for tag in tags]
        yield ethernet(BROADCAST, mac, arp(mac, claimed.v4, text), *headers)
        yield ethernet(ALL_NODES, mac, neighbour_advertisement(mac, claimed.v6, text), *headers)

    return frames


def _wrapped(kind: int, *tags: Callable[[Cast], int]) -> Frames:
    """`web`'s own words in a tag of that kind, with the others inside it."""

    def frames(cast: Cast, text: str) -> Iterator[bytes]:
        first, *others = (tag(cast) for tag in tags)
        headers = [(kind, first), *((VLAN, tag) for tag in others)]
        for target in cast.neighbours():
            yield ethernet(target, cast.web.mac, udp(cast.web.v4, cast.other.v4, text), *headers)

    return frames


def _hops(tag: Callable[[Cast], int]) -> Frames:
    """Open vSwitch's userspace datapath takes the second frame for one like the first, which has no other tag
    inside: if they come as `web`'s, with its tag or none."""

    def frames(cast: Cast, text: str) -> Iterator[bytes]:
        outer = (VLAN, tag(cast))
        own = udp(cast.web.v4, cast.other.v4, "before it")
        yield ethernet(BROADCAST, cast.web.mac, own, *([outer] if outer[1] else []))
        words = udp(cast.web.v4, cast.other.v4, text)
        yield ethernet(BROADCAST, cast.web.mac, words, outer, (VLAN, HIDDEN(cast)))

    return frames


def _advertises(cast: Cast, text: str) -> Iterator[bytes]:
    source = link_local(cast.web.mac)
    yield ethernet(ALL_NODES, cast.web.mac, router_advertisement(source, text))


def _answers_dhcp(cast: Cast, text: str) -> Iterator[bytes]:
    yield ethernet(BROADCAST, cast.web.mac, udp(cast.web.v4, "255.255.255.255", text, ports=(67, 68)))


def _no_tag(_cast: Cast) -> int:
    return 0


def _unused(_cast: Cast) -> int:
    return 4000


def _tag(who: Callable[[Cast], Who]) -> Callable[[Cast], int]:
    def tag(cast: Cast) -> int:
        found = who(cast).tag
        assert found is not None
        return found

    return tag


def _web(cast: Cast) -> Who:
    return cast.web


def _db(cast: Cast) -> Who:
    return cast.db


def _hidden(cast: Cast) -> Who:
    return cast.hidden


def _vm(cast: Cast) -> Who:
    return cast.vm


def _far(cast: Cast) -> Who:
    return cast.far


def _other(cast: Cast) -> Who:
    return cast.other


def _gateway(cast: Cast) -> Who:
    return cast.gateway


WEB, DB, HIDDEN, FAR = (_tag(who) for who in (_web, _db, _hidden, _far))

ATTEMPTS = (
    Attempt(CONTAINER, "its own", AS_ITSELF, _says(_web, _web)),
    Attempt(CONTAINER, "priority-tagged (VID 0)", BLOCKED, _wrapped(VLAN, _no_tag)),
    Attempt(CONTAINER, "with a sibling's tag", BLOCKED, _wrapped(VLAN, DB)),
    Attempt(CONTAINER, "with its own tag", BLOCKED, _wrapped(VLAN, WEB)),
    Attempt(CONTAINER, "with a sibling's tag, 802.1ad", BLOCKED, _wrapped(SERVICE_VLAN, DB)),
    Attempt(CONTAINER, "with a sibling's tag inside its own", BLOCKED, _wrapped(VLAN, WEB, DB)),
    Attempt(CONTAINER, "with another container's tag inside a priority tag", BLOCKED, _hops(_no_tag)),
    Attempt(CONTAINER, "a sibling's MAC and addresses", BLOCKED, _says(_db, _db)),
    Attempt(CONTAINER, "a sibling's MAC", BLOCKED, _says(_web, _db)),
    Attempt(CONTAINER, "a sibling's addresses", BLOCKED, _says(_db, _web)),
    Attempt(CONTAINER, "ARP and ND for a sibling's addresses", BLOCKED, _claims(_db, _web)),
    Attempt(CONTAINER, "ARP and ND for a sibling's addresses and MAC", BLOCKED, _claims(_db, _db)),
    Attempt(CONTAINER, "ARP and ND for the gateway's", BLOCKED, _claims(_gateway, _web)),
    Attempt(CONTAINER, "ARP and ND for its VM's", BLOCKED, _claims(_vm, _web)),
    Attempt(CONTAINER, "its VM's MAC and addresses", BLOCKED, _says(_vm, _vm)),
    Attempt(CONTAINER, "what a DHCP server answers", AS_ANYBODY, _answers_dhcp),
    Attempt(CONTAINER, "a router's advertisement", AS_ANYBODY, _advertises),
    Attempt(VM, "a sibling's tag, MAC and addresses", AS_SIBLING, _says(_db, _db, DB)),
    Attempt(VM, "ARP and ND for them, with its tag and MAC", AS_SIBLING, _claims(_db, _db, DB)),
    Attempt(VM, "its MAC and addresses with another's tag", BLOCKED, _says(_db, _db, WEB)),
    Attempt(VM, "its addresses with another's tag and MAC", BLOCKED, _says(_db, _web, WEB)),
    Attempt(VM, "its tag, MAC and addresses inside another's tag", BLOCKED, _says(_db, _db, WEB, DB)),
    Attempt(VM, "a container's own, with another container's tag inside its tag", GOES_ON, _hops(WEB)),
    Attempt(VM, "the VM's own", AS_ITSELF, _says(_vm, _vm)),
    Attempt(VM, "a tag that nobody has", BLOCKED, _says(_vm, _vm, _unused)),
    Attempt(VM, "tag, MAC and addresses of another VM's container", BLOCKED, _says(_far, _far, FAR)),
    Attempt(VM, "those MAC and addresses with an own container's tag", BLOCKED, _says(_far, _far, DB)),
    Attempt(VM, "those MAC and addresses without a tag", BLOCKED, _says(_far, _far)),
    Attempt(VM, "another VM's MAC and addresses", BLOCKED, _says(_other, _other)),
    Attempt(OTHER_VM, "the VM's own", AS_ITSELF, _says(_other, _other)),
    Attempt(OTHER_VM, "tag, MAC and addresses of the container", BLOCKED, _says(_db, _db, DB)),
    Attempt(OTHER_VM, "its MAC and addresses without a tag", BLOCKED, _says(_db, _db)),
    Attempt(OTHER_VM, "the VM's own with the container's tag", BLOCKED, _says(_other, _other, DB)),
    Attempt(OTHER_VM, "ARP and ND for the container's addresses", BLOCKED, _claims(_db, _other)),
)


def table() -> str:
    """The rows of the table, in Markdown."""
    rows = ["| who sends | what | and it |", "| --- | --- | --- |"]
    rows += [f"| {each.who} | {each.what} | {each.happens} |" for each in ATTEMPTS]
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
