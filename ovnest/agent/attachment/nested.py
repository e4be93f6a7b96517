"""Nested mode: a container port has the VM's port as its parent, and its device is an access port.

The VM's switch tags what the container sends; the hypervisor's OVN takes the tag off again.

Source: ovn-nb(5), Logical_Switch_Port, "Containers"; ovs-vswitchd.conf.db(5), Port, "VLAN Configuration".
"""

from typing import Any

from ovnest.agent.attachment.entry import Entry
from ovnest.agent.attachment.journal import Journal, Recorded
from ovnest.agent.attachment.mode import common_body
from ovnest.agent.attachment.request import Attachment
from ovnest.agent.client.answers import PARENT_KEY, PortAnswer
from ovnest.agent.client.description import agent_of
from ovnest.agent.errors import ApiRefused

NAME = "nested"


class Nested:
    """Container ports of the VM's port `parent`."""

    has_uplink = True

    def __init__(self, parent: str) -> None:
        self.parent = parent

    def port_body(self, attachment: Attachment, entry: Entry, network_id: str) -> dict[str, Any]:
        body = common_body(attachment, entry, network_id)
        body["binding:profile"] = {PARENT_KEY: self.parent}
        return body

    def is_ours(self, port: PortAnswer, agent_id: str) -> bool:
        return port.parent == self.parent and agent_of(port.description) == agent_id

    def parent_of(self, port: PortAnswer) -> str | None:
        return port.parent or None

    async def uplink_mtu(self, journal: Journal) -> int | None:
        return journal.bridge_facts().mtu

    async def record(self, journal: Journal, recorded: Recorded, made: PortAnswer, **fields: Any) -> Recorded:
        if made.tag is None:
            # The port is a trunk without its tag, and would see every sibling's frames.
            raise ApiRefused(200, "NoTag", f"the API made port {made.id} without a tag")
        return await journal.change(recorded.row, tag=made.tag, **fields)
