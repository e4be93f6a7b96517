"""The network driver: an endpoint is an attachment, whose device Docker itself moves into the container."""

from ipaddress import ip_interface, ip_network
from typing import Any

from ovnest.agent.attachment import result
from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.subnets import choose
from ovnest.agent.client.api import Api
from ovnest.agent.doors.docker import pools
from ovnest.agent.doors.docker.ipam import ADDRESS_SPACE
from ovnest.agent.doors.docker.made import Made
from ovnest.agent.doors.docker.messages import (
    GENERIC_OPTIONS,
    INTERNAL,
    EndpointRequest,
    Interface,
    InterfaceName,
    Joined,
    NetworkRequest,
    StaticRoute,
)
from ovnest.agent.doors.docker.reservations import DOOR, Reservations
from ovnest.agent.doors.docker.settling import Settling
from ovnest.agent.errors import BadRequest, NotAttached

INTERFACE = "docker"  # Docker chooses the name in the container, and does not tell it
OPTIONS = frozenset({"network"})


class Driver:
    """Answers NetworkDriver's calls."""

    def __init__(self, engine: Engine, api: Api, reservations: Reservations, made: Made) -> None:
        self._engine = engine
        self._api = api
        self._reservations = reservations
        self._made = made
        self.settling = Settling(engine)

    async def create_network(self, asked: NetworkRequest) -> dict[str, Any]:
        """Return if the network can be joined as it was asked; make it if none was named.

        Raises:
            BadRequest: the message says what would be right.
            AgentError: why it cannot be made.
        """
        options = asked.options or {}
        generic = options.get(GENERIC_OPTIONS) or {}
        _check_options(options, generic)
        given = [*(asked.v4 or []), *(asked.v6 or [])]
        if any(pool.address_space != ADDRESS_SPACE for pool in given):
            raise BadRequest("addresses are the API's to give: say --ipam-driver ovnest, too")
        name = generic.get("network", "")
        said = [each for each in given if each.pool != pools.ANY]
        if name:
            network = await self._api.network(name)
            for pool in said:
                choose(network, ip_network(pool.pool).version, pool.pool)
                if self._made.is_offered(pool.pool):
                    raise BadRequest("say --ipam-opt network=, too, and not -o network= alone")
        elif said:
            await self._made.make(asked.network_id, {each.pool: each.gateway for each in said})
        return {}

    async def delete_network(self, asked: NetworkRequest) -> dict[str, Any]:
        """Delete what was made for it, now or, since Docker forgets it either way, as soon as that can be."""
        await self._made.remove(asked.network_id)
        return {}

    async def create_endpoint(self, asked: EndpointRequest) -> dict[str, Any]:
        """Make the endpoint's device, for the port whose addresses were asked for.

        Raises:
            NotAttached: they were not, or too long ago.
            AgentError: why it cannot be.
        """
        interface = asked.interface or Interface()
        await self._engine.current()
        known = self._known(asked.endpoint_id)
        if known is None:
            reservation = self._reservations.find(interface.mac.lower(), interface.address)
            known = await self._engine.attach(
                Attachment(
                    key=_key(asked.endpoint_id),
                    network=reservation.interface,
                    door=DOOR,
                    adopts=reservation,
                )
            )
        return {"Interface": _unsaid(interface, known)}

    async def delete_endpoint(self, asked: EndpointRequest) -> dict[str, Any]:
        """Take the device away, and the port."""
        self.settling.end(_key(asked.endpoint_id))
        await self._engine.current()
        known = self._known(asked.endpoint_id)
        await self._engine.detach(_key(asked.endpoint_id))
        if known is not None:
            addresses = tuple(each.address for each in known.addresses)
            self._reservations.expect(known.network_id, addresses)
        return {}

    async def join(self, asked: EndpointRequest) -> Joined:
        """The device, and the routes that the container needs.

        Raises:
            NotAttached: there is no such endpoint.
        """
        answer = self._get(asked.endpoint_id)
        self.settling.begin(_key(asked.endpoint_id), asked.sandbox)
        gateways = {
            route.destination: route.gateway
            for route in answer.routes
            if route.destination in result.EVERYTHING.values()
        }
        return Joined(
            name=InterfaceName(source=answer.peer),
            gateway=gateways.get(result.EVERYTHING[4], ""),
            gateway_v6=gateways.get(result.EVERYTHING[6], ""),
            routes=tuple(
                StaticRoute(destination=route.destination, next_hop=route.gateway)
                for route in answer.routes
                if route.destination not in gateways
            ),
        )

    async def leave(self, asked: EndpointRequest) -> dict[str, Any]:
        """Docker takes the device out of the container; it goes with the endpoint."""
        self.settling.end(_key(asked.endpoint_id))
        return {}

    async def endpoint_info(self, asked: EndpointRequest) -> dict[str, Any]:
        """The port and its tag."""
        answer = self._get(asked.endpoint_id)
        tag = {} if answer.tag is None else {"ovnest.tag": str(answer.tag)}
        return {"Value": {"ovnest.port": answer.port_id, **tag}}

    def _get(self, endpoint_id: str) -> Attached:
        answer = self._known(endpoint_id)
        if answer is None:
            raise NotAttached(f"there is no endpoint {endpoint_id}, or its port was deleted")
        return answer

    def _known(self, endpoint_id: str) -> Attached | None:
        recorded = self._engine.plugged(_key(endpoint_id))
        return None if recorded is None else recorded.entry.answer


def _key(endpoint_id: str) -> Key:
    return Key(container=endpoint_id, interface=INTERFACE)


def _check_options(options: dict[str, Any], generic: dict[str, Any]) -> None:
    unknown = sorted(generic.keys() - OPTIONS)
    if unknown:
        raise BadRequest(f"-o {unknown[0]} is not known: there is -o network=NAME alone")
    if options.get(INTERNAL):
        raise BadRequest("--internal is not for networks of ovnest: how far one reaches is set in the API")


def _unsaid(said: Interface, answer: Attached) -> Interface:
    """What the port has and Docker has not said: the other family's address, where it did not ask for it."""
    v4, v6 = said.address, said.address_v6
    for each in answer.addresses:
        if ip_interface(each.address).version == 4:
            v4 = v4 or each.address
        else:
            v6 = v6 or each.address
    return Interface(
        address="" if said.address else v4,
        address_v6="" if said.address_v6 else v6,
        mac="" if said.mac else answer.mac,
    )
