"""The IPAM driver: the first address that Docker asks for makes the port, known by its MAC address."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from typing import Any

from msgspec.structs import replace

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.request import Attachment
from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.subnets import choose, version_of
from ovnest.agent.client.answers import SubnetAnswer
from ovnest.agent.client.api import Api, Network
from ovnest.agent.doors.docker import pools
from ovnest.agent.doors.docker.made import Made
from ovnest.agent.doors.docker.messages import (
    ADDRESS_TYPE,
    ENDPOINT_MAC,
    GATEWAY,
    AddressRequest,
    PoolRelease,
    PoolRequest,
)
from ovnest.agent.doors.docker.reservations import Reservations
from ovnest.agent.errors import BadRequest

ADDRESS_SPACE = "ovnest"


class Ipam:
    """Answers IpamDriver's calls."""

    def __init__(self, engine: Engine, api: Api, reservations: Reservations, made: Made) -> None:
        self._engine = engine
        self._api = api
        self._reservations = reservations
        self._made = made

    async def request_pool(self, asked: PoolRequest) -> dict[str, Any]:
        """The subnet of the network that `--ipam-opt network=…` names; without it, one that is to be made.

        Raises:
            BadRequest: there is no such subnet, or none can be made.
        """
        name = (asked.options or {}).get("network", "")
        if asked.part:
            raise BadRequest("--ip-range is not for networks of ovnest: the API chooses, or --ip does")
        if not name:
            cidr = await self._made.offer(asked.pool, 6 if asked.v6 else 4)
            gateway = f"{cidr.network_address + 1}/{cidr.prefixlen}"
            return {"PoolID": pools.new_id(str(cidr)), "Pool": str(cidr), "Data": {GATEWAY: gateway}}
        network = await self._api.network(name)
        subnet = choose(network, 6 if asked.v6 else 4, asked.pool)
        return {
            "PoolID": pools.pool_id(subnet, network),
            "Pool": pools.told(subnet, asked.pool),
            "Data": {GATEWAY: pools.gateway_of(subnet)},
        }

    async def release_pool(self, asked: PoolRelease) -> dict[str, Any]:
        """Somebody else may have the subnet, if it was promised or made."""
        cidr = pools.made_cidr(asked.pool_id)
        if cidr:
            await self._made.given_back(cidr)
        return {}

    async def request_address(self, asked: AddressRequest) -> dict[str, Any]:
        """An address of the port with that MAC address, which is made if there is none yet.

        Raises:
            BadRequest: it is for nothing that could have a port.
            AgentError: why the port cannot be made.
        """
        options = asked.options or {}
        mac = options.get(ENDPOINT_MAC, "").lower()
        is_gateway = options.get(ADDRESS_TYPE) == GATEWAY
        if not (mac or is_gateway):
            raise BadRequest("--aux-address is not for networks of ovnest: reserve addresses in the API")
        cidr = pools.made_cidr(asked.pool_id)
        if cidr and is_gateway:
            return {"Address": _chosen_gateway(ip_network(cidr), asked.address)}
        if cidr:
            network = await self._made.network(cidr)
            subnet = choose(network, ip_network(cidr).version, cidr)
        else:
            network = await self._api.network(pools.network_id(asked.pool_id))
            subnet = pools.subnet_of(asked.pool_id, network)
        if is_gateway:
            return {"Address": _gateway(subnet, asked.address)}
        return {"Address": await self._address(network, subnet, mac, asked.address)}

    async def release_address(self, asked: AddressRequest) -> dict[str, Any]:
        """Give a port back that no endpoint was made for; an endpoint's goes with that."""
        cidr = pools.made_cidr(asked.pool_id)
        network_id = await self._made.find(cidr) if cidr else pools.network_id(asked.pool_id)
        if network_id:
            await self._reservations.release(network_id, asked.address)
        return {}

    async def _address(self, network: Network, subnet: SubnetAnswer, mac: str, wanted: str) -> str:
        attachment = self._reservations.attachment(network.answer.id, mac)
        answer = await self._engine.reserve(_with_both_families(attachment, network, subnet, wanted))
        found = pools.within(answer, subnet)
        if found is None or (wanted and not pools.same(found, wanted)):
            # The other family's address was asked for before, and what was chosen for us then is not it.
            await self._engine.detach(attachment.key)
            answer = await self._engine.reserve(_with_others(attachment, answer, subnet, wanted))
            found = pools.within(answer, subnet)
        if found is None:
            raise BadRequest(f"the API gave port {answer.port_id} no address in {subnet.cidr}")
        return found


def _chosen_gateway(cidr: IPv4Network | IPv6Network, wanted: str) -> str:
    """The gateway of a subnet that is to be made."""
    if wanted and ip_address(wanted) not in cidr:
        raise BadRequest(f"{wanted} cannot be the gateway of {cidr}: it is not one of its addresses")
    return f"{wanted or cidr.network_address + 1}/{cidr.prefixlen}"


def _gateway(subnet: SubnetAnswer, wanted: str) -> str:
    if wanted and not (subnet.gateway_ip and pools.same(subnet.gateway_ip, wanted)):
        raise BadRequest(f"the gateway of {subnet.cidr} is {subnet.gateway_ip or 'none'}, not {wanted}")
    return pools.gateway_of(subnet)


def _with_both_families(
    attachment: Attachment, network: Network, subnet: SubnetAnswer, wanted: str
) -> Attachment:
    """Docker asks for the other family's address in a second call, and a port cannot be changed then."""
    version = version_of(subnet)
    others = {version_of(each) for each in network.subnets.values()} - {version}
    chosen = [choose(network, each).id for each in others]
    return _with(attachment, subnet, wanted, (), tuple(chosen))


def _with_others(attachment: Attachment, answer: Attached, subnet: SubnetAnswer, wanted: str) -> Attachment:
    """The same port again, with what it has in the other family, and another address here."""
    kept = [ip_interface(each.address) for each in answer.addresses]
    others = (str(each.ip) for each in kept if each.version != version_of(subnet))
    return _with(attachment, subnet, wanted, tuple(others), ())


def _with(
    attachment: Attachment,
    subnet: SubnetAnswer,
    wanted: str,
    addresses: tuple[str, ...],
    subnets: tuple[str, ...],
) -> Attachment:
    if wanted:
        return replace(attachment, addresses=(wanted, *addresses), subnets=subnets)
    return replace(attachment, addresses=addresses, subnets=(subnet.id, *subnets))
