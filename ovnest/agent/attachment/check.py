"""Whether an attachment is as it was made: the container's end, ours, and the API's port."""

from ovnest.agent.attachment import result
from ovnest.agent.attachment.context import Parts
from ovnest.agent.attachment.journal import Recorded
from ovnest.agent.attachment.result import Attached
from ovnest.agent.errors import NotAsRecorded, NotPlugged

ON_BRIDGE_S = 1.0


async def check_attachment(parts: Parts, recorded: Recorded, answer: Attached, netns_fd: int | None) -> None:
    """Return if all of it is so; without its namespace, the container's end is not looked at.

    Raises:
        NotAsRecorded: it is not; the message says what is wrong.
    """
    if netns_fd is not None:
        await parts.links.check(result.setup(answer, userspace=False), netns_fd)
    await _check_device(parts, recorded, answer)
    await _check_port(parts, answer)


async def _check_device(parts: Parts, recorded: Recorded, answer: Attached) -> None:
    device = (await parts.links.all()).get(recorded.device)
    if device is None:
        raise NotAsRecorded(f"device {recorded.device} is gone")
    if not device.up:
        raise NotAsRecorded(f"device {recorded.device} is down")
    if answer.tag is not None and recorded.tag != answer.tag:
        raise NotAsRecorded(f"device {recorded.device} has tag {recorded.tag}, not {answer.tag}")
    try:
        await parts.journal.until_on_bridge(recorded.row, device.index, ON_BRIDGE_S)
    except NotPlugged as error:
        raise NotAsRecorded(str(error)) from error


async def _check_port(parts: Parts, answer: Attached) -> None:
    port = await parts.api.find_port(answer.port_id)
    if port is None:
        raise NotAsRecorded(f"port {answer.port_id} is not in the API")
    if (port.mac_address, port.tag) != (answer.mac, answer.tag):
        raise NotAsRecorded(
            f"port {port.id} has MAC address {port.mac_address} and tag {port.tag} in the API, "
            f"the container has {answer.mac} and {answer.tag}"
        )
