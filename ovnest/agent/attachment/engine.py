"""The state machine that all front doors share: attach, reserve, detach, check, collect.

What is to be done is planned by `plan`, where it stands is in the `journal`. One lock for each key; work on
different keys goes on at once. A removal that cannot be finished now, since the API is away, stays in the
journal as DELETING, and `finish` carries it out later.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack

from msgspec.structs import replace

from ovnest.agent.attachment import plan
from ovnest.agent.attachment.attach import Attaching
from ovnest.agent.attachment.bounds import Bounds
from ovnest.agent.attachment.check import check_attachment
from ovnest.agent.attachment.context import Addition, Parts, Removal
from ovnest.agent.attachment.detach import PORT_IS_GONE, Detaching, Later
from ovnest.agent.attachment.journal import Journal, Recorded
from ovnest.agent.attachment.locks import KeyLocks, Turns
from ovnest.agent.attachment.mode import Mode
from ovnest.agent.attachment.plan import Seen, Step
from ovnest.agent.attachment.reannounce import Reminding
from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.states import Event, State, after
from ovnest.agent.client.api import Api
from ovnest.agent.crash_point import maybe_crash
from ovnest.agent.errors import (
    AgentError,
    AlreadyAttached,
    ApiRefused,
    ApiUnreachable,
    NotAttached,
    NotPlugged,
)
from ovnest.agent.vm.boot import boot_id
from ovnest.agent.vm.link import Links

AT_A_TIME = 3
TURN_PATIENCE_S = 1.0

_log = logging.getLogger(__name__)


class Engine:
    """Attaches containers by way of `api`, `journal` and `links`, as `mode` says."""

    def __init__(self, api: Api, journal: Journal, links: Links, mode: Mode, bounds: Bounds) -> None:
        self.parts = Parts(api=api, journal=journal, links=links, mode=mode, bounds=bounds, boot=boot_id())
        self.attaching = Attaching(self.parts, self._give_tag_away, self._settle)
        self.detaching = Detaching(self.parts)
        self.reminding = Reminding(self.parts.journal)
        self.pending: dict[str, str] = {}
        """Why a removal is not finished, by the device."""
        self.listeners: list[Callable[[], None]] = []
        """Called when an attachment has come or gone, or waits to go."""
        self._locks = KeyLocks()
        self._turns = Turns(AT_A_TIME, TURN_PATIENCE_S)
        self._adding: set[Key] = set()

    # What front doors ask for.

    async def attach(self, attachment: Attachment) -> Attached:
        """Attach a container; the same again gives the same answer.

        Raises:
            AlreadyAttached: it is, and another attachment was asked for.
            AgentError: why it cannot be; nothing of it stays, or what does is on its way out.
        """
        async with self._locks.held(attachment.key, attachment.adopts):
            await self.parts.journal.current()
            if (known := await self._attached_already(attachment)) is not None:
                return known
            work, state = Addition(attachment=attachment), State.ABSENT
            if attachment.adopts is not None:
                work.entry = self._reservation(attachment.adopts)
                work.result = work.entry.entry.answer
                state = State.RESERVED
            await self._add(work, plan.plan_attach(Seen(state=state)))
            if attachment.netns_fd is not None:
                self.reminding.begin(work.recorded)
            return work.answer

    async def reserve(self, attachment: Attachment) -> Attached:
        """Make the port of an attachment that will come later, and adopt it; the same again gives the same.

        Raises:
            AgentError: why it cannot be.
        """
        async with self._locks.held(attachment.key):
            await self.parts.journal.current()
            for recorded in self.parts.journal.of_key(attachment.key):
                if recorded.entry.state is State.RESERVED and recorded.entry.answer is not None:
                    return recorded.entry.answer
                await self._remove(recorded, Event.DETACH)
            work = Addition(attachment=attachment)
            await self._add(work, plan.plan_reserve(Seen(state=State.ABSENT)))
            return work.answer

    async def detach(self, key: Key) -> bool:
        """Take an attachment away; whether nothing is left of it. What is left goes when it can.

        The device is gone when this returns. What is not attached is no error.

        Raises:
            AgentError: a device cannot be removed.
        """
        async with self._locks.held(key):
            await self.parts.journal.current()
            done = [await self._remove(each, Event.DETACH) for each in self.parts.journal.of_key(key)]
            return all(done)

    async def check(self, attachment: Attachment) -> Attached:
        """The attachment, if all of it is as it was made: device, tag, addresses, and the API's port.

        Raises:
            NotAttached: there is none of that key.
            NotAsRecorded: it is not as it was made; the message says what is wrong.
        """
        await self.parts.journal.current()
        for recorded in self.parts.journal.of_key(attachment.key):
            answer = recorded.entry.answer
            if recorded.entry.state is State.PLUGGED and answer is not None:
                await check_attachment(self.parts, recorded, answer, attachment.netns_fd)
                return answer
        raise NotAttached(f"{attachment.key} is not attached")

    async def collect(self, valid: Collection[Key], *, door: str, scope: str) -> list[Key]:
        """Take away what `door` attached for its network `scope` and does not call valid; which it was."""
        await self.parts.journal.current()
        stale = [
            recorded.entry.key
            for recorded in self.parts.journal.entries()
            if (recorded.entry.door, recorded.entry.scope) == (door, scope)
            and recorded.entry.state is not State.DELETING
            and recorded.entry.key not in valid
        ]
        for key in stale:
            await self.detach(key)
        return stale

    # What the reconciler asks for.

    def busy(self, key: Key) -> bool:
        """Whether somebody waits for an answer about that key just now."""
        return self._locks.busy(key)

    async def finish(self, recorded: Recorded, event: Event) -> bool:
        """Remove just that entry, if it still stands as it was seen; whether there is nothing more to do."""
        async with self._locks.held(recorded.entry.key):
            now = self.parts.journal.find(recorded.row)
            if now is None:
                return True
            if now.entry.state is not recorded.entry.state and event not in PORT_IS_GONE:
                return True
            return await self._remove(now, event)

    async def retag(self, recorded: Recorded, tag: int) -> None:
        """Give an attachment the tag that the API says it has now."""
        async with self._locks.held(recorded.entry.key):
            now = self.parts.journal.find(recorded.row)
            answer = None if now is None else now.entry.answer
            if now is None or answer is None or now.entry.state is not State.PLUGGED:
                return
            await self._give_tag_away(tag, now)
            await self.parts.journal.change(now.row, tag=tag, answer=replace(answer, tag=tag))

    # Carrying out.

    async def _add(self, work: Addition, steps: tuple[Step, ...]) -> None:
        """All steps to an attachment; if one fails, what was done is undone."""
        self._adding.add(work.attachment.key)
        try:
            async with asyncio.timeout(self.parts.bounds.attach_s), AsyncExitStack() as turn:
                await turn.enter_async_context(self._turns.taken())
                for step in steps:
                    if step is Step.AWAIT_ACTIVE:
                        await turn.aclose()  # the rest is others' work
                    await self.attaching.steps[step](work)
                    maybe_crash(step)
        except BaseException as error:
            if work.entry is not None:
                await asyncio.shield(self._give_up(work, work.entry, error))
            if isinstance(error, TimeoutError):
                raise NotPlugged(f"it took longer than {self.parts.bounds.attach_s:.0f} s") from error
            raise
        finally:
            self._adding.discard(work.attachment.key)
        self._tell()

    async def _give_up(self, work: Addition, recorded: Recorded, error: BaseException) -> None:
        """Undo; where the API has said no, or was not reached, there is no port to look for."""
        refused = isinstance(error, ApiRefused) or (isinstance(error, ApiUnreachable) and not error.in_doubt)
        never_asked = work.made is None and (refused or not work.network_known)
        try:
            await self._remove(recorded, Event.FAILED, never_asked=never_asked)
        except AgentError as second:
            self.pending[recorded.device] = str(second)
            _log.warning("event=undo_failed device=%s reason=%s", recorded.device, second)

    async def _remove(self, recorded: Recorded, event: Event, *, never_asked: bool = False) -> bool:
        """All steps to nothing; False if the last ones must wait."""
        entry = recorded.entry
        if after(entry.state, event) is not State.DELETING:
            return True
        seen = Seen(state=entry.state, port_gone=entry.port_gone or event in PORT_IS_GONE)
        work = Removal(recorded=recorded, event=event, never_asked=never_asked)
        try:
            for step in plan.plan_detach(seen):
                await self.detaching.steps[step](work)
                maybe_crash(step)
        except Later as reason:
            if self.pending.get(recorded.device) != str(reason):
                _log.warning("event=removal_waits device=%s reason=%s", recorded.device, reason)
            self.pending[recorded.device] = str(reason)
            return False
        finally:
            self._tell()
        self.pending.pop(recorded.device, None)
        return True

    async def _give_tag_away(self, tag: int, but: Recorded) -> None:
        """Take the tag from any other entry: that the API gave it to one port says that no other has it."""
        for other in self.parts.journal.entries():
            if other.real_tag == tag and other.row != but.row:
                _log.warning("event=tag_given_away tag=%d device=%s", tag, other.device)
                await self._remove(other, Event.TAG_GIVEN)

    async def _settle(self) -> bool:
        """Finish removals that had to wait, now; whether one could be."""
        waiting = [
            each
            for each in self.parts.journal.entries()
            # One whose key is being attached anew was tried by that; to wait for it might be for ever.
            if each.entry.state is State.DELETING and each.entry.key not in self._adding
        ]
        done = [await self.finish(each, Event.DETACH) for each in waiting]
        return any(done)

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()

    # What is known.

    async def _attached_already(self, attachment: Attachment) -> Attached | None:
        """The answer, if this very attachment stands; whatever else has its key is taken away."""
        for recorded in self.parts.journal.of_key(attachment.key):
            entry = recorded.entry
            if entry.state is State.PLUGGED and self._stands(recorded, attachment):
                if attachment.must_be_new:
                    raise AlreadyAttached(f"{attachment.key} is attached already, to {entry.network}")
                return entry.answer
            await self._remove(recorded, Event.DETACH)
        return None

    def _stands(self, recorded: Recorded, attachment: Attachment) -> bool:
        entry, asked = recorded.entry, Addition(attachment=attachment)
        same = (entry.boot, entry.netns, entry.network) == (
            self.parts.boot,
            asked.netns,
            attachment.network,
        )
        return same and recorded.device in self.parts.links.names()

    def _reservation(self, key: Key) -> Recorded:
        for recorded in self.parts.journal.of_key(key):
            if recorded.entry.state is State.RESERVED and recorded.entry.answer is not None:
                return recorded
        raise NotAttached(f"there is no reservation {key}")
