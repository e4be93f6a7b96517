"""What a NIC has, and how the same looks on the bridge: pure, and fit to be written into a file."""

from socket import AF_INET6

from msgspec import Struct, field
from msgspec.structs import replace

NAME_MAX = 15  # characters of a device's name, and of an address's label


class Address(Struct, frozen=True, kw_only=True):
    """An address of the NIC. `valid_s` and `preferred_s`: None is for ever; at the time of reading.

    `dynamic`: a lease's or an advertisement's, though it may be valid for ever.
    """

    family: int
    address: str
    length: int
    peer: str | None = None
    broadcast: str | None = None
    label: str | None = None
    scope: int = 0
    flags: int = 0
    valid_s: int | None = None
    preferred_s: int | None = None
    proto: int | None = None
    metric: int | None = None
    dynamic: bool = False

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


class Hop(Struct, frozen=True, kw_only=True):
    """One of several ways of a route; `device` is an index, None stands for the NIC."""

    gateway: str | None
    device: int | None
    weight: int
    flags: int


class Route(Struct, frozen=True, kw_only=True):
    """A route through the NIC that the kernel did not make by itself for an address."""

    family: int
    destination: str | None  # None: the default route
    length: int
    table: int
    proto: int
    scope: int
    kind: int
    tos: int = 0
    flags: int = 0
    source: str | None = None
    source_length: int = 0
    gateway: str | None = None
    via_family: int | None = None  # with a gateway of another family
    metric: int | None = None
    preferred_source: str | None = None
    preference: int | None = None
    realm: int | None = None
    expires_s: int | None = None
    metrics: tuple[tuple[str, int | str], ...] = ()
    hops: tuple[Hop, ...] = ()

    @property
    def advertised(self) -> bool:
        """Whether it stands only until a router advertises it again."""
        return self.proto == ROUTER_ADVERTISEMENT and self.expires_s is not None

    @property
    def shifted(self) -> bool:
        """Whether another one stands in for it while two devices have it."""
        return self.family == AF_INET6 and bool(self.gateway or self.hops)

    def __str__(self) -> str:
        text = "default" if self.destination is None else f"{self.destination}/{self.length}"
        ways = [self.gateway, *(hop.gateway for hop in self.hops)]
        text += "".join(f" via {way}" for way in ways if way)
        text += f" metric {self.metric}" if self.metric else ""
        return text + (f" in table {self.table}" if self.table != MAIN_TABLE else "")


class Neighbour(Struct, frozen=True, kw_only=True):
    """A neighbour's MAC address, learnt or told."""

    family: int
    address: str
    mac: str | None
    state: int
    flags: int


class Facts(Struct, frozen=True, kw_only=True):
    """All that a device has which has to go with its packets."""

    name: str
    index: int
    mac: str
    mtu: int
    addresses: tuple[Address, ...]
    routes: tuple[Route, ...]
    neighbours: tuple[Neighbour, ...]
    settings: tuple[tuple[str, str], ...] = ()
    # As a record calls it that an earlier release has left.
    tx_checksum_offload_off: bool = field(default=False, name="whole_checksums")
    promiscuous: bool = False


MAIN_TABLE = 254
LINK = 253  # the scope of what a link has by itself
ROUTER_ADVERTISEMENT = 9  # the proto of what the kernel or networkd took from one


def on_device(facts: Facts, name: str, *, lease_s: int | None = None) -> Facts:
    """The same, on the device of that name: labels begin with a device's name.

    `lease_s`: a DHCP client that starts anew asks for so long, and does not lengthen what it finds; so an
    address that has an end lasts as long as the lease.
    """

    def move(address: Address) -> Address:
        if address.valid_s is not None and lease_s is not None and address.label is not None:
            address = replace(address, valid_s=lease_s, preferred_s=lease_s)
        if address.label is None:
            return address
        label = name + address.label.removeprefix(facts.name)
        return replace(address, label=label if len(label) <= NAME_MAX else name)

    return replace(facts, name=name, addresses=tuple(map(move, facts.addresses)))


def standing_in(facts: Facts) -> Facts:
    """The same, with IPv6 routes that have a gateway less preferred by one.

    Two such routes with the same metric are one with two ways, to Linux. And where a router has advertised
    it, the kernel renews only what it has made itself, and would find ours in its way.
    """
    routes = (replace(each, metric=(each.metric or 0) + 1) if each.shifted else each for each in facts.routes)
    return replace(facts, routes=tuple(routes))


def describe(facts: Facts) -> str:
    """In a line, for whoever is to agree to it."""
    addresses = ", ".join(str(each) for each in facts.addresses) or "no address"
    routes = ", ".join(str(each) for each in facts.routes) or "none"
    return f"{addresses}; routes: {routes}; {len(facts.neighbours)} neighbours"
