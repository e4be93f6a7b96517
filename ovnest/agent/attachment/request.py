"""What a front door asks of the engine: values, no behaviour."""

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
