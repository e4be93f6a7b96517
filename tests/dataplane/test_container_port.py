#
#   web (tag 42) ─┐                             ┌─ far (tag 50)
#                 ├─ vm1 ── hv1 ══ geneve ══ hv2 ── vm2
#   db  (tag 43) ─┘
#
# db is on another network than the others, behind a router.
"""A container port carries its container's packets, and nobody else's."""

import pytest
from msgspec import Struct, structs

from ovnest.sandbox.capture import capture
from ovnest.sandbox.container import Container
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.vm import Vm
from tests.dataplane.rows import Port, Rows, Switch

pytestmark = pytest.mark.packets

GENEVE_PORT = 6081
IPV4_HEADER_BYTES = 20
ICMP_HEADER_BYTES = 8


class Scene(Struct, frozen=True, kw_only=True):
    """The picture above."""

    private: Switch
    vm1: Vm
    vm2: Vm
    web: Container
    db: Container
    far: Container
    vm1_port: Port
    web_port: Port


@pytest.fixture
async def scene(sandbox: Sandbox, rows: Rows) -> Scene:
    private, other = await rows.switch("private"), await rows.switch("other")
    await rows.router("router", [private, other])
    vm1_port, vm2_port = await rows.port(private, 11), await rows.port(private, 12)
    web_port = await rows.port(private, 42, parent=vm1_port, tag=42)
    db_port = await rows.port(other, 43, parent=vm1_port, tag=43)
    far_port = await rows.port(private, 50, parent=vm2_port, tag=50)
    vm1 = await sandbox.plug_vm("vm1", chassis="hv1", port_id=vm1_port.id, nic=vm1_port.nic)
    vm2 = await sandbox.plug_vm("vm2", chassis="hv2", port_id=vm2_port.id, nic=vm2_port.nic)
    web = await vm1.plug_container("web", tag=42, nic=web_port.nic)
    db = await vm1.plug_container("db", tag=43, nic=db_port.nic)
    far = await vm2.plug_container("far", tag=50, nic=far_port.nic)
    await sandbox.sync()
    return Scene(
        private=private, vm1=vm1, vm2=vm2, web=web, db=db, far=far, vm1_port=vm1_port, web_port=web_port
    )


async def test_a_container_reaches_its_own_vm_and_is_reached(scene: Scene) -> None:
    await scene.web.pings(scene.vm1)
    await scene.vm1.pings(scene.web)


async def test_a_container_reaches_another_of_its_vm_on_another_network(scene: Scene) -> None:
    await scene.web.pings(scene.db)
    await scene.db.pings(scene.web)


async def test_a_container_reaches_another_of_its_vm_on_its_own_network(scene: Scene, rows: Rows) -> None:
    port = await rows.port(scene.private, 45, parent=scene.vm1_port, tag=45)
    sibling = await scene.vm1.plug_container("sibling", tag=45, nic=port.nic)
    await scene.web.pings(sibling)
    await sibling.pings(scene.web)


async def test_a_container_reaches_a_vm_on_another_hypervisor(scene: Scene) -> None:
    await scene.web.pings(scene.vm2)
    await scene.vm2.pings(scene.web)
    await scene.db.pings(scene.vm2)


async def test_a_container_reaches_a_container_on_another_hypervisor(scene: Scene) -> None:
    await scene.web.pings(scene.far)
    await scene.far.pings(scene.web)
    await scene.far.pings(scene.db)


async def test_full_size_packets_and_tcp_pass_between_hypervisors(scene: Scene) -> None:
    await scene.web.pings(scene.far)
    full_bytes = scene.web.nic.mtu - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES
    assert await scene.web.ping(scene.far.addresses[0], size_bytes=full_bytes, whole=True) == 1
    assert await scene.web.tcp_mbit_per_s(scene.far, seconds=1) > 1


async def test_the_vif_shows_what_a_container_sends_with_its_tag(scene: Scene) -> None:
    async with scene.vm1.capture("in") as sent:
        await scene.web.pings(scene.vm2)
        await scene.db.pings(scene.vm2)
        await scene.vm1.pings(scene.vm2)
    assert sent.tags_from(scene.web.nic.mac) == {42}
    assert sent.tags_from(scene.db.nic.mac) == {43}
    assert sent.tags_from(scene.vm1.nic.mac) == {None}


async def test_the_vif_shows_what_a_container_is_sent_with_its_tag(scene: Scene) -> None:
    async with scene.vm1.capture("out") as received:
        await scene.vm2.pings(scene.web)
        await scene.vm2.pings(scene.vm1)
    assert received.tags_to(scene.web.nic.mac) == {42}
    assert received.tags_to(scene.vm1.nic.mac) == {None}


async def test_between_the_hypervisors_it_is_geneve_without_any_tag(sandbox: Sandbox, scene: Scene) -> None:
    await scene.web.pings(scene.vm2)
    async with capture(sandbox.central_node, "to-hv1") as wire:
        assert await scene.web.ping(scene.vm2.addresses[0]) == 1
    tunnelled = [frame for frame in wire.frames if frame.udp_port == GENEVE_PORT]
    inner = [frame.inside_geneve() for frame in tunnelled]
    assert {frame.tag for frame in inner if frame.source_mac == scene.web.nic.mac} == {None}


async def test_a_container_is_silent_once_its_port_is_deleted(scene: Scene, rows: Rows) -> None:
    await scene.vm2.pings(scene.web)
    await rows.delete(scene.web_port)
    await scene.vm2.cannot_ping(scene.web)
    await scene.web.cannot_ping(scene.vm1)
    await scene.vm2.pings(scene.db)  # the others still talk


async def test_a_container_with_another_tag_than_its_port_is_not_heard(scene: Scene, rows: Rows) -> None:
    port = await rows.port(scene.private, 60, parent=scene.vm1_port, tag=60)
    wrong = await scene.vm1.plug_container("wrong", tag=61, nic=port.nic)
    await wrong.cannot_ping(scene.vm2)


async def test_port_security_holds_for_a_container(scene: Scene, rows: Rows) -> None:
    """Each of two containers has an address that its port has not; only one port has port security."""
    secure = await rows.port(scene.private, 70, parent=scene.vm1_port, tag=70)
    stolen = (f"{scene.private.addresses(71)[0]}/24",)
    thief = await scene.vm1.plug_container(
        "thief", tag=70, nic=structs.replace(secure.nic, addresses=stolen, gateways=())
    )
    await thief.cannot_ping(scene.vm2)
    loose = await rows.port(scene.private, 72, parent=scene.vm1_port, tag=72, secure=False)
    stolen = (f"{scene.private.addresses(73)[0]}/24",)
    other = await scene.vm1.plug_container(
        "other", tag=72, nic=structs.replace(loose.nic, addresses=stolen, gateways=())
    )
    await other.pings(scene.vm2)  # the control: it was port security that held the first one


async def test_a_container_gets_its_address_by_dhcp(scene: Scene, rows: Rows) -> None:
    port = await rows.port(scene.private, 80, parent=scene.vm1_port, tag=80)
    await rows.dhcp(port, scene.private, mtu="1392")
    empty = structs.replace(port.nic, addresses=(), gateways=())
    container = await scene.vm1.plug_container("leased", tag=80, nic=empty)
    lease = await container.dhcp()
    assert lease["ip_address"] == scene.private.addresses(80)[0]
    assert lease["interface_mtu"] == "1392"
    await container.pings(scene.db)  # by the router that the lease told


async def test_a_container_gets_no_address_where_nobody_answers(scene: Scene, rows: Rows) -> None:
    port = await rows.port(scene.private, 81, parent=scene.vm1_port, tag=81)
    empty = structs.replace(port.nic, addresses=(), gateways=())
    container = await scene.vm1.plug_container("unleased", tag=81, nic=empty)
    with pytest.raises(SandboxError, match="was offered no DHCPv4 lease"):
        await container.dhcp(timeout_s=2)


async def test_a_container_gets_its_address_by_dhcpv6(scene: Scene, rows: Rows) -> None:
    await rows.advertise("router", scene.private, "dhcpv6_stateful")
    port = await rows.port(scene.private, 82, parent=scene.vm1_port, tag=82)
    await rows.dhcpv6(port, scene.private)
    container = await scene.vm1.plug_container(
        "leased", tag=82, nic=structs.replace(port.nic, addresses=(), gateways=())
    )
    lease = await container.dhcp(6)
    assert lease["ip6_address"] == scene.private.addresses(82)[1]
    await container.pings(scene.db)  # by the router that advertises itself


async def test_a_container_makes_its_address_of_the_advertised_prefix(scene: Scene, rows: Rows) -> None:
    await rows.advertise("router", scene.private, "slaac")
    port = await rows.port(scene.private, 83, parent=scene.vm1_port, tag=83, secure=False)
    container = await scene.vm1.plug_container(
        "auto", tag=83, nic=structs.replace(port.nic, addresses=(), gateways=())
    )
    assert await container.autoconfigured() == "fd00:1::800:ff:fe00:153"
    await container.pings(scene.vm2)
    await container.pings(scene.db)


async def test_the_containers_follow_their_vm_to_another_hypervisor(sandbox: Sandbox, scene: Scene) -> None:
    await scene.web.pings(scene.vm2)
    await scene.vm1.move(sandbox.chassis["hv2"])
    await scene.web.pings(scene.vm2)
    find = ("find", "Port_Binding", f"logical_port={scene.web_port.id}")
    chassis = await sandbox.central.sbctl("--bare", "--columns=chassis", *find)
    assert await sandbox.central.sbctl("--bare", "--columns=name", "list", "Chassis", chassis) == "hv2"
