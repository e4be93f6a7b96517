"""A Northbound that is only in memory: a real replica of OVN's schema and a real stage, no server.

What an operation stages here is what it would send; its next step sees it as it would there.
"""

import json
from random import Random
from typing import Any, TypeVar

from ovnest.caller import Caller
from ovnest.config import Settings
from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.operations import CATALOGUE
from ovnest.ovsdb import Replica, RowUuid, Transaction
from ovnest.ovsdb.rows import R
from ovnest.ovsdb.schema import convert_schema, fit
from ovnest.ovsdb.staging import Stage
from ovnest.policy import Policy
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import AllocationPool, Subnet
from ovnest.rows import HOMES
from ovnest.rows.address_book import AddressBook
from ovnest.transaction import Tx
from ovnest.transaction.tx import Context
from tests.front_door import ADMIN
from tests.northbound_server import SCHEMA

SCHEMA_OF_OVN = convert_schema(json.loads(SCHEMA.read_text()))
NOW = "2026-12-01T12:00:00Z"
SECONDS = 1_796_126_400
LAN = "00000000-0000-4000-8000-00000000000a"
V4 = "00000000-0000-4000-8000-0000000000b4"
V6 = "00000000-0000-4000-8000-0000000000b6"

F = TypeVar("F")


class InMemory:
    """A database, and windows on it for whoever asks."""

    def __init__(self, **settings: Any) -> None:
        self._book = AddressBook(HOMES)
        self._settings = Settings(**settings)
        self._policy = Policy(CATALOGUE)
        self._random = Random(1)  # noqa: S311  not for secrets
        self.replica = Replica(HOMES.row_types, HOMES.indexes, self._book.trackers)
        for shape in self.replica.shapes:
            fit(shape, SCHEMA_OF_OVN)
        self.stage = Stage(self.replica)
        self.stage.begin()
        self.transaction = Transaction(self.stage)

    def tx(self, caller: Caller = ADMIN, **context: Any) -> Tx:
        """A window for this caller, where the context is otherwise as given."""
        known: dict[str, Any] = {
            "caller": caller,
            "rights": self._policy.rights(caller),
            "settings": self._settings,
            "homes": HOMES,
            "addresses": self._book,
            "random": self._random,
            "now": NOW,
            "seconds": SECONDS,
        }
        return Tx(self.transaction, Context(**known | context))

    def put(self, *facts: Any) -> None:
        """Let these be there, by whoever's hand."""
        for each in facts:
            self.tx().put(each)

    def find(self, kind: type[F], key: str) -> F | None:
        """What is there of that id now."""
        return self.tx().find(kind, key)

    def get(self, kind: type[F], key: str) -> F:
        """What must be there of that id now."""
        return self.tx().get(kind, key)

    def row(self, row_type: type[R], key: str) -> R:
        """The row of that `_uuid`."""
        found = self.transaction.find(row_type, RowUuid(key))
        assert found is not None, f"{row_type.TABLE} has no row {key}"
        return found

    def up(self, port_id: str, *, is_up: bool = True) -> None:
        """OVN says that a port is bound, or is not any more."""
        self.transaction.update(self.row(LogicalSwitchPort, port_id), up=is_up)

    @property
    def written(self) -> int:
        """How many operations are staged."""
        return len(self.stage.operations)


def uuid(number: int) -> str:
    """A UUID that is told by its number."""
    return f"00000000-0000-4000-8000-{number:012d}"


def a_network(**facts: Any) -> Network:
    """A network of project `red`."""
    usual: dict[str, Any] = {"id": LAN, "project_id": "red", "mtu": 1442}
    return Network(**usual | facts)


def a_subnet(**facts: Any) -> Subnet:
    """192.0.2.0/24 on it, with ten addresses to give."""
    usual: dict[str, Any] = {
        "id": V4,
        "project_id": "red",
        "network_id": LAN,
        "cidr": "192.0.2.0/24",
        "ip_version": 4,
        "gateway_ip": "192.0.2.1",
        "allocation_pools": (AllocationPool("192.0.2.10", "192.0.2.19"),),
    }
    return Subnet(**usual | facts)


def a_v6_subnet(**facts: Any) -> Subnet:
    """2001:db8::/64 on it."""
    pools = (AllocationPool("2001:db8::10", "2001:db8::1f"),)
    usual: dict[str, Any] = {"id": V6, "cidr": "2001:db8::/64", "ip_version": 6, "gateway_ip": "2001:db8::1"}
    return a_subnet(**usual | {"allocation_pools": pools} | facts)


def a_port(number: int, **facts: Any) -> Port:
    """A port of project `red` on it, with no address unless one is given."""
    usual: dict[str, Any] = {"id": uuid(number), "project_id": "red", "network_id": LAN}
    return Port(**usual | {"mac_address": f"fa:16:3e:00:00:{number:02x}"} | facts)
