"""A load of writers whose every write can be found again, and the judge of what they left behind."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ovnest.ovsdb import Busy, Client, InDoubt, RowUuid, Transaction, Unreachable
from tests.ovsdb.servers import Server
from tests.ovsdb.tables import PORT_BY_NUMBER, Port, Switch, TagTracker, new_uuid


@dataclass
class Outcome:
    """What the writers were told: names of ports, with the tags they got."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    longest_gap_s: float = 0.0

    def add(self, other: "Outcome") -> None:
        self.acknowledged.update(other.acknowledged)
        self.in_doubt |= other.in_doubt
        self.refused |= other.refused
        self.longest_gap_s = max(self.longest_gap_s, other.longest_gap_s)


def next_port(tx: Transaction, switch: RowUuid, name: str, tags: TagTracker) -> int:
    """Insert a port with the lowest tag that no port has; the UUID is another one each time this is run."""
    tag = tags.lowest_free()
    assert not tx.all(PORT_BY_NUMBER, tag), f"the tracker says that {tag} is free"
    row = Port(uuid=new_uuid(), name=name, external_ids={"tag": str(tag)})
    tx.insert(row)
    tx.change_references(Switch, switch, "ports", add=[row.uuid])
    return tag


async def write(
    client: Client,
    switch: RowUuid,
    tags: TagTracker,
    name: str,
    stop: asyncio.Event,
    outcome: Outcome,
    pause_s: float = 0,
) -> None:
    """One writer: port after port, with a pause after each, until `stop`."""
    loop = asyncio.get_running_loop()
    number = 0
    last = loop.time()
    while not stop.is_set():
        port = f"{name}-{number}"
        number += 1
        try:
            tag = await client.execute(partial(next_port, switch=switch, name=port, tags=tags), caller=name)
            outcome.acknowledged[port] = tag
            outcome.longest_gap_s = max(outcome.longest_gap_s, loop.time() - last)
            if pause_s:
                await asyncio.sleep(pause_s)
            last = loop.time()
        except InDoubt:
            outcome.in_doubt.add(port)
        except (Unreachable, Busy):
            outcome.refused.add(port)


async def dump(server: Server, table: str, *columns: str) -> list[dict[str, Any]]:
    """All rows of a table, as `ovsdb-client` reads them."""
    operation = {"op": "select", "table": table, "where": [], "columns": ["_uuid", *columns]}
    (result,) = await server.transact(operation)
    rows: list[dict[str, Any]] = result["rows"]
    return rows


async def judge(server: Server, outcome: Outcome) -> int:
    """Fail if what is in the database is not what the writers were told; gives the number of ports."""
    rows = await dump(server, "Logical_Switch_Port", "name", "external_ids")
    found = {row["name"]: int(dict(row["external_ids"][1])["tag"]) for row in rows}
    names = Counter(row["name"] for row in rows)

    twice = [name for name, count in names.items() if count > 1]
    assert not twice, f"written twice: {twice[:5]} ({len(twice)} in all)"
    lost = [name for name in outcome.acknowledged if name not in found]
    assert not lost, f"acknowledged and not there: {lost[:5]} ({len(lost)} of {len(outcome.acknowledged)})"
    other = [name for name, tag in outcome.acknowledged.items() if found[name] != tag]
    assert not other, f"not with the tag that was acknowledged: {other[:5]}"
    refused = [name for name in outcome.refused if name in found]
    assert not refused, f"refused as not written, and there: {refused[:5]}"
    unasked = found.keys() - outcome.acknowledged.keys() - outcome.in_doubt
    assert not unasked, f"nobody's: {sorted(unasked)[:5]} ({len(unasked)} in all)"
    tags = Counter(found.values())
    shared = [tag for tag, count in tags.items() if count > 1]
    assert not shared, f"tags that two ports have: {shared[:5]}"
    return len(rows)
