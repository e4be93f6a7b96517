"""One plan under way: what the engine works with, and what the steps so far have brought."""

import asyncio
from typing import TypeVar

from msgspec import Struct

from ovnest.agent.attachment.bounds import Bounds
from ovnest.agent.attachment.journal import Journal, Recorded
from ovnest.agent.attachment.mode import Mode
from ovnest.agent.attachment.request import Attachment
from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.states import Event
from ovnest.agent.client.answers import PortAnswer
from ovnest.agent.client.api import Api
from ovnest.agent.vm.link import Links, Mark, identity

T = TypeVar("T")


class Parts(Struct, frozen=True, kw_only=True):
    """What the engine works with."""

    api: Api
    journal: Journal
    links: Links
    mode: Mode
    bounds: Bounds
    boot: str

    @property
    def mark(self) -> Mark:
        return Mark(self.journal.agent_id)


class Removal(Struct, kw_only=True):
    """A plan to nothing. `never_asked`: the API was not asked for a port, or has said no."""

    recorded: Recorded
    event: Event
    never_asked: bool = False


class PortSubscriber:
    """What the API's events say of a port while it is being attached: whether it is active, and `news`."""

    def __init__(self) -> None:
        self.active = False
        self.news = asyncio.Event()


class Addition(Struct, kw_only=True):
    """A plan to an attachment, or to a reservation: each step leaves what later ones need."""

    attachment: Attachment
    entry: Recorded | None = None
    made: PortAnswer | None = None
    result: Attached | None = None
    ifindex: int = 0
    network_known: bool = False
    subscriber: PortSubscriber | None = None

    @property
    def recorded(self) -> Recorded:
        return _there(self.entry, "an entry")

    @property
    def port(self) -> PortAnswer:
        return _there(self.made, "a port")

    @property
    def answer(self) -> Attached:
        return _there(self.result, "an answer")

    @property
    def netns(self) -> str:
        fd = self.attachment.netns_fd
        return "" if fd is None else identity(fd)


def _there(value: T | None, what: str) -> T:
    if value is None:
        raise RuntimeError(f"the plan has a step that needs {what} before the one that makes it")
    return value
