"""What the two modes have in common: how a port is asked for, and how its device is tied to it."""

from typing import Any, Protocol

from ovnest.agent.attachment.entry import Entry
from ovnest.agent.attachment.journal import Journal, Recorded
from ovnest.agent.attachment.request import Attachment
from ovnest.agent.client.answers import PortAnswer
from ovnest.agent.client.description import described

OWNER_PREFIX = "container:"  # and the front door; owners that begin with "network:" are the network's own
NAME_MAX = 255
DEVICE_ID_MAX = 255


class Mode(Protocol):
    """Nested or overlay. `has_uplink`: the bridge leads out of the VM by a NIC, not by tunnels."""

    has_uplink: bool

    def port_body(self, attachment: Attachment, entry: Entry, network_id: str) -> dict[str, Any]:
        """What the API is asked to make."""

    def is_ours(self, port: PortAnswer, agent_id: str) -> bool:
        """Whether this agent has made that port."""

    def parent_of(self, port: PortAnswer) -> str | None:
        """The subject under which that port has its tag; None where ports have none."""

    async def uplink_mtu(self, journal: Journal) -> int | None:
        """What the way out of the VM carries; None where that is not known."""

    async def record(self, journal: Journal, recorded: Recorded, made: PortAnswer, **fields: Any) -> Recorded:
        """Write the port into the journal, and tie the device to it."""


def common_body(attachment: Attachment, entry: Entry, network_id: str) -> dict[str, Any]:
    """What both modes ask for. The name is the container's where the runtime has told it."""
    body: dict[str, Any] = {
        "network_id": network_id,
        "name": (attachment.name or entry.container)[:NAME_MAX],
        "device_id": entry.container[:DEVICE_ID_MAX],
        "device_owner": OWNER_PREFIX + entry.door,
        "description": described(entry.agent, entry.request, attachment.labels),
    }
    if attachment.mac is not None:
        body["mac_address"] = attachment.mac
    if attachment.addresses or attachment.subnets:
        body["fixed_ips"] = [
            *({"ip_address": address} for address in attachment.addresses),
            *({"subnet_id": subnet} for subnet in attachment.subnets),
        ]
    return body
