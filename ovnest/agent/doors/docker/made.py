"""Networks that Docker has had us make: `docker network create` without `network=`.

The API is the memory: such a network says in its description for which of Docker's it was made, and by which
agent. What is not to be is noted in the VM's Open vSwitch: a network while it is being made, so that one
whose making was interrupted is taken away; and one that Docker has removed, until the API has seen it, since
Docker forgets it whatever we answer.
"""

import asyncio
import logging
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_interface, ip_network

from ovnest.agent.attachment.journal import Journal
from ovnest.agent.client.answers import NetworkAnswer
from ovnest.agent.client.api import Api, Network
from ovnest.agent.client.description import agent_of, docker_of, of_docker
from ovnest.agent.crash_point import maybe_crash
from ovnest.agent.doors.docker.offers import Cidr, Offers
from ovnest.agent.errors import AgentError, ApiRefused, BadRequest
from ovnest.agent.waiting import heard

UNMADE = "ovnest-unmade"
NAME_LENGTH = 12  # of Docker's id, as Docker shortens it itself
FORBIDDEN = 403
AGAIN_FIRST_S = 0.5
AGAIN_LONGEST_S = 15.0

_log = logging.getLogger(__name__)


class Step(StrEnum):
    """The steps to a network and back, named as `OVNEST_CRASH_AFTER` names them."""

    RECORD_UNMADE = "record-unmade"
    CREATE_NETWORK = "create-network"
    CREATE_SUBNETS = "create-subnets"
    DELETE_NETWORK = "delete-network"
    FORGET_UNMADE = "forget-unmade"


MEANINGS = {
    Step.RECORD_UNMADE: "write at the VM's bridge that what is made for this network of Docker's is to go",
    Step.CREATE_NETWORK: "have the API make the network, or give the one that an earlier try made",
    Step.CREATE_SUBNETS: "have the API make its subnets",
    Step.DELETE_NETWORK: "have the API delete what was made for it, if anything was",
    Step.FORGET_UNMADE: "take the note away",
}

MAKE = (Step.RECORD_UNMADE, Step.CREATE_NETWORK, Step.CREATE_SUBNETS, Step.FORGET_UNMADE)
REMOVE = (Step.RECORD_UNMADE, Step.DELETE_NETWORK, Step.FORGET_UNMADE)


class Made:
    """Makes them and deletes them; what had to wait is done while `run` runs."""

    def __init__(self, api: Api, journal: Journal) -> None:
        self._api = api
        self._journal = journal
        self._offers = Offers()
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._ids: dict[str, str] = {}
        """The network that has a CIDR, as far as that was asked for; looked for again when it is gone."""
        self._answered: set[str] = set()
        """Docker's networks that were made since the start."""
        self.problem = ""

    # Making.

    async def offer(self, wanted: str, version: int) -> Cidr:
        """A CIDR for a network to be made: the wanted one, or one that is free.

        Raises:
            BadRequest: it cannot be had.
        """
        networks = await self._api.list_networks()
        # A container may be on a network that it joins, too: one that is free overlaps none of those.
        others = self._ours(networks) if wanted else networks
        return self._offers.offer(wanted, version, [ip_network(each) for each in _by_cidr(others)])

    def is_offered(self, cidr: str) -> bool:
        return self._offers.has(cidr)

    async def given_back(self, cidr: str) -> None:
        """Docker does not need that CIDR any more, or has not got the network that it wanted it for.

        Where a network has it all the same that was made before the last start, its answer was lost: Docker
        knows nothing of it, so it goes.
        """
        if self._offers.withdraw(cidr):
            return
        async with self._lock:
            network = _by_cidr(await self._all()).get(cidr)
        docker_id = docker_of(network.answer.description) if network is not None else ""
        if docker_id and docker_id not in self._answered:
            await self.remove(docker_id)

    async def make(self, docker_id: str, subnets: Mapping[str, str]) -> None:
        """Make the network for Docker's of that id, with these CIDRs and their gateways; once.

        Where none of them was promised, Docker joins a network without having named it to us: then there
        must be one that has them.

        Raises:
            BadRequest: the agent may not make any; or the CIDRs were not promised, and no network has them.
            AgentError: the API does not make it, and nothing is left of it.
        """
        wanted = {str(ip_network(cidr)): gateway for cidr, gateway in subnets.items()}
        async with self._lock:
            here = [each for each in await self._all() if docker_of(each.answer.description) == docker_id]
            if not here and not all(map(self._offers.has, wanted)):
                await self._check_joined(wanted)
                return
            await self._note_unmade(docker_id)
            try:
                await self._make(docker_id, wanted, here[0] if here else None)
                await self._forget_unmade(docker_id)
                self._answered.add(docker_id)
            except AgentError:
                if not await self._removed(docker_id):
                    self._wake.set()
                raise
            finally:
                self._ids.clear()
                self._api.forget_networks()
            for cidr in wanted:
                self._offers.withdraw(cidr)

    async def _make(self, docker_id: str, subnets: Mapping[str, str], here: Network | None) -> None:
        if here is None:
            description = of_docker(self._journal.agent_id, docker_id)
            network_id = (await self._create(f"docker-{docker_id[:NAME_LENGTH]}", description)).id
        else:
            network_id = here.answer.id
        maybe_crash(Step.CREATE_NETWORK)
        having = _by_cidr([here]) if here is not None else {}
        for cidr, gateway in subnets.items():
            if cidr not in having:
                address = str(ip_interface(gateway).ip) if gateway else None
                await self._create_subnet(network_id, cidr, address)
        maybe_crash(Step.CREATE_SUBNETS)

    async def _create(self, name: str, description: str) -> NetworkAnswer:
        try:
            return await self._api.create_network(name, description)
        except ApiRefused as error:
            if error.status != FORBIDDEN:
                raise
            raise BadRequest(
                "this agent may not make networks: say by --ipam-opt network=NAME which network to join, by "
                "its name or id, or ask the operator for a code by ovnest agent-code create --networks-max N"
            ) from error

    async def _create_subnet(self, network_id: str, cidr: str, gateway: str | None) -> None:
        try:
            await self._api.create_subnet(network_id, cidr, gateway)
        except ApiRefused:
            # An answer may have been lost, and the same have been asked for twice.
            made = [each for each in await self._all() if each.answer.id == network_id]
            if cidr not in _by_cidr(made):
                raise

    async def _check_joined(self, subnets: Mapping[str, str]) -> None:
        networks = await self._api.list_networks()
        if not any(_by_cidr([each]).keys() >= subnets.keys() for each in networks):
            raise BadRequest(
                f"nobody has asked for {', '.join(subnets)} within the last minute, or the agent was started "
                "anew since: create the network again"
            )

    # Finding.

    async def network(self, cidr: str) -> Network:
        """The network that was made with that CIDR.

        Raises:
            BadRequest: there is none.
        """
        network_id = await self.find(cidr)
        try:
            if network_id:
                return await self._api.network(network_id)
        except BadRequest:
            self._ids.pop(cidr, None)
        network_id = await self.find(cidr)
        if not network_id:
            raise BadRequest(f"the network that was made with {cidr} is gone: remove Docker's, too")
        return await self._api.network(network_id)

    async def find(self, cidr: str) -> str:
        """The id of the network that was made with that CIDR; empty if there is none."""
        known = self._ids.get(cidr)
        if known is None:
            self._ids = {key: each.answer.id for key, each in _by_cidr(await self._all()).items()}
            known = self._ids.get(cidr, "")
        return known

    async def _all(self) -> list[Network]:
        """All that this agent has made for Docker."""
        return self._ours(await self._api.list_networks())

    def _ours(self, networks: list[Network]) -> list[Network]:
        texts = ((each, each.answer.description) for each in networks)
        return [each for each, text in texts if agent_of(text) == self._journal.agent_id and docker_of(text)]

    # Deleting.

    async def remove(self, docker_id: str) -> None:
        """Delete what was made for Docker's network of that id, if anything was; later if it must be.

        Raises:
            SwitchAway, NotSetUp: not even that can be noted.
        """
        async with self._lock:
            self._answered.discard(docker_id)
            await self._note_unmade(docker_id)
            if not await self._removed(docker_id):
                self._wake.set()

    async def run(self) -> None:
        """Take away what is noted: since before the last start, or since it could not be taken away."""
        pause_s = AGAIN_FIRST_S
        while True:
            self._wake.clear()
            async with self._lock:
                done = await self._all_removed()
            if done:
                self.problem = ""
                pause_s = AGAIN_FIRST_S
                await self._wake.wait()
            else:
                await heard(self._wake, pause_s)
                pause_s = min(pause_s * 2, AGAIN_LONGEST_S)

    async def _all_removed(self) -> bool:
        try:
            await self._journal.current()
        except AgentError as error:
            self.problem = str(error)
            return False
        return all([await self._removed(each) for each in sorted(self._journal.noted(UNMADE))])

    async def _removed(self, docker_id: str) -> bool:
        """Delete what was made for that network of Docker's; whether nothing of it is left."""
        try:
            for network in await self._all():
                if docker_of(network.answer.description) == docker_id:
                    await self._api.delete_network(network.answer.id)
                    _log.info("event=network_deleted network=%s", network.answer.id)
            maybe_crash(Step.DELETE_NETWORK)
            await self._forget_unmade(docker_id)
        except AgentError as error:
            _log.warning("event=network_not_deleted docker=%s reason=%s", docker_id, error)
            self.problem = f"what was made for Docker's network {docker_id[:NAME_LENGTH]} waits: {error}"
            return False
        finally:
            self._ids.clear()
            self._api.forget_networks()
        return True

    async def _note_unmade(self, docker_id: str) -> None:
        await self._journal.note(UNMADE, add=[docker_id])
        maybe_crash(Step.RECORD_UNMADE)

    async def _forget_unmade(self, docker_id: str) -> None:
        await self._journal.note(UNMADE, remove=[docker_id])
        maybe_crash(Step.FORGET_UNMADE)


def _by_cidr(networks: list[Network]) -> dict[str, Network]:
    return {subnet.cidr: network for network in networks for subnet in network.subnets.values()}
