"""Ports that Docker has asked addresses of, and that no endpoint was made for yet."""

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.attachment.states import State
from ovnest.agent.doors.docker import pools
from ovnest.agent.errors import NotAttached

DOOR = "docker"
EXPECTED_MAX = 4096


class Reservations:
    """Knows a reservation by its MAC address and network, which is all that Docker says twice."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Addresses of endpoints that are gone, in the order they went: Docker will release them, too, and
        # somebody else may have them by then.
        self._expected: dict[tuple[str, str], None] = {}

    def attachment(self, network_id: str, mac: str) -> Attachment:
        """What is wanted with that MAC address, before its addresses are said."""
        return Attachment(
            key=Key(container=mac, interface=network_id),
            network=network_id,
            door=DOOR,
            mac=mac,
            name=f"docker-{mac}",
        )

    def find(self, mac: str, address: str) -> Key:
        """The reservation that has this MAC address and this address.

        Raises:
            NotAttached: there is none.
        """
        for recorded in self._engine.entries():
            entry = recorded.entry
            if entry.door != DOOR or entry.state is not State.RESERVED or entry.answer is None:
                continue
            if entry.mac == mac and any(pools.same(each.address, address) for each in entry.answer.addresses):
                return entry.key
        raise NotAttached(
            f"no address {address} was asked for {mac}, or too long ago: "
            "the network must be made with --ipam-driver ovnest, and the container started anew"
        )

    def expect(self, network_id: str, addresses: tuple[str, ...]) -> None:
        """These addresses were an endpoint's; that Docker releases them says nothing of a reservation."""
        for address in addresses:
            self._expected[network_id, _bare(address)] = None
        while len(self._expected) > EXPECTED_MAX:
            del self._expected[next(iter(self._expected))]

    async def release(self, network_id: str, address: str) -> None:
        """Give the reservation back that has this address, if there is one."""
        if (network_id, _bare(address)) in self._expected:
            del self._expected[network_id, _bare(address)]
            return
        await self._engine.current()
        for recorded in self._engine.entries():
            entry, answer = recorded.entry, recorded.entry.answer
            if entry.door != DOOR or entry.state is not State.RESERVED or answer is None:
                continue
            if answer.network_id == network_id and any(
                pools.same(each.address, address) for each in answer.addresses
            ):
                await self._engine.detach(entry.key)


def _bare(address: str) -> str:
    return address.partition("/")[0]
