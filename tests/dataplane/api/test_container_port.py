#
#   web (tag 42) ─┐                              ┌─ far (tag 42, too)
#   db  (tag 43) ─┼─ vm1 ── hv1 ══ geneve ══ hv2 ┴─ vm2
#   sib (tag ?)  ─┘
#
# db is on another network than the others, behind a router; the server chose sib's tag.
"""A container port made through the API carries its container's packets, and nobody else's."""

import pytest
from msgspec import Struct, structs

from ovnest.sandbox.capture import Capture, capture
from ovnest.sandbox.concurrency import at_once
from ovnest.sandbox.container import Container
from ovnest.sandbox.endpoint import Endpoint
from ovnest.sandbox.node import Nic
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.vm import Vm
from tests.dataplane.api.networking import Networking, VirtualNetwork, VirtualPort

pytestmark = pytest.mark.packets

GENEVE_PORT = 6081


class Scene(Struct, frozen=True, kw_only=True):
    """The picture above."""

    private: VirtualNetwork
    vm1: Vm
    vm2: Vm
    web: Container
    db: Container
    sibling: Container
    far: Container
    web_port: VirtualPort
    sibling_port: VirtualPort


@pytest.fixture
async def scene(sandbox: Sandbox, networking: Networking) -> Scene:
    private, other = await networking.network(), await networking.network()
    await networking.router(private, other)
    vm1_port, vm2_port = await networking.port(private), await networking.port(private)
    web_port = await networking.port(private, parent=vm1_port, tag=42)
    db_port = await networking.port(other, parent=vm1_port, tag=43)
    sibling_port = await networking.port(private, parent=vm1_port)
    far_port = await networking.port(private, parent=vm2_port, tag=42)
    vm1 = await networking.vm("vm1", "hv1", vm1_port)
    vm2 = await networking.vm("vm2", "hv2", vm2_port)
    scene = Scene(
        private=private,
        vm1=vm1,
        vm2=vm2,
        web=await networking.container(vm1, "web", web_port),
        db=await networking.container(vm1, "db", db_port),
        sibling=await networking.container(vm1, "sibling", sibling_port),
        far=await networking.container(vm2, "far", far_port),
        web_port=web_port,
        sibling_port=sibling_port,
    )
    await sandbox.sync()
    return scene


async def _talk(left: Endpoint, right: Endpoint) -> None:
    await left.pings(right)
    await right.pings(left)


async def _silent(left: Endpoint, *others: Endpoint) -> None:
    """Nothing comes from any side to the other; all are tried at once, since silence takes its time."""
    await at_once(way for each in others for way in (left.cannot_ping(each), each.cannot_ping(left)))


async def test_a_container_and_its_own_vm_reach_each_other(scene: Scene) -> None:
    await _talk(scene.web, scene.vm1)
    await _talk(scene.sibling, scene.vm1)


async def test_two_containers_of_a_vm_reach_each_other_on_one_network_and_across_two(scene: Scene) -> None:
    await _talk(scene.web, scene.sibling)
    await _talk(scene.web, scene.db)


async def test_a_container_reaches_a_vm_and_a_container_on_another_hypervisor(scene: Scene) -> None:
    for there in (scene.vm2, scene.far):
        await _talk(scene.web, there)
        await _talk(scene.db, there)


async def test_every_frame_of_a_container_carries_the_tag_that_the_api_says(scene: Scene) -> None:
    tags: dict[Endpoint, int | None] = {
        scene.web: 42,
        scene.db: 43,
        scene.sibling: scene.sibling_port.tag,
        scene.vm1: None,
    }
    async with scene.vm1.capture("in") as sent, scene.vm1.capture("out") as received:
        for endpoint in tags:
            await endpoint.pings(scene.vm2)
    for endpoint, tag in tags.items():
        assert sent.tags_from(endpoint.nic.mac) == {tag}, endpoint
        assert received.tags_to(endpoint.nic.mac) == {tag}, endpoint


async def test_no_tag_is_on_the_wire_between_the_hypervisors(sandbox: Sandbox, scene: Scene) -> None:
    await scene.web.pings(scene.far)
    async with capture(sandbox.central_node, "to-hv1") as wire:
        await scene.web.pings(scene.far)
    inner = [frame.inside_geneve() for frame in wire.frames if frame.udp_port == GENEVE_PORT]
    assert {frame.tag for frame in inner if frame.source_mac == scene.web.nic.mac} == {None}


async def test_a_container_is_silent_once_its_port_is_deleted(networking: Networking, scene: Scene) -> None:
    await scene.vm2.pings(scene.web)
    await networking.delete(scene.web_port)
    await _silent(scene.web, scene.vm1, scene.vm2, scene.sibling)
    await _talk(scene.sibling, scene.vm2)  # the control: only its own port went


async def test_a_container_is_silent_while_its_port_is_disabled(networking: Networking, scene: Scene) -> None:
    await networking.update(scene.web_port, admin_state_up=False)
    await networking.status(scene.web_port, "DOWN")
    await _silent(scene.web, scene.vm2)
    await networking.update(scene.web_port, admin_state_up=True)
    await networking.status(scene.web_port, "ACTIVE")
    await _talk(scene.web, scene.vm2)


async def test_a_container_is_silent_once_its_port_has_no_parent_any_more(
    networking: Networking, scene: Scene
) -> None:
    await networking.update(scene.web_port, **{"binding:profile": {}})
    await networking.status(scene.web_port, "DOWN")
    await _silent(scene.web, scene.vm2)


async def test_a_port_under_another_parent_talks_there_and_no_longer_here(
    networking: Networking, scene: Scene
) -> None:
    await scene.web.pings(scene.far)
    profile = networking.profile(scene.vm2, 7)
    moved = await networking.update(scene.web_port, **{"binding:profile": profile})
    await _silent(scene.web, scene.far)
    there = await networking.container(scene.vm2, "moved", moved)
    async with scene.vm2.capture("in") as sent:
        await _talk(there, scene.vm1)
        await _talk(there, scene.far)
    assert sent.tags_from(there.nic.mac) == {7}


async def test_a_port_with_another_tag_is_heard_by_that_tag_alone(
    networking: Networking, scene: Scene
) -> None:
    profile = networking.profile(scene.vm1, 44)
    moved = await networking.update(scene.web_port, **{"binding:profile": profile})
    await _silent(scene.web, scene.vm2)
    await scene.vm1.unplug_container("web")
    await _talk(await networking.container(scene.vm1, "again", moved), scene.vm2)


async def test_a_deleted_parent_takes_its_container_ports_along_if_told_to(
    sandbox: Sandbox, networking: Networking, scene: Scene
) -> None:
    await networking.api.delete("port", scene.vm1.port_id, cascade="true")
    await sandbox.sync()
    await _silent(scene.vm2, scene.vm1, scene.web, scene.sibling)
    await _talk(scene.far, scene.vm2)


async def test_a_container_port_is_active_exactly_while_its_vm_is_there(
    sandbox: Sandbox, networking: Networking
) -> None:
    private = await networking.network()
    parent = await networking.port(private)
    port = await networking.port(private, parent=parent, tag=42)
    shown = await networking.api.show("port", port.id)
    assert (shown["status"], shown["binding:vif_type"]) == ("DOWN", "unbound")
    await networking.vm("vm1", "hv1", parent)
    await networking.status(port, "ACTIVE")
    await networking.status(parent, "ACTIVE")
    assert (await networking.api.show("port", port.id))["binding:vif_type"] == "ovs"
    await sandbox.unplug_vm("vm1")
    await networking.status(port, "DOWN")


async def test_the_containers_of_one_bulk_request_all_talk(networking: Networking, scene: Scene) -> None:
    profile = networking.profile(scene.vm1, None)
    want = {"network_id": scene.private.id, "binding:profile": profile}
    made = await networking.api.create_many("port", [want] * 5)
    assert len({port["binding:profile"]["tag"] for port in made}) == len(made)
    for number, answer in enumerate(made):
        container = await networking.container(
            scene.vm1, f"bulk{number}", networking.port_of(answer, scene.private)
        )
        await container.pings(scene.far)


@pytest.mark.parametrize("stolen", ["address", "mac"])
async def test_a_container_cannot_send_as_somebody_else_unless_its_port_allows_it(
    networking: Networking, scene: Scene, stolen: str
) -> None:
    secure = await networking.port(scene.private, parent=scene.vm1)
    nic = _spoofed(scene.private, secure.nic, stolen, 201)
    thief = await networking.container(scene.vm1, "thief", secure, nic)
    async with scene.vm2.capture("out") as received:
        await thief.cannot_ping(scene.vm2)
    # Silence alone would prove nothing for a MAC address: answers to an unknown one get lost.
    assert not _sources(received, nic)
    loose = await networking.port(scene.private, parent=scene.vm1, port_security_enabled=False)
    nic = _spoofed(scene.private, loose.nic, stolen, 202)
    async with scene.vm2.capture("out") as received:
        # The control: it was port security that held the first one.
        await (await networking.container(scene.vm1, "loose", loose, nic)).pings(scene.vm2)
    assert len(_sources(received, nic)) == len(nic.addresses)


async def test_an_allowed_address_pair_lets_a_container_send_from_that_address(
    networking: Networking, scene: Scene
) -> None:
    pairs = [{"ip_address": address} for address in scene.private.addresses(203)]
    port = await networking.port(scene.private, parent=scene.vm1, allowed_address_pairs=pairs)
    nic = _spoofed(scene.private, port.nic, "address", 203)
    await (await networking.container(scene.vm1, "paired", port, nic)).pings(scene.vm2)


def _sources(seen: Capture, nic: Nic) -> set[str]:
    """The addresses of a NIC from which it was heard."""
    own = {address.partition("/")[0] for address in nic.addresses}
    return {frame.source for frame in seen.frames if frame.source_mac == nic.mac and frame.source in own}


def _spoofed(network: VirtualNetwork, nic: Nic, stolen: str, host: int) -> Nic:
    """The NIC with another MAC address, or with the addresses of another host."""
    if stolen == "mac":
        return structs.replace(nic, mac=f"0a:00:00:00:00:{host:02x}")
    v4, v6 = network.addresses(host)
    return structs.replace(nic, addresses=(f"{v4}/24", f"{v6}/64"))
