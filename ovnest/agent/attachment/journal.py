"""The journal: the VM's own Open vSwitch database, where each attachment is a port of the bridge.

Nothing is done before it stands here, and the entry is the last thing that goes. A port without our mark is
never touched.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from secrets import token_hex
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

from msgspec import Struct, structs

from ovnest.agent.attachment.entry import (
    CONTAINER,
    INTERFACE,
    MARK,
    PREFIX,
    QUARANTINE_TAG,
    Entry,
    from_ids,
    to_ids,
)
from ovnest.agent.attachment.request import Key
from ovnest.agent.errors import NotPlugged, NotSetUp, SwitchAway
from ovnest.agent.vm.tables import (
    BRIDGE_BY_NAME,
    DATABASE,
    PORT_BY_NAME,
    SYSTEM,
    TABLES,
    UPLINK,
    USERSPACE,
    Bridge,
    Interface,
    OpenVSwitch,
    Port,
    new_uuid,
    why_not_forwarding,
)
from ovnest.ovsdb import Change, Client, Index, Options, OvsdbError, RowUuid, Transaction, View

AGENT_ID = "ovnest-agent"
DEVICE_PREFIX = "ovn"  # and 12 digits: the 15 characters that a device's name may have
READY_TIMEOUT_S = 15.0
# The database is on this machine: what it does not answer soon, it does not answer.
OPTIONS = Options(
    freeze_collector=False,
    barrier_timeout_s=2.0,
    execute_timeout_s=5.0,
    reply_timeout_s=3.0,
    backoff_max_s=0.5,
    drain_s=1.0,
)

T = TypeVar("T")
_log = logging.getLogger(__name__)

BY_KEY = Index(
    "attachment by key",
    Port,
    lambda row: (
        ((row.external_ids.get(CONTAINER), row.external_ids.get(INTERFACE)),)
        if MARK in row.external_ids
        else ()
    ),
)
MARKED = Index("attachments", Port, lambda row: (row.external_ids[MARK],) if MARK in row.external_ids else ())


class Recorded(Struct, frozen=True, kw_only=True):
    """An entry where it stands: the row, the device it is for, and the tag that this has now."""

    row: RowUuid
    device: str
    tag: int | None
    entry: Entry

    @property
    def real_tag(self) -> int | None:
        """Its tag, None while it has none of its own."""
        return None if self.tag == QUARANTINE_TAG else self.tag


class BridgeFacts(Struct, frozen=True, kw_only=True):
    """The bridge as it is. `mtu` is the least of the devices that are not ours; None where none is known."""

    name: str
    userspace: bool
    mtu: int | None


class Journal:
    """The entries on `bridge` of the Open vSwitch at `remote`, while the context lasts."""

    def __init__(self, remote: str, bridge: str) -> None:
        self.bridge = bridge
        self._client = Client(
            remote,
            DATABASE,
            tables=TABLES,
            indexes=(BRIDGE_BY_NAME, PORT_BY_NAME, BY_KEY, MARKED),
            options=OPTIONS,
        )
        self._client.on_change(self._changed)
        self._waiting: set[asyncio.Event] = set()
        self._known: dict[RowUuid, tuple[Port, Recorded | None]] = {}
        """A row as it was last read, and what it meant; one that has changed is another object."""
        self._listeners: list[Callable[[], None]] = []
        self.agent_id = ""

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        try:
            await self._client.ready(READY_TIMEOUT_S)
            self.agent_id = await self._client.execute(_agent_id)
        except BaseException:
            await self._client.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    # Reading: what the replica has.

    async def current(self) -> None:
        """Wait until the replica has all that was written before."""
        await self._asked(self._client.barrier())

    def entries(self) -> list[Recorded]:
        """All of ours, oldest first."""
        rows = self._client.replica.all(MARKED, self.agent_id)
        found = [recorded for row in rows if (recorded := self._recorded(row)) is not None]
        return sorted(found, key=lambda each: (each.entry.since, each.device))

    def of_key(self, key: Key) -> list[Recorded]:
        """Ours of that key: at most one that is meant to be, and any that are still to go."""
        rows = self._client.replica.all(BY_KEY, (key.container, key.interface))
        found = (recorded for row in rows if (recorded := self._recorded(row)) is not None)
        return [each for each in found if each.entry.agent == self.agent_id]

    def find(self, row: RowUuid) -> Recorded | None:
        port = self._client.replica.find(Port, row)
        return None if port is None else self._recorded(port)

    def unreadable(self) -> list[str]:
        """Devices of ports that carry our mark and that we do not understand; they are left alone."""
        rows = self._client.replica.all(MARKED, self.agent_id)
        return sorted(row.name for row in rows if self._recorded(row) is None)

    def switch_ids(self) -> dict[str, str]:
        """The external_ids of the Open vSwitch as a whole: what ovn-controller is told there, for example."""
        return next((row.external_ids for row in self._client.replica.rows(OpenVSwitch)), {})

    def bridge_facts(self) -> BridgeFacts:
        """The bridge as it is.

        Raises:
            NotSetUp: there is no such bridge.
        """
        replica = self._client.replica
        bridge = self._bridge(replica)
        mtus = []
        for uuid in replica.children(Bridge, "ports", bridge.uuid):
            port = replica.find(Port, uuid)
            if port is None or MARK in port.external_ids or port.name == bridge.name:
                continue
            devices = (replica.find(Interface, each) for each in port.interfaces)
            mtus += [each.mtu for each in devices if each is not None and each.mtu]
        return BridgeFacts(
            name=bridge.name, userspace=bridge.datapath_type == USERSPACE, mtu=min(mtus, default=None)
        )

    def uplinks(self) -> list[tuple[str, bool]]:
        """NICs that `ovnest agent setup` has put on a bridge, and whether that one runs in userspace.

        On whichever bridge: a VM that is a chassis has containers on one, and its own NIC on another.
        """
        replica = self._client.replica
        found = []
        for port in replica.rows(Port):
            if UPLINK in port.external_ids:
                bridges = (replica.find(Bridge, uuid) for uuid in replica.owners(Bridge, "ports", port.uuid))
                kinds = [each.datapath_type for each in bridges if each is not None]
                found.append((port.name, USERSPACE in kinds))
        return sorted(found)

    def trunks(self) -> list[str]:
        """Devices by which our bridge leads out with all tags: without one of their own, and not ours."""
        replica = self._client.replica
        bridge = self._bridge(replica)
        found = []
        for uuid in replica.children(Bridge, "ports", bridge.uuid):
            port = replica.find(Port, uuid)
            if port is None or port.tag is not None or MARK in port.external_ids or port.name == bridge.name:
                continue
            interfaces = (replica.find(Interface, each) for each in port.interfaces)
            found += [each.name for each in interfaces if each is not None and each.type in SYSTEM]
        return sorted(found)

    def check_working(self, *, has_uplink: bool) -> None:
        """Return if containers that are attached can talk, as far as the VM's switch decides that.

        Raises:
            NotSetUp: the database is away, the bridge is, or the uplink that it must have does not work.
        """
        status = self._client.status
        if not status.ready:
            raise NotSetUp(f"Open vSwitch's database is away: {status.reason}")
        if self.bridge_facts().mtu is None and has_uplink:
            raise NotSetUp(f"bridge {self.bridge} has no uplink that works (is ovs-vswitchd running?)")

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call it when anything in the database has changed."""
        self._listeners.append(listener)

    # Writing.

    async def begin(self, entry: Entry) -> Recorded:
        """Record a new entry. Its port has no device yet, and a tag that leads nowhere.

        Raises:
            NotSetUp: there is no such bridge.
        """

        def operation(tx: Transaction) -> Port:
            bridge = self._bridge(tx)
            name = _new_name(tx)
            interface = Interface(uuid=new_uuid(), name=name)
            port = Port(
                uuid=new_uuid(),
                name=name,
                interfaces=(interface.uuid,),
                tag=QUARANTINE_TAG,
                external_ids=to_ids(entry),
            )
            tx.insert(interface)
            tx.insert(port)
            tx.change_references(Bridge, bridge.uuid, "ports", add=[port.uuid])
            return port

        return _known(await self._asked(self._client.execute(operation)))

    async def change(self, row: RowUuid, *, tag: int | None = None, **fields: Any) -> Recorded:
        """Give fields of an entry new values, and its port a tag if one is said.

        Raises:
            EntryGone: somebody has taken the port away.
        """

        def operation(tx: Transaction) -> Port:
            port = _changed(tx, row, fields)
            return port if tag is None else tx.update(port, tag=tag)

        return _known(await self._asked(self._client.execute(operation)))

    async def tie(self, row: RowUuid, iface_id: str, attached_mac: str, **fields: Any) -> Recorded:
        """Like `change`; the port loses its tag, and ovn-controller is told which logical port it is.

        Raises:
            EntryGone: somebody has taken the port away.
        """

        def operation(tx: Transaction) -> Port:
            port = _changed(tx, row, fields)
            for uuid in port.interfaces:
                interface = tx.find(Interface, uuid)
                if interface is not None:
                    tx.change_map(
                        interface, "external_ids", {"iface-id": iface_id, "attached-mac": attached_mac}
                    )
            return tx.update(port, tag=None)

        return _known(await self._asked(self._client.execute(operation)))

    async def forget(self, row: RowUuid) -> None:
        """Take an entry's port off the bridge, and with it the entry."""

        def operation(tx: Transaction) -> None:
            port = tx.find(Port, row)
            if port is None:
                return
            if port.external_ids.get(MARK) != self.agent_id:
                raise NotSetUp(f"port {port.name} is not ours")
            for owner in list(tx.owners(Bridge, "ports", row)):
                tx.change_references(Bridge, owner, "ports", remove=[row])

        await self._asked(self._client.execute(operation))

    async def note(self, key: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Change which words are noted under `key`, at our bridge.

        Raises:
            NotSetUp: there is no such bridge.
        """

        def operation(tx: Transaction) -> None:
            bridge = self._bridge(tx)
            words = _words(bridge, key) - set(remove) | set(add)
            text = {key: " ".join(sorted(words))} if words else {}
            tx.change_map(bridge, "external_ids", text, [] if words else [key])

        await self._asked(self._client.execute(operation))

    def noted(self, key: str) -> frozenset[str]:
        """The words that are noted under `key`; none where there is no bridge."""
        bridges = self._client.replica.all(BRIDGE_BY_NAME, self.bridge)
        return frozenset(word for bridge in bridges for word in _words(bridge, key))

    # Waiting.

    async def until_on_bridge(self, row: RowUuid, ifindex: int, timeout_s: float) -> None:
        """Return when Open vSwitch forwards for the device of that entry.

        Raises:
            NotPlugged: it does not, within that time; the message says what it says instead.
        """

        def state() -> str:
            port = self._client.replica.find(Port, row)
            if port is None:
                return "its port was taken off the bridge"
            return why_not_forwarding(self._client.replica.find(Interface, port.interfaces[0]), ifindex)

        await self._until(state, timeout_s)

    async def _until(self, state: Callable[[], str], timeout_s: float) -> None:
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(timeout_s):
                while state():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise NotPlugged(f"the device is not on bridge {self.bridge}: {state()}") from None
        finally:
            self._waiting.discard(changed)

    async def _asked(self, answer: Awaitable[T]) -> T:
        """What the database answers.

        Raises:
            SwitchAway: nothing.
        """
        try:
            return await answer
        except OvsdbError as error:
            raise SwitchAway(f"the VM's Open vSwitch database: {error or type(error).__name__}") from error

    def _recorded(self, row: Port) -> Recorded | None:
        known = self._known.get(row.uuid)
        if known is None or known[0] is not row:
            known = self._known[row.uuid] = (row, _recorded(row))
        return known[1]

    def _changed(self, changes: list[Change]) -> None:
        for before, now in changes:
            if now is None and before is not None:
                self._known.pop(before.uuid, None)
        for event in self._waiting:
            event.set()
        for listener in self._listeners:
            listener()

    def _bridge(self, view: View) -> Bridge:
        found = view.all(BRIDGE_BY_NAME, self.bridge)
        if not found:
            raise NotSetUp(f"Open vSwitch has no bridge {self.bridge}; `ovnest agent setup` makes one")
        return found[0]


class EntryGone(NotPlugged):
    """Somebody has taken an entry's port away while it was worked on."""


def _agent_id(tx: Transaction) -> str:
    """The mark of this agent, made when there is none."""
    for row in tx.rows(OpenVSwitch):
        known = row.external_ids.get(AGENT_ID)
        if known is None:
            known = str(uuid4())
            tx.change_map(row, "external_ids", {AGENT_ID: known})
        return known
    raise NotSetUp("the Open vSwitch database is empty; ovs-vswitchd's start script initialises it")


def _changed(tx: Transaction, row: RowUuid, fields: Mapping[str, Any]) -> Port:
    """The entry's port with new values of these fields."""
    port = tx.find(Port, row)
    entry = None if port is None else from_ids(port.external_ids)
    if port is None or entry is None:
        raise EntryGone(f"the journal has no entry {row} any more")
    ids = to_ids(structs.replace(entry, **fields))
    stale = [key for key in port.external_ids if key.startswith(PREFIX) and key not in ids]
    return tx.change_map(port, "external_ids", ids, stale)


def _words(bridge: Bridge, key: str) -> frozenset[str]:
    return frozenset(bridge.external_ids.get(key, "").split())


def _new_name(tx: Transaction) -> str:
    while True:
        name = DEVICE_PREFIX + token_hex(6)
        if not tx.all(PORT_BY_NAME, name):
            return name


def _recorded(row: Port) -> Recorded | None:
    entry = from_ids(row.external_ids)
    if entry is None:
        return None
    return Recorded(row=row.uuid, device=row.name, tag=row.tag, entry=entry)


def _known(row: Port) -> Recorded:
    """A row that we have just written, which is an entry for certain."""
    recorded = _recorded(row)
    assert recorded is not None  # noqa: S101  it was made of one
    return recorded
