"""Rows written by hand: what a port is in the Northbound, without any of ovnest's code.

The claims that use them check that the server's rows are the same (`check_alike`).
"""

import random
import subprocess
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bench.rig.database import Database

DEVICE_ID = "6a2b8f0e-7d0c-4f59-9a51-0d3f1d1e2c77"
_RANDOM = random.Random()  # noqa: S311  # ids for a measurement


class Place(Struct, frozen=True, kw_only=True):
    """Where a port may be made: a network and its IPv4 subnet, the first two octets being its prefix."""

    network_id: str
    subnet_id: str
    prefix: str


def port_operations(places: Sequence[Place], first: int, count: int) -> list[dict[str, Any]]:
    """The operations that make `count` ports, the `first`-th and on, taking the places in turn."""
    operations: list[dict[str, Any]] = []
    members: dict[str, list[Any]] = {}
    for number in range(first, first + count):
        place = places[number % len(places)]
        uuid = random_uuid()
        operations.append(
            {
                "op": "insert",
                "table": "Logical_Switch_Port",
                "uuid": uuid,
                "row": _port(uuid, place, number // len(places)),
            }
        )
        members.setdefault(place.network_id, []).append(["uuid", uuid])
    for network_id, uuids in members.items():
        operations.append(
            {
                "op": "mutate",
                "table": "Logical_Switch",
                "where": [["_uuid", "==", ["uuid", network_id]]],
                "mutations": [["ports", "insert", ["set", uuids]]],
            }
        )
    return operations


def _port(uuid: str, place: Place, number: int) -> dict[str, Any]:
    columns = port_columns(uuid, place, number)
    columns["external_ids"] = ["map", [[key, value] for key, value in columns["external_ids"].items()]]
    return columns | {"dhcpv4_options": ["uuid", place.subnet_id]}


def port_columns(uuid: str, place: Place, number: int) -> dict[str, Any]:
    """What stands in the row of a port, but for its reference to the subnet."""
    host = number + 10
    address = f"{place.prefix}.{host >> 8 & 255}.{host & 255}"
    mac = "fa:16:3e:" + ":".join(f"{_RANDOM.getrandbits(8):02x}" for _ in range(3))
    ids = {
        "neutron:port_name": "web",
        "neutron:device_id": DEVICE_ID,
        "neutron:device_owner": "compute:nova",
        "neutron:project_id": "default",
        "neutron:cidrs": f"{address}/16",
        "neutron:network_name": f"neutron-{place.network_id}",
        "neutron:security_group_ids": "",
        "neutron:revision_number": "1",
        "neutron:subnet_pool_addr_scope4": "",
        "neutron:subnet_pool_addr_scope6": "",
        "neutron:vnic_type": "normal",
        "neutron:port_capabilities": "",
        "neutron:mtu": "",
        "ovnest:mac_address": mac,
        "ovnest:created_at": "2026-01-01T00:00:00Z",
        "ovnest:updated_at": "2026-01-01T00:00:00Z",
    }
    return {
        "name": uuid,
        "addresses": f"{mac} {address}",
        "port_security": f"{mac} {address}",
        "up": False,
        "enabled": True,
        "external_ids": ids,
    }


def port_body(place: Place) -> dict[str, Any]:
    """What a client sends for such a port."""
    return {
        "network_id": place.network_id,
        "name": "web",
        "device_id": DEVICE_ID,
        "device_owner": "compute:nova",
    }


def check_alike(database: Database, other: Database) -> None:
    """See that the ports of two databases have the same columns, keys and lengths.

    Raises:
        AssertionError: they differ, so what was measured cannot be compared.
    """
    ours, theirs = _some_port(database), _some_port(other)
    assert _shape(ours) == _shape(theirs), f"the sides write different rows:\n{ours}\n{theirs}"


def _some_port(database: Database) -> dict[str, Any]:
    rows = select(database, "Logical_Switch_Port")
    row = rows[-1]
    del row["_uuid"], row["_version"]
    return row


def select(database: Database, table: str) -> list[dict[str, Any]]:
    """All rows of a table, as they stand on the wire."""
    query = ["OVN_Northbound", {"op": "select", "table": table, "where": []}]
    argv = ["ovsdb-client", "transact", database.remote, msgspec.json.encode(query).decode()]
    answer = subprocess.run(argv, check=True, capture_output=True).stdout
    rows: list[dict[str, Any]] = msgspec.json.decode(answer)[0]["rows"]
    return rows


def _shape(value: Any) -> Any:
    match value:
        case dict():
            return {column: _shape(item) for column, item in value.items()}
        case ["map", pairs]:
            return sorted((key, len(text)) for key, text in pairs if key != "neutron:cidrs")
        case ["uuid", _]:
            return "uuid"
        case ["set", items]:
            return [_shape(item) for item in items]
        case str():
            return "text"
    return value


def random_uuid() -> str:
    """A random UUID (RFC 9562, version 4)."""
    digits = f"{_RANDOM.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
