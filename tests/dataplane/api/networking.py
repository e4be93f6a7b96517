"""Networks and ports by the API, and routers, which the API does not have yet, by ovn-nbctl."""

from typing import Any

import msgspec
from msgspec import Struct

from ovnest.sandbox.answers import NetworkAnswer, PortAnswer, SubnetAnswer, nic_of
from ovnest.sandbox.container import Container
from ovnest.sandbox.node import Nic
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import Vm
from tests.asking import Api


class VirtualNetwork(Struct, frozen=True, kw_only=True):
    """A network with the subnets 10.<number>.0.0/24 and fd00:<number>::/64."""

    answer: NetworkAnswer
    number: int
    subnets: tuple[SubnetAnswer, ...]

    @property
    def id(self) -> str:
        return self.answer.id

    def addresses(self, host: int) -> tuple[str, str]:
        """The host's addresses, in both families."""
        return (f"10.{self.number}.0.{host}", f"fd00:{self.number}::{host}")


class VirtualPort(Struct, frozen=True, kw_only=True):
    """A port: `tag` is None if it is no container's."""

    id: str
    nic: Nic
    tag: int | None


class Networking:
    """What a test makes through the API at `api`, and plugs into the sandbox."""

    def __init__(self, api: Api, sandbox: Sandbox) -> None:
        self.api = api
        self._sandbox = sandbox
        self._networks = 0

    async def network(self, *, ipv6: dict[str, Any] | None = None, **ipv4: Any) -> VirtualNetwork:
        """A new network with a subnet of each family; `ipv4` and `ipv6` are more attributes of theirs."""
        self._networks += 1
        number = self._networks
        made = await self.api.create("network", name=f"network-{number}")
        cidrs = {4: f"10.{number}.0.0/24", 6: f"fd00:{number}::/64"}
        extra = {4: ipv4, 6: ipv6 or {}}
        subnets = [
            await self.api.create(
                "subnet", network_id=made["id"], ip_version=version, cidr=cidr, **extra[version]
            )
            for version, cidr in cidrs.items()
        ]
        return VirtualNetwork(
            answer=msgspec.convert(made, NetworkAnswer),
            number=number,
            subnets=tuple(msgspec.convert(subnet, SubnetAnswer) for subnet in subnets),
        )

    async def port(
        self,
        network: VirtualNetwork,
        *,
        parent: VirtualPort | Vm | None = None,
        tag: int | None = None,
        **attributes: Any,
    ) -> VirtualPort:
        """A new port; with a parent it is a container port, whose tag the server chooses if none is named."""
        profile = self.profile(parent, tag) if parent else {}
        made = await self.api.create(
            "port", network_id=network.id, **{"binding:profile": profile, **attributes}
        )
        return self.port_of(made, network)

    @staticmethod
    def profile(parent: VirtualPort | Vm, tag: int | None) -> dict[str, Any]:
        """The `binding:profile` of a container port."""
        parent_id = parent.port_id if isinstance(parent, Vm) else parent.id
        return {"parent_name": parent_id} if tag is None else {"parent_name": parent_id, "tag": tag}

    async def delete(self, port: VirtualPort) -> None:
        """Delete a port, and return when every chassis has heard of it."""
        await self.api.delete("port", port.id)
        await self._sandbox.sync()

    async def update(self, port: VirtualPort, **attributes: Any) -> VirtualPort:
        """Change a port, and return when every chassis has heard of it; the NIC is as it was."""
        shown = await self.api.update("port", port.id, **attributes)
        await self._sandbox.sync()
        return VirtualPort(id=port.id, nic=port.nic, tag=shown["binding:profile"].get("tag"))

    async def status(self, port: VirtualPort, wanted: str) -> None:
        """Return when the API says that the port's status is `wanted`."""

        async def status() -> str:
            shown: str = (await self.api.show("port", port.id))["status"]
            return shown

        await until(f"port {port.id} is {wanted}", status, accept=lambda seen: seen == wanted)

    async def router(self, *networks: VirtualNetwork, **options: str) -> None:
        """A router that is the gateway of the networks; `options` are columns of its ports."""
        commands = ["--", "lr-add", "router"]
        for network in networks:
            fixed_ips = [{"subnet_id": each.id, "ip_address": each.gateway_ip} for each in network.subnets]
            made = await self.api.create(
                "port",
                network_id=network.id,
                device_owner="network:router_interface",
                device_id="router",
                fixed_ips=fixed_ips,
            )
            nic = self.port_of(made, network).nic
            name = f"lrp-{made['id']}"
            commands += ["--", "lrp-add", "router", name, nic.mac, *nic.addresses]
            if options:
                settings = (f"{column}={value}" for column, value in options.items())
                commands += ["--", "set", "Logical_Router_Port", name, *settings]
        await self._sandbox.central.nbctl(*commands)

    async def vm(self, name: str, chassis: str, port: VirtualPort) -> Vm:
        """A new VM, plugged into `chassis` with `port` as its NIC."""
        return await self._sandbox.plug_vm(name, chassis=chassis, port_id=port.id, nic=port.nic)

    async def container(self, vm: Vm, name: str, port: VirtualPort, nic: Nic | None = None) -> Container:
        """A new container of `vm`, with the NIC that the API said, or another one."""
        assert port.tag is not None, f"port {port.id} is no container's"
        return await vm.plug_container(name, tag=port.tag, nic=nic or port.nic)

    async def clear(self) -> None:
        """Delete everything that the API shows, and the routers."""
        await self.api.clear()
        await self._sandbox.central.nbctl("--if-exists", "lr-del", "router")

    @staticmethod
    def port_of(made: dict[str, Any], network: VirtualNetwork) -> VirtualPort:
        """A port on `network` that the API has answered."""
        nic = nic_of(msgspec.convert(made, PortAnswer), network.answer, network.subnets)
        return VirtualPort(id=made["id"], nic=nic, tag=made["binding:profile"].get("tag"))
