"""Docker's calls by their names: from JSON to the two drivers, and back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.journal import Journal
from ovnest.agent.client.api import Api
from ovnest.agent.doors.docker.driver import Driver
from ovnest.agent.doors.docker.ipam import ADDRESS_SPACE, Ipam
from ovnest.agent.doors.docker.made import Made
from ovnest.agent.doors.docker.messages import (
    AddressRequest,
    EndpointRequest,
    NetworkRequest,
    PoolRelease,
    PoolRequest,
)
from ovnest.agent.doors.docker.reservations import Reservations
from ovnest.agent.errors import AgentError, BadRequest, Fault

T = TypeVar("T")
Method = Callable[[bytes], Awaitable[Any]]

_log = logging.getLogger(__name__)


class Plugin:
    """Answers all that Docker asks of a plugin that is a network driver and an IPAM driver."""

    def __init__(self, engine: Engine, api: Api, journal: Journal) -> None:
        """`journal` keeps what is to be deleted of the networks that are made."""
        reservations, self._made = Reservations(engine), Made(api, journal)
        ipam = Ipam(engine, api, reservations, self._made)
        driver = Driver(engine, api, reservations, self._made)
        self._settling = driver.settling
        self._methods: dict[str, Method] = {
            "Plugin.Activate": _always({"Implements": ["NetworkDriver", "IpamDriver"]}),
            "IpamDriver.GetCapabilities": _always({"RequiresMACAddress": True}),
            "IpamDriver.GetDefaultAddressSpaces": _always(
                {"LocalDefaultAddressSpace": ADDRESS_SPACE, "GlobalDefaultAddressSpace": ADDRESS_SPACE}
            ),
            "IpamDriver.RequestPool": _decoded(PoolRequest, ipam.request_pool),
            "IpamDriver.ReleasePool": _decoded(PoolRelease, ipam.release_pool),
            "IpamDriver.RequestAddress": _decoded(AddressRequest, ipam.request_address),
            "IpamDriver.ReleaseAddress": _decoded(AddressRequest, ipam.release_address),
            "NetworkDriver.GetCapabilities": _always({"Scope": "local", "ConnectivityScope": "global"}),
            "NetworkDriver.CreateNetwork": _decoded(NetworkRequest, driver.create_network),
            "NetworkDriver.DeleteNetwork": _decoded(NetworkRequest, driver.delete_network),
            "NetworkDriver.CreateEndpoint": _decoded(EndpointRequest, driver.create_endpoint),
            "NetworkDriver.EndpointOperInfo": _decoded(EndpointRequest, driver.endpoint_info),
            "NetworkDriver.DeleteEndpoint": _decoded(EndpointRequest, driver.delete_endpoint),
            "NetworkDriver.Join": _decoded(EndpointRequest, driver.join),
            "NetworkDriver.Leave": _decoded(EndpointRequest, driver.leave),
            "NetworkDriver.ProgramExternalConnectivity": _always({}),
            "NetworkDriver.RevokeExternalConnectivity": _always({}),
            "NetworkDriver.DiscoverNew": _always({}),
            "NetworkDriver.DiscoverDelete": _always({}),
        }

    @property
    def problem(self) -> str:
        """Why a network that was made is not deleted yet; empty if none waits."""
        return self._made.problem

    async def run(self) -> None:
        """What goes on between Docker's calls."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._settling.run())
            tasks.create_task(self._made.run())

    async def answer(self, name: str, body: bytes) -> bytes:
        """The answer to the call `name`, as JSON; a refusal is one, too."""
        method = self._methods.get(name)
        try:
            if method is None:
                raise BadRequest(f"ovnest has no {name}")
            return msgspec.json.encode(await method(body))
        except msgspec.MsgspecError as error:
            if not body:  # as Docker asks again whom it got no answer from
                return _refused(name, BadRequest("the agent was started anew meanwhile: try again"))
            return _refused(name, BadRequest(f"{name} is not understood: {error}"))
        except AgentError as error:
            return _refused(name, error)
        except Exception as error:
            # The end of a request: Docker's user gets a sentence, the log all of it.
            _log.exception("event=fault call=%s", name)
            return _refused(name, Fault(f"the agent has a fault, see its log: {type(error).__name__}"))


def _always(answer: dict[str, Any]) -> Method:
    async def method(_body: bytes) -> Any:
        return answer

    return method


def _decoded(kind: type[T], function: Callable[[T], Awaitable[Any]]) -> Method:
    async def method(body: bytes) -> Any:
        return await function(msgspec.json.decode(body or b"{}", type=kind))

    return method


def _refused(name: str, error: AgentError) -> bytes:
    """The network driver's error is called Err, the IPAM driver's Error."""
    _log.info("event=refused call=%s reason=%s", name, error)
    return msgspec.json.encode({"Err": str(error), "Error": str(error)})
