"""The steps to an attachment. Each may be done twice."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4
from weakref import WeakValueDictionary

from ovnest.agent.attachment import result
from ovnest.agent.attachment.context import Addition, Parts, PortSubscriber
from ovnest.agent.attachment.entry import Entry
from ovnest.agent.attachment.journal import Recorded
from ovnest.agent.attachment.plan import Step
from ovnest.agent.attachment.request import Attachment
from ovnest.agent.attachment.states import Event, State, after
from ovnest.agent.client.answers import PortAnswer
from ovnest.agent.client.api import Network
from ovnest.agent.errors import ApiRefused, NotPlugged
from ovnest.agent.vm.link import Pair
from ovnest.agent.waiting import heard

CONFLICT = 409
POLL_FIRST_S = 0.02
POLL_LONGEST_S = 0.5
POLL_HEARD_S = 2.0
"""Between two questions while the API's events are heard, which say it at once."""

GiveAway = Callable[[int, Recorded], Awaitable[None]]
"""Takes a tag from whatever of ours still has it, but for one entry."""

FinishWaiting = Callable[[], Awaitable[bool]]
"""Finishes removals that had to wait; whether there was one."""


class Attaching:
    """Does the steps of a plan to an attachment."""

    def __init__(self, parts: Parts, give_away: GiveAway, finish_waiting: FinishWaiting) -> None:
        self._parts = parts
        self._give_away = give_away
        self._finish_waiting = finish_waiting
        self._subscribers: WeakValueDictionary[str, PortSubscriber] = WeakValueDictionary()
        self.hears = False
        """Whether changes of ports are told by `port_changed`."""
        self.steps: dict[Step, Callable[[Addition], Awaitable[None]]] = {
            Step.RECORD_INTENT: self._record_intent,
            Step.RECORD_ADOPTED: self._record_adopted,
            Step.CREATE_PORT: self._create_port,
            Step.CLEAR_TAG: self._clear_tag,
            Step.RECORD_PORT: self._record_port,
            Step.RECORD_RESERVED: self._record_reserved,
            Step.MAKE_LINK: self._make_link,
            Step.CONFIGURE_LINK: self._configure_link,
            Step.AWAIT_PLUG: self._await_plug,
            Step.AWAIT_ACTIVE: self._await_active,
            Step.ANNOUNCE: self._announce,
            Step.RECORD_PLUGGED: self._record_plugged,
        }

    def port_changed(self, port_id: str, *, active: bool) -> None:
        """That port has changed in the API, or is gone."""
        subscriber = self._subscribers.get(port_id)
        if subscriber is not None:
            subscriber.active = active
            subscriber.news.set()

    def _subscribe(self, work: Addition, port_id: str) -> PortSubscriber:
        """What is heard of that port from now on, as long as it is being attached."""
        if work.subscriber is None:
            work.subscriber = self._subscribers[port_id] = PortSubscriber()
        return work.subscriber

    async def _record_intent(self, work: Addition) -> None:
        attachment, now = work.attachment, int(time.time())
        work.entry = await self._parts.journal.begin(
            Entry(
                agent=self._parts.journal.agent_id,
                state=after(State.ABSENT, Event.ATTACH),
                container=attachment.key.container,
                interface=attachment.key.interface,
                door=attachment.door,
                scope=attachment.scope,
                network=attachment.network,
                request=str(uuid4()),
                boot=self._parts.boot,
                netns=work.netns,
                since=now,
                asked_at=now,
                name=attachment.name,
                labels=attachment.labels,
            )
        )

    async def _record_adopted(self, work: Addition) -> None:
        attachment, entry = work.attachment, work.recorded.entry
        work.result = result.with_peer(work.answer, attachment)
        work.entry = await self._parts.journal.change(
            work.recorded.row,
            state=after(entry.state, Event.ADOPT),
            container=attachment.key.container,
            interface=attachment.key.interface,
            door=attachment.door,
            scope=attachment.scope,
            name=attachment.name or entry.name,
            labels=attachment.labels or entry.labels,
            netns=work.netns,
            boot=self._parts.boot,
            answer=work.result,
        )

    async def _create_port(self, work: Addition) -> None:
        api, attachment, recorded = self._parts.api, work.attachment, work.recorded
        network = await api.network(attachment.network)
        work.network_known = True
        body = self._parts.mode.port_body(attachment, recorded.entry, network.answer.id)
        try:
            work.made = await api.create_port(body, recorded.entry.request)
        except ApiRefused as error:
            # What it collides with may be a container's of ours that is gone, and whose port still has to go.
            if error.status != CONFLICT or not await self._finish_waiting():
                raise
            work.made = await api.create_port(body, recorded.entry.request)
        self._subscribe(work, work.port.id)
        work.result = result.attached(
            work.port,
            await self._with_subnets(network, work.port, attachment),
            attachment,
            device=recorded.device,
            uplink_mtu=await self._parts.mode.uplink_mtu(self._parts.journal),
        )

    async def _with_subnets(self, network: Network, port: PortAnswer, attachment: Attachment) -> Network:
        """The network with all the port's subnets: one may be newer than what we know of the network."""
        if all(fixed.subnet_id in network.subnets for fixed in port.fixed_ips):
            return network
        self._parts.api.forget_networks()
        return await self._parts.api.network(attachment.network)

    async def _clear_tag(self, work: Addition) -> None:
        if work.port.tag is not None:
            await self._give_away(work.port.tag, work.recorded)

    async def _record_port(self, work: Addition) -> None:
        work.entry = await self._parts.mode.record(
            self._parts.journal,
            work.recorded,
            work.port,
            port=work.port.id,
            mac=work.port.mac_address,
            answer=work.answer,
        )

    async def _record_reserved(self, work: Addition) -> None:
        state = after(work.recorded.entry.state, Event.RESERVED)
        work.entry = await self._parts.journal.change(work.recorded.row, state=state)

    async def _make_link(self, work: Addition) -> None:
        answer = work.answer
        pair = Pair(device=answer.device, peer=answer.peer, mac=answer.mac, mtu=answer.mtu)
        work.ifindex = await self._parts.links.make(pair, work.attachment.netns_fd, self._parts.mark)

    async def _configure_link(self, work: Addition) -> None:
        userspace = self._parts.journal.bridge_facts().userspace
        setup = result.setup(work.answer, userspace=userspace)
        if work.attachment.netns_fd is None:
            await self._parts.links.prepare(setup)
        else:
            await self._parts.links.configure(setup, work.attachment.netns_fd)

    async def _await_plug(self, work: Addition) -> None:
        bound_s = self._parts.bounds.plug_s
        await self._parts.journal.until_on_bridge(work.recorded.row, work.ifindex, bound_s)
        await self._parts.links.keep_up(work.recorded.device)

    async def _await_active(self, work: Addition) -> None:
        port_id = work.answer.port_id
        subscriber = self._subscribe(work, port_id)
        if subscriber.active:
            return
        seen: PortAnswer | None = None
        pause_s = POLL_FIRST_S
        try:
            async with asyncio.timeout(self._parts.bounds.active_s):
                while True:
                    subscriber.news.clear()
                    seen = await self._parts.api.find_port(port_id)
                    if seen is None:
                        raise NotPlugged(f"port {port_id} was deleted while its container was attached")
                    if seen.active:
                        return
                    await heard(subscriber.news, POLL_HEARD_S if self.hears else pause_s)
                    pause_s = min(pause_s * 1.5, POLL_LONGEST_S)
        except TimeoutError:
            raise NotPlugged(
                f"port {port_id} is not active after {self._parts.bounds.active_s:.0f} s: {_reason(seen)}"
            ) from None

    async def _announce(self, work: Addition) -> None:
        fd = work.attachment.netns_fd
        if fd is not None:
            await self._parts.links.announce(result.setup(work.answer, userspace=False), fd)

    async def _record_plugged(self, work: Addition) -> None:
        state = after(work.recorded.entry.state, Event.VERIFIED)
        work.entry = await self._parts.journal.change(
            work.recorded.row, state=state, since=int(time.time()), answer=work.answer
        )


def _reason(port: PortAnswer | None) -> str:
    if port is None:
        return "the API does not answer"
    return port.status_reason or f"its status is {port.status}"
