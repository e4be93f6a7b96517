"""The state machine that all front doors share: attach, reserve, detach, check, collect.

What is to be done is planned by `plan`, where it stands is in the `journal`. One lock for each key; work on
different keys goes on at once. A removal that cannot be finished now, since the API is away, stays in the
journal as DELETING, and `finish` carries it out later.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack

from msgspec.structs import replace

from ovnest.agent.attachment import plan, result
from ovnest.agent.attachment.attach import Attaching
from ovnest.agent.attachment.bounds import Bounds
from ovnest.agent.attachment.check import check_attachment
from ovnest.agent.attachment.context import Addition, Parts, Removal
from ovnest.agent.attachment.detach import PORT_IS_GONE, Detaching, Later
from ovnest.agent.attachment.findings import Findings, compare
from ovnest.agent.attachment.journal import Journal, Recorded
from ovnest.agent.attachment.locks import KeyLocks, Turns
from ovnest.agent.attachment.mode import Mode
from ovnest.agent.attachment.plan import Seen, Step
from ovnest.agent.attachment.reannounce import Reannouncing
from ovnest.agent.attachment.request import Attachment, Key
from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.states import Event, State, after
from ovnest.agent.client.answers import PortAnswer
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
        self._parts = Parts(api=api, journal=journal, links=links, mode=mode, bounds=bounds, boot=boot_id())
        self._attaching = Attaching(self._parts, self._give_tag_away, self._finish_waiting)
        self._detaching = Detaching(self._parts)
        self._reannouncing = Reannouncing(journal)
        self._pending: dict[str, str] = {}
        """Why a removal is not finished, by the device."""
        self._listeners: list[Callable[[], None]] = []
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
            await self.current()
            if (known := await self._attached_already(attachment)) is not None:
                return known
            work, state = Addition(attachment=attachment), State.ABSENT
            if attachment.adopts is not None:
                work.entry = self._reservation(attachment.adopts)
                work.result = work.entry.entry.answer
                state = State.RESERVED
            await self._add(work, plan.plan_attach(Seen(state=state)))
            if attachment.netns_fd is not None:
                self._reannouncing.begin(work.recorded)
            return work.answer

    async def reserve(self, attachment: Attachment) -> Attached:
        """Make the port of an attachment that will come later, and adopt it; the same again gives the same.

        Raises:
            AgentError: why it cannot be.
        """
        async with self._locks.held(attachment.key):
            await self.current()
            for recorded in self._parts.journal.of_key(attachment.key):
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
            await self.current()
            done = [await self._remove(each, Event.DETACH) for each in self._parts.journal.of_key(key)]
            return all(done)

    async def check(self, attachment: Attachment) -> Attached:
        """The attachment, if all of it is as it was made: device, tag, addresses, and the API's port.

        Raises:
            NotAttached: there is none of that key.
            NotAsRecorded: it is not as it was made; the message says what is wrong.
        """
        await self.current()
        for recorded in self._parts.journal.of_key(attachment.key):
            answer = recorded.entry.answer
            if recorded.entry.state is State.PLUGGED and answer is not None:
                await check_attachment(self._parts, recorded, answer, attachment.netns_fd)
                return answer
        raise NotAttached(f"{attachment.key} is not attached")

    async def settle(self, key: Key, netns_fd: int) -> None:
        """Do what is left when a runtime has moved the device of a plugged attachment into its container.

        Raises:
            NotAttached: there is no such attachment.
            AgentError: the device is not there yet.
        """
        recorded = self.plugged(key)
        if recorded is None or recorded.entry.answer is None:
            raise NotAttached(f"{key} is not attached")
        await self._parts.links.settle(result.setup(recorded.entry.answer, userspace=False), netns_fd)
        self._reannouncing.begin(recorded)

    async def collect(self, valid: Collection[Key], *, door: str, scope: str) -> list[Key]:
        """Take away what `door` attached for its network `scope` and does not call valid; which it was."""
        await self.current()
        stale = [
            recorded.entry.key
            for recorded in self.entries()
            if (recorded.entry.door, recorded.entry.scope) == (door, scope)
            and recorded.entry.state is not State.DELETING
            and recorded.entry.key not in valid
        ]
        for key in stale:
            await self.detach(key)
        return stale

    # What is known.

    async def current(self) -> None:
        """Wait until all that was written into the journal before is known."""
        await self._parts.journal.current()

    def entries(self) -> list[Recorded]:
        """All attachments, oldest first, in whatever state."""
        return self._parts.journal.entries()

    def unreadable(self) -> list[str]:
        """Devices of ours whose entry is not understood; they are left alone."""
        return self._parts.journal.unreadable()

    def plugged(self, key: Key) -> Recorded | None:
        """The plugged attachment of that key, if there is one."""
        for recorded in self._parts.journal.of_key(key):
            if recorded.entry.state is State.PLUGGED:
                return recorded
        return None

    @property
    def agent_id(self) -> str:
        """What this agent's ports, devices and entries are marked with."""
        return self._parts.journal.agent_id

    def devices(self) -> frozenset[str]:
        """The names of the VM's devices, ours or not."""
        return self._parts.links.names()

    async def strays(self) -> list[str]:
        """Devices that carry our mark and that the journal does not know."""
        known = {recorded.device for recorded in self.entries()} | set(self.unreadable())
        alias = self._parts.mark.alias
        devices = (await self._parts.links.all()).values()
        return sorted(each.name for each in devices if each.alias == alias and each.name not in known)

    def pending(self, recorded: Recorded) -> str:
        """Why its removal is not finished; empty where none was tried, or it is done."""
        return self._pending.get(recorded.device, "")

    def is_of_this_boot(self, recorded: Recorded) -> bool:
        """Whether it was attached since the machine started."""
        return recorded.entry.boot == self._parts.boot

    def reserved_for_s(self, reserved: Recorded) -> float:
        """How long a reservation may still wait to be adopted; negative when its time is over."""
        return reserved.entry.since + self._parts.bounds.reserved_s - time.time()

    def check_working(self) -> None:
        """Return if containers that are attached can talk, as far as that is seen in the VM.

        Raises:
            NotSetUp: they cannot; the message says why.
        """
        self._parts.journal.check_working(has_uplink=self._parts.mode.has_uplink)

    def gone_tags(self) -> tuple[int, ...]:
        """Tags whose device has gone, until they are called reported."""
        return tuple(self._detaching.gone_tags)

    # Being told.

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call it when an attachment has come or gone, or waits to go."""
        self._listeners.append(listener)

    def on_switch_change(self, listener: Callable[[], None]) -> None:
        """Call it when the VM's Open vSwitch has changed, as it does when a device goes by itself."""
        self._parts.journal.on_change(listener)

    # What the reconciler and reports ask for.

    async def run(self) -> None:
        """What goes on between requests: re-announcing."""
        await self._reannouncing.run()

    @property
    def hears(self) -> bool:
        """Whether changes of ports are told by `port_changed`."""
        return self._attaching.hears

    def set_hearing(self, hears: bool) -> None:
        """Say whether they are, from now on: an attachment then need not ask so often."""
        self._attaching.hears = hears

    def port_changed(self, port_id: str, *, active: bool) -> None:
        """That port has changed in the API, or is gone; whoever attaches it looks."""
        self._attaching.port_changed(port_id, active=active)

    def parent_of(self, port: PortAnswer) -> str | None:
        """The subject under which that port has its tag; None where ports have none."""
        return self._parts.mode.parent_of(port)

    def findings(self, ports: Collection[PortAnswer]) -> Findings:
        """What differs between the journal and all the ports that the API shows, and is left as it is."""
        return compare(self.entries(), ports, lambda port: self._parts.mode.is_ours(port, self.agent_id))

    def tags_reported(self, tags: Collection[int]) -> None:
        """The first of `gone_tags` need not be told again."""
        del self._detaching.gone_tags[: len(tags)]

    async def remove_stray(self, device: str) -> bool:
        """Take one of the strays away; whether it was there.

        Raises:
            ForeignDevice: it is not ours.
        """
        return await self._parts.links.remove(device, self._parts.mark)

    def busy(self, key: Key) -> bool:
        """Whether somebody waits for an answer about that key just now."""
        return self._locks.busy(key)

    async def try_to_finish(self, recorded: Recorded, event: Event) -> bool:
        """Like `finish`; what cannot be done now is pending."""
        try:
            return await self.finish(recorded, event)
        except AgentError as error:
            self._pending[recorded.device] = str(error)
            _log.warning("event=removal_failed device=%s reason=%s", recorded.device, error)
            return False

    async def finish(self, recorded: Recorded, event: Event) -> bool:
        """Remove just that entry, if it still stands as it was seen; whether there is nothing more to do."""
        async with self._locks.held(recorded.entry.key):
            now = self._parts.journal.find(recorded.row)
            if now is None:
                return True
            if now.entry.state is not recorded.entry.state and event not in PORT_IS_GONE:
                return True
            return await self._remove(now, event)

    async def retag(self, recorded: Recorded, tag: int) -> None:
        """Give an attachment the tag that the API says it has now."""
        async with self._locks.held(recorded.entry.key):
            now = self._parts.journal.find(recorded.row)
            answer = None if now is None else now.entry.answer
            if now is None or answer is None or now.entry.state is not State.PLUGGED:
                return
            await self._give_tag_away(tag, now)
            await self._parts.journal.change(now.row, tag=tag, answer=replace(answer, tag=tag))

    # Carrying out.

    async def _add(self, work: Addition, steps: tuple[Step, ...]) -> None:
        """All steps to an attachment; if one fails, what was done is undone."""
        self._adding.add(work.attachment.key)
        try:
            async with asyncio.timeout(self._parts.bounds.attach_s), AsyncExitStack() as turn:
                await turn.enter_async_context(self._turns.taken())
                for step in steps:
                    if step is Step.AWAIT_ACTIVE:
                        await turn.aclose()  # the rest is others' work
                    await self._attaching.steps[step](work)
                    maybe_crash(step)
        except BaseException as error:
            if work.entry is not None:
                await asyncio.shield(self._give_up(work, work.entry, error))
            if isinstance(error, TimeoutError):
                raise NotPlugged(f"it took longer than {self._parts.bounds.attach_s:.0f} s") from error
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
            self._pending[recorded.device] = str(second)
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
                await self._detaching.steps[step](work)
                maybe_crash(step)
        except Later as reason:
            if self._pending.get(recorded.device) != str(reason):
                _log.warning("event=removal_waits device=%s reason=%s", recorded.device, reason)
            self._pending[recorded.device] = str(reason)
            return False
        finally:
            self._tell()
        self._pending.pop(recorded.device, None)
        return True

    async def _give_tag_away(self, tag: int, but: Recorded) -> None:
        """Take the tag from any other entry: that the API gave it to one port says that no other has it."""
        for other in self.entries():
            if other.real_tag == tag and other.row != but.row:
                _log.warning("event=tag_given_away tag=%d device=%s", tag, other.device)
                await self._remove(other, Event.TAG_GIVEN)

    async def _finish_waiting(self) -> bool:
        """Finish removals that had to wait, now; whether one could be."""
        waiting = [
            each
            for each in self.entries()
            # One whose key is being attached anew was tried by that; to wait for it might be for ever.
            if each.entry.state is State.DELETING and each.entry.key not in self._adding
        ]
        done = [await self.finish(each, Event.DETACH) for each in waiting]
        return any(done)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    # Looking at what stands.

    async def _attached_already(self, attachment: Attachment) -> Attached | None:
        """The answer, if this very attachment stands; whatever else has its key is taken away."""
        for recorded in self._parts.journal.of_key(attachment.key):
            entry = recorded.entry
            if entry.state is State.PLUGGED and self._stands(recorded, attachment):
                if attachment.must_be_new:
                    raise AlreadyAttached(f"{attachment.key} is attached already, to {entry.network}")
                return entry.answer
            await self._remove(recorded, Event.DETACH)
        return None

    def _stands(self, recorded: Recorded, attachment: Attachment) -> bool:
        entry, asked = recorded.entry, Addition(attachment=attachment)
        same = (entry.netns, entry.network) == (asked.netns, attachment.network)
        return same and self.is_of_this_boot(recorded) and recorded.device in self.devices()

    def _reservation(self, key: Key) -> Recorded:
        for recorded in self._parts.journal.of_key(key):
            if recorded.entry.state is State.RESERVED and recorded.entry.answer is not None:
                return recorded
        raise NotAttached(f"there is no reservation {key}")
