"""What a recording vouches for, and what it does not."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from ovnest.northbound.tables import LogicalSwitch
from ovnest.ovsdb import RowUuid
from ovnest.resources.network import Network
from ovnest.rows.subnet import SUBNETS_OF_NETWORK
from ovnest.transaction import Context, Places, RecordingTx
from tests.front_door import ADMIN, Body, FrontDoor

pytestmark = pytest.mark.ovsdb

Look = Callable[[RecordingTx], object]


async def look(door: FrontDoor) -> RecordingTx:
    await door.store.client.barrier()
    replica = door.store.client.replica
    return RecordingTx(replica, door.store.context(ADMIN), Places(replica))


@pytest.mark.parametrize(
    "at",
    [
        lambda tx: tx.now,
        lambda tx: tx.caller,
        lambda tx: tx.rights,
        lambda tx: tx.random,
        lambda tx: tx.context,
        lambda tx: list(tx.all(Network)),
        lambda tx: tx.view.owners(LogicalSwitch, "ports", RowUuid("x")),
        lambda tx: tx.view.children(LogicalSwitch, "ports", RowUuid("x")),
    ],
)
async def test_it_vouches_for_nothing_that_looked_at_what_it_does_not_note(door: FrontDoor, at: Look) -> None:
    tx = await look(door)
    at(tx)
    assert tx.looked() is None


async def test_it_writes_nothing(door: FrontDoor) -> None:
    with pytest.raises(TypeError, match="only reads"):
        _ = (await look(door)).staging


async def test_what_it_noted_holds_until_that_changes(door: FrontDoor, network: Body, subnet: Body) -> None:
    replica, context = door.store.client.replica, door.store.context(ADMIN)
    noted: dict[str, Look] = {
        "row": lambda tx: tx.find(Network, network["id"]),
        "place": lambda tx: tx.all(SUBNETS_OF_NETWORK, network["id"]),
        "absent": lambda tx: tx.find(Network, subnet["id"]),
    }
    looked = {}
    for name, at in noted.items():
        tx = await look(door)
        at(tx)
        looked[name] = tx.looked()

    def holding(context: Context = context) -> set[str]:
        return {name for name, each in looked.items() if each is not None and each.holds(replica, context)}

    assert holding() == {"row", "place", "absent"}
    assert holding(replace(context, seconds=context.seconds + 1)) == {"row", "place", "absent"}
    await door.update("subnet", subnet["id"], name="anew")
    await door.store.client.barrier()
    assert holding() == {"row", "absent"}
    await door.update("network", network["id"], name="anew")
    await door.store.client.barrier()
    assert holding() == {"absent"}


async def test_the_clock_counts_as_far_as_it_was_asked(door: FrontDoor) -> None:
    tx = await look(door)
    replica, now = door.store.client.replica, tx.seconds

    def holds(at: Look) -> list[int]:
        """In which of the seconds around now."""
        tx = RecordingTx(replica, replace(door.store.context(ADMIN), seconds=now), Places(replica))
        at(tx)
        looked = tx.looked()
        assert looked is not None
        context = door.store.context(ADMIN)
        return [s for s in range(-3, 4) if looked.holds(replica, replace(context, seconds=now + s))]

    assert holds(lambda tx: None) == [-3, -2, -1, 0, 1, 2, 3]
    assert holds(lambda tx: tx.seconds) == [0]
    assert holds(lambda tx: tx.has_come(now - 1)) == [-1, 0, 1, 2, 3]
    assert holds(lambda tx: tx.has_come(now + 2)) == [-3, -2, -1, 0, 1]
    assert holds(lambda tx: (tx.has_come(now), tx.has_come(now + 1))) == [0]
