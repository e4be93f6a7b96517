"""Operations beside each other, beside another server, and beside somebody's hand."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from ovnest.api.store import Store
from ovnest.config import Settings
from ovnest.northbound.tables import DhcpOptions, Document, LogicalSwitchPort
from ovnest.operations import CATALOGUE
from ovnest.operations import port as ports
from ovnest.ovsdb import Transaction
from ovnest.policy import Policy
from ovnest.resources.fields import is_uuid, to_struct
from ovnest.resources.network import Network
from ovnest.resources.port import CREATE_PORT, UPDATE_PORT, CreatePort, Port, UpdatePort
from ovnest.resources.vlan_tags import VlanTags
from ovnest.transaction import Tx
from tests.front_door import ADMIN, Body, FrontDoor, Refused
from tests.northbound_server import Northbound
from tests.operations.conftest import Expectations

pytestmark = pytest.mark.ovsdb


def wanted_port(**attributes: Any) -> CreatePort:
    return to_struct(attributes, CreatePort, CREATE_PORT)


async def test_ids_are_uuids_of_version_4_whose_first_bits_are_random(door: FrontDoor) -> None:
    ids = await door.store.read(ADMIN, lambda tx: [tx.new_id() for _ in range(1000)])
    assert all(is_uuid(each) and each[14] == "4" and each[19] in "89ab" for each in ids)
    assert len({each[:8] for each in ids}) > 990


async def test_a_tx_on_the_replica_only_reads(door: FrontDoor, network: Body) -> None:
    def change(tx: Tx) -> None:
        tx.drop(tx.get(Network, network["id"]))

    with pytest.raises(TypeError, match="only reads"):
        await door.store.read(ADMIN, change)


async def test_putting_what_is_there_writes_nothing_and_raises_nothing(
    door: FrontDoor, network: Body
) -> None:
    before = await door.seq()
    same = await door.store.write(ADMIN, lambda tx: tx.put(tx.get(Network, network["id"])))
    assert same.revision_number == 1
    assert await door.seq() == before


async def test_a_change_raises_the_revision_and_sets_the_time_of_that_alone(
    door: FrontDoor, network: Body
) -> None:
    later = replace(door.store.context(ADMIN), now="2030-01-01T00:00:00Z")

    def rename(transaction: Transaction) -> Network:
        tx = Tx(transaction, later)
        return tx.put(replace(tx.get(Network, network["id"]), name="b"))

    await door.store.client.execute(rename)
    changed = await door.show("network", network["id"])
    assert changed == {**network, "name": "b", "revision_number": 2, "updated_at": later.now}


async def test_more_than_one_transaction_may_be_is_refused_whole(door: FrontDoor, network: Body) -> None:
    async with Refused(409, "RequestTooLarge", "1001", "1000"):
        await door.create_many("port", *[{"network_id": network["id"]}] * 1001)
    assert await door.list("port") == []


async def test_many_operations_go_out_in_few_transactions_each_seeing_those_before(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    before = await door.seq()
    made = await asyncio.gather(*(door.create("port", network_id=network["id"]) for _ in range(100)))
    assert await door.seq() - before <= 20
    assert len({port["fixed_ips"][0]["ip_address"] for port in made}) == 100


async def test_what_an_operation_refuses_is_undone_and_the_others_of_its_batch_stay(
    door: FrontDoor, network: Body, subnet: Body
) -> None:
    taken = {"network_id": network["id"], "fixed_ips": [{"ip_address": "192.0.2.9"}]}
    results = await asyncio.gather(*(door.create("port", **taken) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, dict) for result in results) == 1
    assert len(await door.list("port")) == 1


async def test_two_servers_give_no_address_and_no_tag_twice(
    door: FrontDoor, server: Northbound, network: Body, subnet: Body
) -> None:
    vm = await door.create("port", network_id=network["id"])
    child = {"network_id": network["id"], "binding:profile": {"parent_name": vm["id"]}}
    async with Store(Settings(northbound=server.remote, durable=False), Policy(CATALOGUE)) as other:
        await other.client.ready(10)
        doors = [door, FrontDoor(other)]
        made = await asyncio.gather(*(each.create("port", **child) for _ in range(50) for each in doors))
    addresses = {port["fixed_ips"][0]["ip_address"] for port in made}
    tags = {port["binding:profile"]["tag"] for port in made}
    assert len(addresses) == len(tags) == len({port["mac_address"] for port in made}) == 100
    assert tags == set(range(1, 101))


async def test_a_parent_deleted_by_hand_in_the_middle_of_an_operation_is_missed_in_time(
    door: FrontDoor, server: Northbound, network: Body, subnet: Body
) -> None:
    vm = await door.create("port", network_id=network["id"])
    want = wanted_port(network_id=network["id"], **{"binding:profile": {"parent_name": vm["id"], "tag": 5}})
    attempts = []

    def create(tx: Tx) -> Port:
        made = ports.create_port(tx, want)
        attempts.append(made.id)
        if len(attempts) == 1:  # staged, and not sent yet
            server.nbctl("lsp-del", vm["id"])
        return made

    async with Refused(404, "PortNotFound", vm["id"]):
        await door.store.write(ADMIN, create)
    assert len(attempts) == 1, "the second time it finds no parent"
    assert await door.list("port") == []


async def test_a_subnet_deleted_by_hand_in_the_middle_gives_no_address(
    door: FrontDoor, server: Northbound, network: Body, subnet: Body
) -> None:
    want = wanted_port(network_id=network["id"])
    attempts = []

    def create(tx: Tx) -> Port:
        made = ports.create_port(tx, want)
        attempts.append(made)
        if len(attempts) == 1:
            server.nbctl("dhcp-options-del", subnet["id"])
        return made

    made = await door.store.write(ADMIN, create)
    assert len(attempts) == 2
    assert made.fixed_ips == ()


async def test_a_switch_deleted_by_hand_in_the_middle_is_not_found(
    door: FrontDoor, server: Northbound, network: Body
) -> None:
    want = wanted_port(network_id=network["id"])
    done: list[str] = []

    def create(tx: Tx) -> Port:
        made = ports.create_port(tx, want)
        if not done:
            done.append(server.nbctl("ls-del", network["id"]))
        return made

    async with Refused(404, "NetworkNotFound", network["id"]):
        await door.store.write(ADMIN, create)
    assert server.nbctl("list", "Logical_Switch_Port") == ""


async def test_a_port_deleted_by_hand_in_the_middle_of_its_change_is_not_found(
    door: FrontDoor, server: Northbound, network: Body
) -> None:
    port = await door.create("port", network_id=network["id"])
    change = to_struct({"name": "n"}, UpdatePort, UPDATE_PORT)
    done: list[str] = []

    def rename(tx: Tx) -> Port:
        changed = ports.update_port(tx, port["id"], change)
        if not done:
            done.append(server.nbctl("lsp-del", port["id"]))
        return changed

    async with Refused(404, "PortNotFound", port["id"]):
        await door.store.write(ADMIN, rename)


@pytest.mark.usefixtures("subnet")
async def test_dhcp_options_that_a_hand_took_away_come_back_with_the_next_change(
    door: FrontDoor, server: Northbound, network: Body, check: Expectations
) -> None:
    options = [{"opt_name": "mtu", "opt_value": "1000"}]
    port = await door.create("port", network_id=network["id"], extra_dhcp_opts=options)
    own = (await door.row(LogicalSwitchPort, port["id"])).dhcpv4_options
    assert own is not None
    server.nbctl("dhcp-options-del", own)
    assert await door.find_row(DhcpOptions, own) is None
    await door.update("port", port["id"], name="n")
    assert (await door.row(DhcpOptions, own)).options["mtu"] == "1000"


async def test_remembering_a_tag_writes_one_key(
    door: FrontDoor, network: Body, subnet: Body, server: Northbound
) -> None:
    vm = await door.create("port", network_id=network["id"])
    child = {"network_id": network["id"], "binding:profile": {"parent_name": vm["id"]}}
    made = await door.create_many("port", *[child] * 50)
    for port in made[:49]:
        await door.delete("port", port["id"])

    def free_and_claim(tx: Tx) -> list[Any]:
        ports.delete_port(tx, made[49]["id"], {})
        staged: list[Any] = tx.staging._stage.operations
        return [operation for operation in staged if operation.table == Document.TABLE]

    written = await door.store.write(ADMIN, free_and_claim)
    mutations = [each for operation in written for each in getattr(operation, "mutations", ())]
    values = [value for column, mutator, value in mutations if mutator == "insert"]
    assert [len(pairs) for _, pairs in values] == [1], mutations
    memory = await door.store.read(ADMIN, lambda tx: tx.get(VlanTags, vm["id"]))
    assert set(memory.freed) == set(range(1, 51))
