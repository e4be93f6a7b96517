"""What sends and receives packets: the common part of a VM and a container."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_interface

import msgspec
from msgspec import Struct, structs

from ovnest.sandbox import dhcp, namespace, throughput
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.node import Nic, Node
from ovnest.sandbox.place import Place
from ovnest.sandbox.process import attempt
from ovnest.sandbox.until import until

PING_INTERVAL_S = 0.1
PING_PATIENCE_S = 1
SILENCE_PINGS = 5


class _Address(Struct):
    """An address; ip(8) leaves an empty object where it does not show one."""

    local: str = ""
    prefixlen: int = 0
    dynamic: bool = False


class _Link(Struct):
    """The part of `ip -json address` that we read."""

    addr_info: list[_Address] = []


class Endpoint(Node):
    """A node with one NIC, `device`, in a virtual network."""

    device = "eth0"

    def __init__(self, place: Place, name: str, nic: Nic) -> None:
        super().__init__(place, name)
        self.nic = nic

    @property
    def facts(self) -> Struct:
        """What another process needs to know to find this node."""
        raise NotImplementedError

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(str(ip_interface(each).ip) for each in self.nic.addresses)

    async def configure(self) -> None:
        """Bring the NIC up with the addresses and default routes that the API answered."""
        device, nic = self.device, self.nic
        await namespace.hurry_neighbours(self.namespace, device)
        await self.namespace.ip(
            f"link set {device} mtu {nic.mtu} up",
            # Replaced, not added: once the link is up a router's advertisement may have brought the same.
            *(
                f"address replace {each} dev {device}{' nodad' if ':' in each else ''}"
                for each in nic.addresses
            ),
            *(f"route replace default via {each} dev {device}" for each in nic.gateways),
        )

    async def ping(self, address: str, *, count: int = 1, size_bytes: int = 56, whole: bool = False) -> int:
        """How many of `count` pings were answered; with `whole`, packets that may not be fragmented."""
        options = ["-M", "do"] if whole else []
        interval = ("-i", str(PING_INTERVAL_S), "-W", str(PING_PATIENCE_S))
        argv = ("ping", "-n", "-c", str(count), "-s", str(size_bytes), *interval, *options, address)
        status, said, complaint = await attempt(*self.namespace.inside(*argv), env=self.environment())
        # 1: nothing was answered. More: ping itself could not, for want of a route for example; nothing came
        # back either.
        if status > 1 and "unreachable" not in complaint:
            raise SandboxError(f"ping {address} from {self.name}: {complaint.strip()}")
        return said.count("bytes from")

    async def pings(self, target: "Endpoint | str", *, size_bytes: int = 56) -> None:
        """Return as soon as `target` answers, at each of its addresses of a family that we have one of.

        The first packet to a chassis not spoken to yet is always lost: the tunnel's own neighbour must be
        found first.

        Raises:
            NeverHappened: it did not answer.
        """
        for address in self._addresses_of(target):

            async def answered(address: str = address) -> int:
                return await self.ping(address, size_bytes=size_bytes)

            await until(f"{self.name} gets an answer from {target} at {address}", answered)

    async def cannot_ping(self, target: "Endpoint | str") -> None:
        """Return when a whole row of pings to each address of `target` has stayed without an answer.

        Raises:
            NeverHappened: some were still answered.
        """
        for address in self._addresses_of(target):

            async def answered(address: str = address) -> int:
                return await self.ping(address, count=SILENCE_PINGS)

            await until(
                f"{target} at {address} is silent for {self.name}", answered, accept=lambda seen: seen == 0
            )

    async def tcp_mbit_per_s(self, target: "Endpoint", *, seconds: int = 1) -> float:
        """How fast `target` receives what we send it by TCP, measured by iperf3."""
        return await throughput.measure(self, target, target.addresses[0], seconds)

    async def dhcp(self, version: int = 4, *, timeout_s: int = dhcp.LEASE_TIMEOUT_S) -> dict[str, str]:
        """Ask for a lease, take its address and routes, and say what was offered, by dhclient's names.

        Raises:
            SandboxError: no one offered any.
        """
        lease = await dhcp.lease(self, self.device, version, timeout_s)
        self._take(dhcp.address(lease, version))
        return lease

    async def autoconfigured(self) -> str:
        """The address that router advertisements brought, as soon as there is one.

        Raises:
            NeverHappened: none came.
        """
        show = ("ip", "-json", "-6", "address", "show", "dev", self.device, "scope", "global", "-tentative")

        async def address() -> str | None:
            links = msgspec.json.decode(await self.run(*show), type=list[_Link])
            found = (each for link in links for each in link.addr_info if each.dynamic)
            return next((f"{each.local}/{each.prefixlen}" for each in found), None)

        brought = await until(f"{self.name} has an address by router advertisement", address)
        assert brought is not None  # noqa: S101  that was waited for
        self._take(brought)
        return str(ip_interface(brought).ip)

    def _take(self, address: str) -> None:
        """Count an address that the network gave as the node's, for other processes, too."""
        self.nic = structs.replace(self.nic, addresses=(*self.nic.addresses, address))
        self.record(self.facts)

    def _addresses_of(self, target: "Endpoint | str") -> Sequence[str]:
        """Those addresses of `target` that are of a family in which we have one, too."""
        if isinstance(target, str):
            return (target,)
        ours = {ip_address(each).version for each in self.addresses}
        common = tuple(each for each in target.addresses if ip_address(each).version in ours)
        if not common:
            raise SandboxError(f"{self.name} and {target.name} have no address of the same family")
        return common
