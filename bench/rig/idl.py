"""The `ovs` package's IDL, the usual way to write a Northbound from Python."""

import uuid
from collections.abc import Sequence
from time import monotonic, perf_counter
from typing import Any

import ovs.poller
from ovs.db.idl import Idl, SchemaHelper, Transaction

from bench.rig.database import SCHEMA, Database
from bench.rig.rows import Place, port_columns

LOAD_TIMEOUT_S = 120.0
TABLES = {
    "Logical_Switch": ["name", "ports", "other_config", "external_ids"],
    "Logical_Switch_Port": [
        "name", "type", "addresses", "port_security", "parent_name", "tag_request", "tag", "up", "enabled",
        "options", "dhcpv4_options", "dhcpv6_options", "external_ids",
    ],
    "DHCP_Options": ["cidr", "options", "external_ids"],
    "Copp": ["name"],
}  # fmt: skip


class IdlClient:
    """An IDL that has read the database: `with IdlClient(database) as idl:`."""

    def __init__(self, database: Database) -> None:
        helper = SchemaHelper(location=str(SCHEMA))
        for table, columns in TABLES.items():
            helper.register_columns(table, columns)
        began = perf_counter()
        self._idl = Idl(database.remote, helper, leader_only=False)
        end = monotonic() + LOAD_TIMEOUT_S
        self._idl.run()
        while not self._idl.has_ever_connected():
            assert monotonic() < end, "the IDL does not load the database"
            self._wait()
            self._idl.run()
        self.loaded_in_s = perf_counter() - began
        self._made = 0

    def rate(self, places: Sequence[Place], count: int) -> float:
        """Make so many ports, one durable transaction each; how many a second."""
        began = perf_counter()
        for _ in range(count):
            self._create(places[self._made % len(places)])
            self._made += 1
        return count / (perf_counter() - began)

    def _create(self, place: Place) -> None:
        tables = self._idl.tables
        txn = Transaction(self._idl)
        port_id = uuid.uuid4()
        row: Any = txn.insert(tables["Logical_Switch_Port"], port_id, persist_uuid=True)
        for column, value in port_columns(str(port_id), place, self._made).items():
            setattr(row, column, value)
        row.dhcpv4_options = tables["DHCP_Options"].rows[uuid.UUID(place.subnet_id)]
        tables["Logical_Switch"].rows[uuid.UUID(place.network_id)].addvalue("ports", row)
        txn.add_op({"op": "commit", "durable": True})
        while (status := txn.commit()) == Transaction.INCOMPLETE:
            self._wait()
            self._idl.run()
        assert status == Transaction.SUCCESS, f"{status}: {txn.get_error()}"

    def _wait(self) -> None:
        poller = ovs.poller.Poller()
        self._idl.wait(poller)
        poller.block()

    def __enter__(self) -> "IdlClient":
        return self

    def __exit__(self, *failure: object) -> None:
        self._idl.close()
