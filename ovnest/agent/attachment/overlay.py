"""Overlay mode: the VM is a chassis, and a container's device stands on the bridge that OVN runs.

The API binds the ports to this chassis; ovn-controller finds the device by its `iface-id`.

Source: ovn-controller(8), "Open vSwitch Database Configuration", external_ids:iface-id in Interface.
"""

from typing import Any

from ovnest.agent.attachment.entry import Entry
from ovnest.agent.attachment.journal import Journal, Recorded
from ovnest.agent.attachment.mode import common_body
from ovnest.agent.attachment.request import Attachment
from ovnest.agent.client.answers import PortAnswer
from ovnest.agent.client.description import agent_of
from ovnest.agent.vm.tunnel import ENCAP_IP, TunnelMtu

NAME = "overlay"


class Overlay:
    """Ports that are bound to this chassis."""

    has_uplink = False

    def __init__(self) -> None:
        self._tunnels = TunnelMtu()

    def port_body(self, attachment: Attachment, entry: Entry, network_id: str) -> dict[str, Any]:
        return common_body(attachment, entry, network_id)

    def is_ours(self, port: PortAnswer, agent_id: str) -> bool:
        return agent_of(port.description) == agent_id

    def parent_of(self, port: PortAnswer) -> str | None:
        return None

    async def uplink_mtu(self, journal: Journal) -> int | None:
        known = [journal.bridge_facts().mtu, await self._tunnels.of(journal.switch_ids().get(ENCAP_IP, ""))]
        return min((mtu for mtu in known if mtu is not None), default=None)

    async def record(self, journal: Journal, recorded: Recorded, made: PortAnswer, **fields: Any) -> Recorded:
        # OVN's flows look at the port alone: a tag would be added to what the container sends.
        return await journal.tie(recorded.row, made.id, made.mac_address, **fields)
