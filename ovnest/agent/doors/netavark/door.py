"""The netavark plugin's create, setup and teardown, as the shim hands them over."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network
from typing import Any

from msgspec import Struct

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.request import Attachment
from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.subnets import choose, version_of
from ovnest.agent.client.api import Api, Network
from ovnest.agent.doors.netavark.config import (
    IPAM_DRIVER,
    NO_IPAM,
    Call,
    PodmanNetwork,
    understand_call,
    understand_network,
)
from ovnest.agent.errors import BadRequest

DOOR = "netavark"


class Reply(Struct, frozen=True, kw_only=True):
    """What the executable prints, and what it says besides to whoever sits at the terminal."""

    output: dict[str, Any] | None = None
    said: str = ""


class Netavark:
    """Answers calls of the shim by way of `engine`; `api` is asked for networks."""

    def __init__(self, engine: Engine, api: Api) -> None:
        self._engine = engine
        self._api = api
        self._commands: dict[str, Callable[[dict[str, Any], list[int]], Awaitable[Reply]]] = {
            "create": self._create,
            "setup": self._setup,
            "teardown": self._teardown,
        }

    async def answer(self, request: dict[str, Any], files: list[int]) -> Reply:
        """The answer to a command.

        Raises:
            AgentError: why it cannot be.
            ValidationError: what was asked is not understood.
        """
        command = self._commands.get(str(request.get("command")))
        if command is None:
            raise BadRequest(f"the plugin knows {', '.join(self._commands)} and info")
        return await command(request.get("asked") or {}, files)

    async def _create(self, asked: dict[str, Any], _files: list[int]) -> Reply:
        wanted = understand_network(asked)
        network = await self._api.network(wanted.wanted)
        if wanted.ipv6_enabled:
            choose(network, 6)
        output = {
            **asked,
            # Podman would run a name server of its own on the network, and choose addresses by itself.
            "dns_enabled": False,
            "ipam_options": {**(wanted.ipam_options or {}), IPAM_DRIVER: NO_IPAM},
        }
        if wanted.subnets:
            output["subnets"] = _subnets(wanted, network)
        return Reply(output=output)

    async def _setup(self, asked: dict[str, Any], files: list[int]) -> Reply:
        call = understand_call(asked)
        if not files:
            raise BadRequest("setup needs the path of a network namespace")
        addresses, subnets = await self._addresses(call)
        answer = await self._engine.attach(
            Attachment(
                key=call.key,
                network=call.network.wanted,
                door=DOOR,
                scope=call.network.name,
                netns_fd=files[0],
                addresses=addresses,
                subnets=subnets,
                mac=call.network_options.static_mac or None,
                name=call.container_name,
                labels={"container": call.container_id, "runtime": "podman"},
                must_be_new=True,
            )
        )
        return Reply(output=_status_block(call, answer), said=_of_published(call, answer))

    async def _teardown(self, asked: dict[str, Any], _files: list[int]) -> Reply:
        await self._engine.detach(understand_call(asked).key)
        return Reply()

    async def _addresses(self, call: Call) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The addresses, and the subnets (ids) in which any will do; neither: the API chooses."""
        # `podman network reload` says twice what `--ip` has said.
        static = tuple(dict.fromkeys(call.network_options.static_ips or ()))
        named = tuple(each.subnet for each in call.network.subnets or ())
        if not static and not named:
            return (), ()
        network = await self._api.network(call.network.wanted)
        return static, subnets_besides(static, named, network)


def subnets_besides(static: tuple[str, ...], named: tuple[str, ...], network: Network) -> tuple[str, ...]:
    """The ids of the subnets in which a container gets an address beside its `static` ones.

    Those that Podman's network names and, in families that neither speaks of, one that the network has: who
    asks for an IPv4 address has not refused one of IPv6.

    Raises:
        BadRequest: the network does not have a named one (any more).
    """
    fixed = [ip_address(each) for each in static]
    chosen = [choose(network, ip_network(cidr).version, cidr) for cidr in named]
    without = [each for each in chosen if not any(address in ip_network(each.cidr) for address in fixed)]
    spoken_of = {each.version for each in fixed} | {version_of(each) for each in chosen}
    others = sorted({version_of(each) for each in network.subnets.values()} - spoken_of)
    return tuple(each.id for each in (*without, *(choose(network, version) for version in others)))


def _subnets(wanted: PodmanNetwork, network: Network) -> list[dict[str, Any]]:
    """The subnets that are asked for, with the gateways that they have."""
    subnets = []
    for asked in wanted.subnets or ():
        subnet = choose(network, ip_network(asked.subnet).version, asked.subnet)
        if asked.gateway not in (None, subnet.gateway_ip):
            raise BadRequest(
                f"the gateway of {subnet.cidr} is {subnet.gateway_ip or 'none'}, not {asked.gateway}"
            )
        gateway = {} if subnet.gateway_ip is None else {"gateway": subnet.gateway_ip}
        subnets.append({"subnet": subnet.cidr, **gateway})
    return subnets


def _status_block(call: Call, answer: Attached) -> dict[str, Any]:
    """What Podman shows of the container, and writes into its resolv.conf."""
    subnets = []
    for each in answer.addresses:
        gateway = {} if each.gateway is None else {"gateway": each.gateway}
        subnets.append({"ipnet": each.address, **gateway})
    return {
        "dns_search_domains": list(answer.dns.search),
        "dns_server_ips": list(answer.dns.nameservers),
        "interfaces": {
            call.network_options.interface_name: {"mac_address": answer.mac, "subnets": subnets},
        },
    }


def _of_published(call: Call, answer: Attached) -> str:
    """That `--publish` has no effect, if it was said."""
    if not call.port_mappings:
        return ""
    addresses = ", ".join(each.address.partition("/")[0] for each in answer.addresses)
    return f"--publish has no effect on networks of ovnest: the container is reached at {addresses} itself"
