"""The Networking API, as far as the agent needs it: through this module alone.

What only ovnest offers is optional: an idempotency key is a header that others pass over, events are asked
for by who wants them, and `ovnest:` attributes may be missing.

Source: Neutron API reference, v2.0.
"""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from ovnest.agent.client.answers import NetworkAnswer, PortAnswer, SubnetAnswer
from ovnest.agent.client.http import Connection, Endpoint, Pool, Reply, Request
from ovnest.agent.errors import ApiRefused, ApiUnreachable, BadRequest

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
NETWORKS_KEPT_S = 10.0
UNAUTHORIZED = 401
LIST_LIMIT = 1_000  # a page; the API may give less

T = TypeVar("T")


class Refusal(Struct, kw_only=True):
    """Neutron's body of an error."""

    type: str = ""
    message: str = ""


class _RefusalBody(Struct):
    NeutronError: Refusal | str = ""


class _Port(Struct):
    port: PortAnswer


class _Ports(Struct):
    ports: list[PortAnswer]


class _Network(Struct):
    network: NetworkAnswer


class _Networks(Struct):
    networks: list[NetworkAnswer]


class _Subnet(Struct):
    subnet: SubnetAnswer


class _Subnets(Struct):
    subnets: list[SubnetAnswer]


class Network(Struct, frozen=True, kw_only=True):
    """A network with its subnets by id."""

    answer: NetworkAnswer
    subnets: dict[str, SubnetAnswer]


Authorization = Callable[[], Awaitable[str | None]]
"""Gives the value of the header for a request; None: there is none."""


class Api:
    """The API at `endpoint`, asked as `authorization` says."""

    def __init__(self, endpoint: Endpoint, authorization: Authorization, *, timeout_s: float = 5.0) -> None:
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self._authorization = authorization
        self._pool = Pool(endpoint)
        self._networks: dict[str, tuple[float, Network]] = {}
        self.listeners: list[Callable[[ApiRefused], None]] = []
        """Told when the API does not know who we are, although nothing newer is known here."""

    def close(self) -> None:
        self._pool.close()

    # Networks.

    async def network(self, name_or_id: str) -> Network:
        """The network of that id or name, with its subnets; some seconds old at most.

        Raises:
            BadRequest: none that we may use is called so, or several are.
        """
        now = asyncio.get_running_loop().time()
        kept = self._networks.get(name_or_id)
        if kept is not None and now - kept[0] < NETWORKS_KEPT_S:
            return kept[1]
        answer = await self._find_network(name_or_id)
        subnets = await self._get(_Subnets, "/v2.0/subnets", network_id=answer.id)
        network = Network(answer=answer, subnets={each.id: each for each in subnets.subnets})
        self._networks[name_or_id] = (now, network)
        return network

    def forget_networks(self) -> None:
        """Ask again for networks and subnets when they are next needed."""
        self._networks.clear()

    async def list_networks(self) -> list[Network]:
        """All networks that we may use, with their subnets, as they are now."""
        networks = (await self._get(_Networks, "/v2.0/networks")).networks
        subnets = (await self._get(_Subnets, "/v2.0/subnets")).subnets
        return [
            Network(answer=one, subnets={each.id: each for each in subnets if each.network_id == one.id})
            for one in networks
        ]

    async def create_network(self, name: str, description: str) -> NetworkAnswer:
        """A new network, or the one of that name and description that we have made before.

        Raises:
            ApiRefused: the API does not make it: 403 where it makes none for us.
            ApiUnreachable: it may have been made if that is in doubt.
        """
        body = {"network": {"name": name, "description": description}}
        return _decode(await self._create("networks", body), _Network).network

    async def create_subnet(self, network_id: str, cidr: str, gateway: str | None) -> SubnetAnswer:
        """A new subnet of a network that we have made.

        Raises:
            ApiRefused: the API does not make it, since it is there already, for example.
            ApiUnreachable: it may have been made if that is in doubt.
        """
        version = ip_network(cidr).version
        subnet = {"network_id": network_id, "ip_version": version, "cidr": cidr, "gateway_ip": gateway}
        return _decode(await self._create("subnets", {"subnet": subnet}), _Subnet).subnet

    async def delete_network(self, network_id: str) -> bool:
        """Delete a network that we have made; False if there is none any more."""
        return await self._delete(f"/v2.0/networks/{quote(network_id)}")

    async def _create(self, plural: str, body: dict[str, Any]) -> Reply:
        return await self._ask(
            Request(method="POST", target=f"/v2.0/{plural}", body=msgspec.json.encode(body))
        )

    async def _delete(self, target: str) -> bool:
        try:
            await self._ask(Request(method="DELETE", target=target))
        except ApiRefused as error:
            if error.status == 404:
                return False
            raise
        return True

    async def _find_network(self, name_or_id: str) -> NetworkAnswer:
        for field in ("id", "name"):
            found = (await self._get(_Networks, "/v2.0/networks", **{field: name_or_id})).networks
            if len(found) > 1:
                ids = ", ".join(each.id for each in found)
                raise BadRequest(f"several networks are called {name_or_id}: name one by its id: {ids}")
            if found:
                return found[0]
        seen = (await self._get(_Networks, "/v2.0/networks")).networks
        names = ", ".join(sorted(each.name or each.id for each in seen)[:20]) or "none"
        raise BadRequest(f"there is no network {name_or_id} that this agent may use; it may use: {names}")

    # Ports.

    async def create_port(self, body: dict[str, Any], idempotency_key: str) -> PortAnswer:
        """A new port, or the one that an earlier request with that key made.

        Raises:
            ApiRefused: the API does not make it.
            ApiUnreachable: it may have been made if that is in doubt.
        """
        request = Request(
            method="POST",
            target="/v2.0/ports",
            headers=(("Idempotency-Key", idempotency_key),),
            body=msgspec.json.encode({"port": body}),
        )
        return _decode(await self._ask(request), _Port).port

    async def find_port(self, port_id: str) -> PortAnswer | None:
        """The port, or None if the API says that there is none that we may see."""
        try:
            return (await self._get(_Port, f"/v2.0/ports/{quote(port_id)}")).port
        except ApiRefused as error:
            if error.status == 404:
                return None
            raise

    async def list_ports(self, **filters: str) -> list[PortAnswer]:
        """All ports that we may see, in pages."""
        found: list[PortAnswer] = []
        page = {"limit": str(LIST_LIMIT), "sort_key": "id", "sort_dir": "asc"}
        while True:
            marker = {"marker": found[-1].id} if found else {}
            ports = (await self._get(_Ports, "/v2.0/ports", **filters, **page, **marker)).ports
            found += ports
            if len(ports) < LIST_LIMIT:
                return found

    async def delete_port(self, port_id: str) -> bool:
        """Delete the port; False if there is none any more."""
        return await self._delete(f"/v2.0/ports/{quote(port_id)}")

    # The rest.

    async def post(
        self, target: str, body: dict[str, Any], answer: type[T], *, bearer: str | None = None
    ) -> T:
        """Post something to one of ovnest's own paths, once; as `bearer`, or as always.

        Raises:
            ApiRefused: the server says no.
            ApiUnreachable: it does not answer.
        """
        request = Request(method="POST", target=target, body=msgspec.json.encode(body))
        signed = _with(request, bearer or await self._authorization())
        reply = await self._pool.ask(signed, self.timeout_s)
        if reply.status == 503:
            raise ApiUnreachable(f"{self.endpoint} says: {_refusal(reply).message}", in_doubt=True)
        return _decode(_accepted(reply), answer)

    async def post_again(self, target: str, body: dict[str, Any], answer: type[T], timeout_s: float) -> T:
        """Post something that may be posted twice, until there is an answer or the time is over.

        Raises:
            ApiRefused: the server says no.
            ApiUnreachable: it does not answer.
        """
        request = Request(method="POST", target=target, body=msgspec.json.encode(body))
        return _decode(await self._ask(request, timeout_s), answer)

    async def stream(self, target: str, headers: tuple[tuple[str, str], ...]) -> tuple[Connection, Reply]:
        """A connection on which the server has begun an endless answer, whose head that is.

        Raises:
            ApiRefused: it answered something else.
        """
        request = Request(method="GET", target=target, headers=headers)
        bearer = await self._authorization()
        connection = await Connection.open(self.endpoint)
        try:
            async with asyncio.timeout(self.timeout_s):
                await connection.send(_with(request, bearer))
                status, answered = await connection.receive_head()
                body = b""
                if status != 200:
                    async for part in connection.receive_body(status, answered):
                        body += part
            reply = _accepted(Reply(status=status, headers=answered, body=body))
        except TimeoutError:
            connection.close()
            raise ApiUnreachable(f"{self.endpoint} does not answer", in_doubt=False) from None
        except (OSError, EOFError, ValueError) as error:
            connection.close()
            raise ApiUnreachable(f"{self.endpoint}: {error}", in_doubt=False) from error
        except BaseException:
            connection.close()
            raise
        return connection, reply

    async def _get(self, answer: type[T], path: str, **query: str) -> T:
        target = f"{path}?{urlencode(query)}" if query else path
        return _decode(await self._ask(Request(method="GET", target=target)), answer)

    async def _ask(self, request: Request, timeout_s: float | None = None) -> Reply:
        """Ask until there is an answer, for that time: all that is asked here may be asked twice.

        A 503 says to come again. A 401 to a credential that has been renewed meanwhile is no answer.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (self.timeout_s if timeout_s is None else timeout_s)
        pause_s = FIRST_PAUSE_S
        doubted = False
        while True:
            try:
                bearer = await self._authorization()
                reply = await self._pool.ask(_with(request, bearer), max(give_up - loop.time(), 0.1))
                if reply.status == UNAUTHORIZED and bearer != await self._authorization():
                    continue
                if reply.status != 503:
                    return self._answered(reply)
                # A 503 may also mean that the outcome is not known.
                doubted = True
                problem = f"{self.endpoint} says: {_refusal(reply).message or 'not now'}"
            except ApiUnreachable as error:
                doubted = doubted or error.in_doubt
                problem = str(error)
            if loop.time() + pause_s >= give_up:
                raise ApiUnreachable(problem, in_doubt=doubted)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _answered(self, reply: Reply) -> Reply:
        try:
            return _accepted(reply)
        except ApiRefused as error:
            if error.status == UNAUTHORIZED:
                for listener in self.listeners:
                    listener(error)
            raise


def _with(request: Request, bearer: str | None) -> Request:
    if bearer is None:
        return request
    return msgspec.structs.replace(request, headers=(*request.headers, ("Authorization", bearer)))


def _accepted(reply: Reply) -> Reply:
    if 200 <= reply.status < 300:
        return reply
    refusal = _refusal(reply)
    raise ApiRefused(reply.status, refusal.type or "HTTP", refusal.message or "the API refused")


def _refusal(reply: Reply) -> Refusal:
    try:
        found = msgspec.json.decode(reply.body, type=_RefusalBody).NeutronError
    except msgspec.MsgspecError:
        return Refusal(message=reply.body[:200].decode(errors="replace"))
    return Refusal(message=found) if isinstance(found, str) else found


def _decode(reply: Reply, answer: type[T]) -> T:
    try:
        return msgspec.json.decode(reply.body, type=answer)
    except msgspec.MsgspecError as error:
        raise ApiRefused(reply.status, "HTTP", f"the API's answer is not understood: {error}") from error
