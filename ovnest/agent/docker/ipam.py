"""The IPAM driver: the first address that Docker asks for makes the port, known by its MAC address."""

from ipaddress import ip_interface
from typing import Any

from msgspec.structs import replace

from ovnest.agent.answers import SubnetAnswer
from ovnest.agent.api import Network
from ovnest.agent.docker import pools
from ovnest.agent.docker.messages import ADDRESS_TYPE, ENDPOINT_MAC, GATEWAY, AddressRequest, PoolRequest
from ovnest.agent.docker.reservations import Reservations
from ovnest.agent.engine import Engine
from ovnest.agent.errors import BadRequest
from ovnest.agent.subnets import choose, version_of
from ovnest.agent.wanted import Attached, Attachment

ADDRESS_SPACE = "ovnest"


class Ipam:
    """Answers IpamDriver's calls."""

    def __init__(self, engine: Engine, reservations: Reservations) -> None:
        self._engine = engine
        self._reservations = reservations

    async def request_pool(self, asked: PoolRequest) -> dict[str, Any]:
        """The subnet of the network that `--ipam-opt network=…` names.

        Raises:
            BadRequest: no network is named, or it has no such subnet.
        """
        name = (asked.options or {}).get("network", "")
        if not name:
            raise BadRequest(
                "say by --ipam-opt network=NAME which network to join, by its name or id: "
                "this agent has no right to make one"
            )
        if asked.part:
            raise BadRequest("--ip-range is not for networks of ovnest: the API chooses, or --ip does")
        network = await self._engine.parts.api.network(name)
        subnet = choose(network, 6 if asked.v6 else 4, asked.pool)
        return {
            "PoolID": pools.pool_id(subnet, network),
            "Pool": pools.told(subnet, asked.pool),
            "Data": {GATEWAY: pools.gateway_of(subnet)},
        }

    async def request_address(self, asked: AddressRequest) -> dict[str, Any]:
        """An address of the port with that MAC address, which is made if there is none yet.

        Raises:
            BadRequest: it is for nothing that could have a port.
            AgentError: why the port cannot be made.
        """
        options = asked.options or {}
        network = await self._engine.parts.api.network(pools.network_id(asked.pool_id))
        subnet = pools.subnet_of(asked.pool_id, network)
        if options.get(ADDRESS_TYPE) == GATEWAY:
            return {"Address": _gateway(subnet, asked.address)}
        mac = options.get(ENDPOINT_MAC, "").lower()
        if not mac:
            raise BadRequest("--aux-address is not for networks of ovnest: reserve addresses in the API")
        return {"Address": await self._address(network, subnet, mac, asked.address)}

    async def release_address(self, asked: AddressRequest) -> dict[str, Any]:
        """Give a port back that no endpoint was made for; an endpoint's goes with that."""
        if asked.pool_id:
            await self._reservations.release(pools.network_id(asked.pool_id), asked.address)
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
