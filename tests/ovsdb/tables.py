# ruff: noqa: RUF012 - a Struct makes a new one of each empty default
"""A few tables of OVN_Northbound, as small as the tests of the room need them."""

from collections import Counter
from heapq import heappop, heappush
from typing import ClassVar
from uuid import uuid4

from ovnest.ovsdb import Index, Ledger, Row, RowUuid, Transaction


class Switch(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Logical_Switch"
    CONTAINS: ClassVar[dict[str, str]] = {"ports": "Logical_Switch_Port"}

    name: str = ""
    other_config: dict[str, str] = {}
    external_ids: dict[str, str] = {}


class Port(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Logical_Switch_Port"

    name: str = ""
    addresses: tuple[str, ...] = ()
    parent_name: str | None = None
    tag: int | None = None
    up: bool | None = None
    dhcpv4_options: RowUuid | None = None
    options: dict[str, str] = {}
    external_ids: dict[str, str] = {}


class Document(Row, frozen=True, kw_only=True, gc=False):
    TABLE: ClassVar[str] = "Copp"

    name: str = ""
    external_ids: dict[str, str] = {}


TABLES: tuple[type[Row], ...] = (Switch, Port, Document)

PORT_BY_NAME: Index[Port] = Index("port by name", Port, lambda row: (row.name,))
PORT_BY_TAG: Index[Port] = Index(
    "port by parent and tag", Port, lambda row: ((row.parent_name, row.tag),) if row.parent_name else ()
)
PORT_BY_NUMBER: Index[Port] = Index("port by its number in external_ids", Port, lambda row: _numbers(row))
SWITCH_BY_NAME: Index[Switch] = Index("switch by name", Switch, lambda row: (row.name,))
INDEXES = (PORT_BY_NAME, PORT_BY_TAG, PORT_BY_NUMBER, SWITCH_BY_NAME)

LEDGER = Ledger(
    table="Copp",
    uuid=RowUuid("6f766e65-7374-4c65-8467-657200000001"),
    row={"name": "ovnest:ledger"},
    prefix="ovnest:",
    first={"ovnest:layout": "1"},
)


def new_uuid() -> RowUuid:
    return RowUuid(str(uuid4()))


def add_switch(tx: Transaction, name: str) -> Switch:
    row = Switch(uuid=new_uuid(), name=name)
    tx.insert(row)
    return row


def add_port(tx: Transaction, switch: RowUuid, name: str, **columns: object) -> Port:
    row = Port(uuid=new_uuid(), name=name, **columns)  # type: ignore[arg-type]  # the test says which
    tx.insert(row)
    tx.change_references(Switch, switch, "ports", add=[row.uuid])
    return row


def _numbers(row: Port) -> tuple[int, ...]:
    number = row.external_ids.get("tag")
    return (int(number),) if number else ()


class TagTracker:
    """Which numbers ports have, as a heap of those that became free and the first that never was taken."""

    row_type = Port

    def __init__(self) -> None:
        self._taken: Counter[int] = Counter()
        self._maybe_free: list[int] = []
        self._fresh = 1

    def added(self, row: Port) -> None:
        for number in _numbers(row):
            self._taken[number] += 1
            self._fresh = max(self._fresh, number + 1)

    def removed(self, row: Port) -> None:
        for number in _numbers(row):
            self._taken[number] -= 1
            if not self._taken[number]:
                del self._taken[number]
                heappush(self._maybe_free, number)

    def lowest_free(self) -> int:
        """The lowest number that was free again, or the first that never was taken."""
        while self._maybe_free and self._maybe_free[0] in self._taken:
            heappop(self._maybe_free)
        return self._maybe_free[0] if self._maybe_free else self._fresh
