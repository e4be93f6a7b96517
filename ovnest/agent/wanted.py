"""What a front door asks of the engine, and what it is answered: values, no behaviour.

Source: CNI specification 1.1.0, "Section 5: Result Types", whose content the answer must carry.
"""

from msgspec import Struct


class Key(Struct, frozen=True, order=True):
    """What the runtime has to name an attachment by: a container (or an endpoint), and an interface in it."""

    container: str
    interface: str

    def __str__(self) -> str:
        return f"{self.container}/{self.interface}"


class Attachment(Struct, frozen=True, kw_only=True):
    """A container's wish to be on a network.

    `netns_fd` is its open network namespace; None where the runtime moves the device and configures it
    itself (Docker), which then stays in our namespace as `Attached.peer`. `door` and `scope` say which front
    door asked, and for which of its networks: garbage collection keeps to them. In each of `subnets` (ids)
    any address will do; without those and `addresses`, the API chooses. With `must_be_new`, a key that is
    attached already is refused instead of answered again. `adopts` names a reservation that becomes this
    attachment.
    """

    key: Key
    network: str
    door: str
    scope: str = ""
    netns_fd: int | None = None
    addresses: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    mac: str | None = None
    name: str = ""
    labels: dict[str, str] = {}
    must_be_new: bool = False
    adopts: Key | None = None


class Address(Struct, frozen=True, kw_only=True):
    """An address with its prefix length, and the gateway of its subnet, if that has one."""

    address: str
    gateway: str | None = None


class Route(Struct, frozen=True, kw_only=True):
    """Where to send what goes to `destination`; a default route says 0.0.0.0/0 or ::/0."""

    destination: str
    gateway: str


class Dns(Struct, frozen=True, kw_only=True):
    """Name servers and search domains that the network's subnets give."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


class Attached(Struct, frozen=True, kw_only=True):
    """What a container got. `device` is our end of its link, on the bridge; `peer` its own end."""

    port_id: str
    network_id: str
    tag: int | None
    mac: str
    device: str
    peer: str
    mtu: int
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Dns = Dns()
