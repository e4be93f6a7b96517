"""The steps to nothing. Each may be done twice."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ovnest.agent.attachment.context import Parts, Removal
from ovnest.agent.attachment.entry import Entry
from ovnest.agent.attachment.plan import Step
from ovnest.agent.attachment.states import Event, after
from ovnest.agent.client.description import request_of
from ovnest.agent.errors import ApiRefused, ApiUnreachable

PORT_IS_GONE = (Event.PORT_DELETED, Event.TAG_GIVEN)


class Later(Exception):
    """A removal cannot be finished now; the message says why."""


class Detaching:
    """Does the steps of a plan to nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.gone_tags: list[int] = []
        """Tags whose device has gone, until somebody has reported them."""
        self.steps: dict[Step, Callable[[Removal], Awaitable[None]]] = {
            Step.RECORD_DELETING: self._record_deleting,
            Step.REMOVE_LINK: self._remove_link,
            Step.DELETE_PORT: self._delete_port,
            Step.FORGET: self._forget,
        }

    async def _record_deleting(self, work: Removal) -> None:
        fields: dict[str, Any] = {"state": after(work.recorded.entry.state, work.event)}
        if work.event in PORT_IS_GONE:
            fields["port_gone"] = True
        if work.never_asked:
            fields["asked_at"] = 0
        work.recorded = await self._parts.journal.change(work.recorded.row, **fields)

    async def _remove_link(self, work: Removal) -> None:
        await self._parts.links.remove(work.recorded.device, self._parts.mark)

    async def _delete_port(self, work: Removal) -> None:
        entry = work.recorded.entry
        try:
            async with asyncio.timeout(self._parts.bounds.detach_api_s):
                if entry.port:
                    await self._parts.api.delete_port(entry.port)
                elif entry.asked_at:
                    await self._delete_unanswered(entry)
        except (ApiUnreachable, ApiRefused) as error:
            raise Later(str(error)) from error
        except TimeoutError:
            raise Later("the API does not answer") from None

    async def _delete_unanswered(self, entry: Entry) -> None:
        """Delete the port that was asked for and whose answer was lost, if there is one."""
        found = False
        for port in await self._parts.api.list_ports(device_id=entry.container):
            if request_of(port.description) == entry.request:
                found = True
                await self._parts.api.delete_port(port.id)
        if not found and time.time() < entry.asked_at + self._parts.bounds.doubt_s:
            raise Later("its port was asked for a moment ago, without an answer, and may still come")

    async def _forget(self, work: Removal) -> None:
        await self._parts.journal.forget(work.recorded.row)
        if work.recorded.real_tag is not None:
            self.gone_tags.append(work.recorded.real_tag)
