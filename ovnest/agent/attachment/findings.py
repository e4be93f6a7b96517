"""What the API shows, compared with the journal: what is missing and what is left over. Pure."""

from collections.abc import Callable, Collection

from msgspec import Struct

from ovnest.agent.attachment.journal import Recorded
from ovnest.agent.attachment.states import State
from ovnest.agent.client.answers import PortAnswer
from ovnest.agent.client.description import request_of


class Findings(Struct, frozen=True, kw_only=True):
    """What differs and is left as it is.

    `missing` are devices whose port the API does not show, `orphans` ports that carry our mark and that the
    journal does not know.
    """

    missing: frozenset[str] = frozenset()
    orphans: tuple[PortAnswer, ...] = ()


def compare(
    entries: Collection[Recorded], ports: Collection[PortAnswer], is_ours: Callable[[PortAnswer], bool]
) -> Findings:
    """The findings, where `ports` are all that the API shows."""
    shown = {port.id for port in ports}
    known = {each.entry.port for each in entries} | {each.entry.request for each in entries}
    return Findings(
        missing=frozenset(
            each.device
            for each in entries
            if each.entry.port and each.entry.state is State.PLUGGED and each.entry.port not in shown
        ),
        orphans=tuple(
            port
            for port in ports
            if is_ours(port) and port.id not in known and request_of(port.description) not in known
        ),
    )
