"""Northbound rows made by ovn-nbctl: what the packets of a test go through."""

from collections.abc import Sequence

from msgspec import Struct

from ovnest.sandbox.central import Central
from ovnest.sandbox.node import Nic

IPV4_PREFIX = 24
IPV6_PREFIX = 64


class Port(Struct, frozen=True, kw_only=True):
    """A logical switch port, and what its VM or container must be given."""

    id: str
    nic: Nic


class Switch(Struct, frozen=True, kw_only=True):
    """A logical switch with the networks 10.<number>.0.0/24 and fd00:<number>::/64."""

    name: str
    number: int

    def addresses(self, host: int) -> tuple[str, str]:
        return (f"10.{self.number}.0.{host}", f"fd00:{self.number}::{host}")

    @property
    def gateways(self) -> tuple[str, str]:
        return self.addresses(1)

    def mac(self, host: int) -> str:
        return f"0a:00:00:00:{self.number:02x}:{host:02x}"


class Rows:
    """Makes rows in the Northbound of `central`."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self._switches: list[Switch] = []

    async def switch(self, name: str) -> Switch:
        switch = Switch(name=name, number=len(self._switches) + 1)
        self._switches.append(switch)
        await self._central.nbctl("ls-add", name)
        return switch

    async def port(
        self,
        switch: Switch,
        host: int,
        *,
        parent: Port | None = None,
        tag: int | None = None,
        secure: bool = True,
    ) -> Port:
        """A port with the switch's addresses number `host`; a container port if it has a parent and a tag."""
        name = f"{switch.name}-{host}"
        above = (parent.id, str(tag)) if parent else ()
        mac, addresses = switch.mac(host), switch.addresses(host)
        owned = " ".join((mac, *addresses))
        await self._central.nbctl(
            *("--", "lsp-add", switch.name, name, *above),
            *("--", "lsp-set-addresses", name, owned),
            *(("--", "lsp-set-port-security", name, owned) if secure else ()),
        )
        lengths = (IPV4_PREFIX, IPV6_PREFIX)
        with_length = tuple(f"{each}/{length}" for each, length in zip(addresses, lengths, strict=True))
        return Port(id=name, nic=Nic(mac=mac, addresses=with_length, gateways=switch.gateways))

    async def router(self, name: str, switches: Sequence[Switch]) -> None:
        """A router between the switches, which is their gateway."""
        commands = ["--", "lr-add", name]
        for switch in switches:
            port, peer = f"{name}-{switch.name}", f"{switch.name}-{name}"
            v4, v6 = switch.gateways
            networks = (f"{v4}/{IPV4_PREFIX}", f"{v6}/{IPV6_PREFIX}")
            commands += ["--", "lrp-add", name, port, switch.mac(1), *networks]
            commands += ["--", "lsp-add", switch.name, peer, "--", "lsp-set-type", peer, "router"]
            commands += ["--", "lsp-set-addresses", peer, "router"]
            commands += ["--", "lsp-set-options", peer, f"router-port={port}"]
        await self._central.nbctl(*commands)

    async def dhcp(self, port: Port, switch: Switch, **options: str) -> None:
        """Let OVN answer the DHCPv4 requests of a port."""
        given = {
            "server_id": switch.gateways[0],
            "server_mac": switch.mac(1),
            "lease_time": "3600",
            "router": switch.gateways[0],
            **options,
        }
        nbctl = self._central.nbctl
        row = await nbctl("create", "DHCP_Options", f"cidr=10.{switch.number}.0.0/{IPV4_PREFIX}")
        await nbctl("dhcp-options-set-options", row, *(f"{key}={value}" for key, value in given.items()))
        await nbctl("lsp-set-dhcpv4-options", port.id, row)

    async def dhcpv6(self, port: Port, switch: Switch) -> None:
        """Let OVN answer the DHCPv6 requests of a port."""
        nbctl = self._central.nbctl
        row = await nbctl("create", "DHCP_Options", f'cidr="fd00:{switch.number}::/{IPV6_PREFIX}"')
        await nbctl("dhcp-options-set-options", row, f"server_id={switch.mac(1)}")
        await nbctl("lsp-set-dhcpv6-options", port.id, row)

    async def advertise(self, router: str, switch: Switch, mode: str) -> None:
        """Let the router advertise itself on the switch; `mode` as in ovn-nb(5), ipv6_ra_configs."""
        columns = (f"ipv6_ra_configs:address_mode={mode}", "ipv6_ra_configs:mtu=1392")
        await self._central.nbctl("set", "Logical_Router_Port", f"{router}-{switch.name}", *columns)

    async def delete(self, port: Port) -> None:
        """Delete a port, and return when every chassis has heard of it."""
        await self._central.nbctl("--wait=hv", "lsp-del", port.id)

    async def clear(self) -> None:
        """Delete all switches and routers, and what only they refer to."""
        tables = ("Logical_Switch", "Logical_Router", "DHCP_Options")
        await self._central.nbctl(*(word for table in tables for word in ("--", "--all", "destroy", table)))
