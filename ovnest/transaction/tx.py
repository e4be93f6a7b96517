"""Tx: the facts an operation reads, and those it stages."""

from collections.abc import Callable, Hashable, Iterator
from random import Random
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from ovnest.allocation.ranges import address_number
from ovnest.caller import Caller
from ovnest.config import Settings
from ovnest.derive.dependents import DEPENDENTS
from ovnest.errors.store import NotUnderstood
from ovnest.northbound.address_book import AddressBook
from ovnest.northbound.cidrs import range_of
from ovnest.northbound.indexes import PORTS_ALLOWED_ADDRESS, SUBNETS_OF_NETWORK
from ovnest.northbound.ports import is_port
from ovnest.northbound.subnets import is_subnet
from ovnest.northbound.tables import LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Index, Row, RowUuid, Transaction, View
from ovnest.policy import Rights
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet
from ovnest.transaction.homes import HOMES, PORT_HOME
from ovnest.transaction.readings import Readings
from ovnest.transaction.reconcile import new_references, reconcile

F = TypeVar("F")
R = TypeVar("R", bound=Row)
K = TypeVar("K")
V = TypeVar("V")

_KEPT = 1024


class Context(Struct, frozen=True, kw_only=True):
    """What an operation may know beside the database.

    `now` is UTC as the API shows it, `seconds` the same as Unix time. `hosts` are the names of the live
    chassis, None where no Southbound is given; `hosts_behind` those of them that do not follow any more.
    `chassis` are the names of all chassis without their host names, None where they are not known now.
    `random` is the only chance there is. `readings` spares reading the same rows again for each operation.
    """

    caller: Caller
    rights: Rights
    settings: Settings
    addresses: AddressBook
    random: Random
    now: str
    seconds: int
    hosts: frozenset[str] | None = None
    hosts_behind: frozenset[str] = frozenset()
    chassis: frozenset[str] | None = None
    readings: Readings = field(default_factory=Readings)


class Tx:
    """One operation's window on the database.

    Built on a replica it reads; built on a staging `Transaction` it also writes. Facts are Structs of
    `resources` and of `northbound.documents`.
    """

    def __init__(self, view: View, context: Context) -> None:
        self.view = view
        self.context = context
        self.caller = context.caller
        self.rights = context.rights
        self.settings = context.settings
        self.random = context.random
        self.now = context.now
        self.seconds = context.seconds
        self.hosts = context.hosts
        self.hosts_behind = context.hosts_behind
        self.chassis = context.chassis
        self.not_understood: dict[RowUuid, str] = {}
        self._staging = view if isinstance(view, Transaction) else None
        self._facts: dict[tuple[type, str], Any] = {}
        self._subnets: dict[str, list[Subnet]] = {}

    # Reading

    def find(self, kind: type[F], key: str) -> F | None:
        """The facts of one id; None when there are none."""
        found = self._facts.get((kind, key))
        if found is None:
            found = HOMES[kind].read(self, key)
            if found is not None:
                _keep(self._facts, (kind, key), found)
        return found

    def get(self, kind: type[F], key: str) -> F:
        """The facts of one id that must be there: an operation has seen to it, or the database says so.

        Raises:
            NotUnderstood: there are none, or nobody can read them.
        """
        found = self.find(kind, key)
        if found is None:
            raise NotUnderstood(kind=kind.__name__.lower(), key=key)
        return found

    def ports(self, index: Index[Any], key: Hashable) -> Iterator[Port]:
        """The ports that an index of `northbound.indexes` lists under `key`."""
        for row in self.view.all(index, key):
            port = self.find(Port, row.uuid)
            if port is not None:
                yield port

    def contested(self, port_id: str) -> Iterator[Port]:
        """The port of that id, if another has one of its addresses as an allowed pair."""
        port = self.find(Port, port_id)
        if port is not None:
            keys = ((port.network_id, fixed.ip_address) for fixed in port.fixed_ips)
            if any(self.view.all(PORTS_ALLOWED_ADDRESS, key) for key in keys):
                yield port

    def port_of(self, row: LogicalSwitchPort) -> Port | None:
        """The port whose row is at hand; None when it is not one of the API's."""
        return PORT_HOME.read_row(self, row) if is_port(row) else None

    def all(self, kind: type[F], row_type: type[Row]) -> Iterator[F]:
        """Everything of one kind; rows that cannot be understood are left out and counted."""
        for row in list(self.view.rows(row_type)):  # the caller may let the loop run in between
            facts = HOMES[kind].read(self, row.uuid)
            if facts is not None:
                yield facts

    def subnets_of(self, network_id: str) -> list[Subnet]:
        """The subnets of a network, oldest first."""
        found = self._subnets.get(network_id)
        if found is None:
            rows = self.view.all(SUBNETS_OF_NETWORK, network_id)
            read = (self.find(Subnet, row.uuid) for row in rows if is_subnet(row))
            found = sorted((s for s in read if s is not None), key=lambda s: (s.created_at, s.id))
            _keep(self._subnets, network_id, found)
        return found

    def subnet_of(self, network_id: str, address: str) -> str:
        """The id of the subnet that an address of a network belongs to.

        Raises:
            ValueError: it belongs to none.
        """
        version, number = address_number(address)
        for subnet in self.subnets_of(network_id):
            if subnet.ip_version == version and number in range_of(subnet.cidr):
                return subnet.id
        raise ValueError(f"the address {address} belongs to no subnet of network {network_id}")

    def understood(self, read: Callable[[R], F], row: R) -> F | None:
        """What `read` makes of a row; None, and a line for `ovnest check`, where it makes nothing of it."""
        try:
            return read(row)
        except (KeyError, ValueError) as error:
            self.not_understood[row.uuid] = f"{type(row).TABLE} {row.uuid}: {error}"
            return None

    def read_once(self, read: Callable[[R], F], row: R) -> F | None:
        """As `understood`, for rows that many operations look at and few change."""
        found: F | None = self.context.readings.find(row)
        if found is None:
            found = self.understood(read, row)
            if found is not None:
                self.context.readings.keep(row, found)
        return found

    # Writing

    def new_id(self) -> str:
        """A random UUID (RFC 9562, version 4). Its first 32 bits are random: OVSDB hashes just those."""
        digits = f"{self.random.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def put(self, facts: F) -> F:
        """Stage a resource: a new one, or what has become of one. Nothing changed means nothing written.

        Sets `revision_number` and the timestamps, and derives again what depends on it. Returns the
        facts as staged.
        """
        kind = type(facts)
        before = self.find(kind, _key(facts))
        if facts == before:
            return facts
        stamped: F = self._stamped(before, facts)
        self._write(stamped)
        self._forget(kind, stamped)
        self._derive_dependents(kind, before, stamped)
        return stamped

    def drop(self, facts: Any) -> None:
        """Stage the deletion of a resource and of all its rows."""
        kind, key = type(facts), _key(facts)
        home = HOMES[kind]
        rows = home.present(self, key)
        members = home.members(facts, rows)
        if members is not None:
            owner, children = members
            if kind is not Network:  # a switch that goes takes its references along
                self.staging.change_references(LogicalSwitch, owner, "ports", remove=children)
        for row in rows:
            self.staging.delete(row)
        self._forget(kind, facts)
        self._derive_dependents(kind, facts, None)

    def derive_again(self, facts: Any) -> None:
        """Stage what is missing so that the rows of a resource are as derived; its facts stay."""
        self._write(facts)

    def require(self, row_type: type[Row], key: str) -> None:
        """Have the whole batch refused if this row is gone when it commits."""
        self.staging.require(row_type, RowUuid(key))

    @property
    def staging(self) -> Transaction:
        """Where writes go; only an operation that runs on a staging transaction has it."""
        if self._staging is None:
            raise TypeError("this Tx only reads")
        return self._staging

    def _write(self, facts: Any) -> None:
        home = HOMES[type(facts)]
        key = _key(facts)
        present = home.present(self, key)
        wanted = home.wanted(self, facts)
        reconcile(self.staging, present, wanted)
        members = home.members(facts, wanted)
        if members is not None:
            owner, children = members
            if present:
                for child in children:
                    self._belongs(owner, child)
            else:
                self.staging.change_references(LogicalSwitch, owner, "ports", add=children)
        for row_type, uuid in new_references(present, wanted):
            self.staging.require(row_type, uuid)

    def _belongs(self, owner: RowUuid, child: RowUuid) -> None:
        """Let just this switch have the port: a hand may have put it elsewhere."""
        owners = self.view.owners(LogicalSwitch, "ports", child)
        if owner not in owners:
            self.staging.change_references(LogicalSwitch, owner, "ports", add=[child])
        for other in owners:
            if other != owner:
                self.staging.change_references(LogicalSwitch, other, "ports", remove=[child])

    def _derive_dependents(self, kind: type, before: Any, after: Any) -> None:
        dependents = DEPENDENTS.get(kind)
        if dependents is not None:
            for dependent in dependents(self, before, after):
                self._write(dependent)

    def _stamped(self, before: Any, facts: Any) -> Any:
        if not hasattr(facts, "revision_number"):
            return facts
        if before is None:
            return replace(facts, revision_number=1, created_at=self.now, updated_at=self.now)
        return replace(facts, revision_number=before.revision_number + 1, updated_at=self.now)

    def _forget(self, kind: type, facts: Any) -> None:
        self._facts.pop((kind, _key(facts)), None)
        if kind is Subnet:
            self._subnets.pop(facts.network_id, None)


def _keep(known: dict[K, V], key: K, found: V) -> None:
    """Remember it for this Tx. Past a bound all is forgotten: a list of all ports would keep them all."""
    if len(known) >= _KEPT:
        known.clear()
    known[key] = found


def _key(facts: Any) -> str:
    key: str = facts.id
    return key
