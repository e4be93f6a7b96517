#
#   web (Docker) ─┐                              ┌─ far (Docker)
#                 ├─ vm1 ── hv1 ══ geneve ══ hv2 ┴─┬─ vm2        vm1, vm2: Debian 12 by QEMU
#   db  (CNI)    ─┘          └── neighbour         └─ off (CNI)
#
"""Two real machines on two hypervisors: their containers talk, and what is restarted comes back."""

import asyncio
from collections.abc import AsyncIterator
from itertools import permutations

import pytest
import pytest_asyncio
from msgspec import Struct

from ovnest.sandbox.guest.machine import Machine
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import Vm
from tests.dataplane.api.networking import VirtualNetwork, VirtualPort
from tests.vm.containers import Inside, ctr_run, docker_has, docker_run, set_up
from tests.vm.site import VmSite

pytestmark = [pytest.mark.vm, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

PARENT = 1  # the second NIC
FOR_A_WHILE = 100  # pings, a tenth of a second apart
START_TIMEOUT_S = 120.0


class Two(Struct, kw_only=True):
    """The two machines and who is in them."""

    network: VirtualNetwork
    neighbour: Vm
    vm1: Machine
    vm2: Machine
    parents: tuple[VirtualPort, VirtualPort]
    web: Inside
    db: Inside
    far: Inside
    off: Inside

    @property
    def containers(self) -> tuple[Inside, ...]:
        return (self.web, self.db, self.far, self.off)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(site: VmSite) -> AsyncIterator[Two]:
    """Booted, set up, and with a container of each runtime; the code of the one came by SMBIOS."""
    network = await site.network()
    parents = (await site.port(network), await site.port(network))
    codes = [await site.code(parent, network) for parent in parents]
    nics = [(await site.port(site.management), parent) for parent in parents]
    vm1 = site.machine("vm1", "hv1", *nics[0], credentials={"ovnest.code": codes[0]})
    vm2 = site.machine("vm2", "hv2", *nics[1])
    await asyncio.gather(vm1.start(), vm2.start())
    await vm2.write("/etc/ovnest/code", codes[1], mode=0o600)
    neighbour = await site.networking.vm("neighbour", "hv1", await site.port(network))
    await asyncio.gather(set_up(vm1, network), set_up(vm2, network))
    web, far = await asyncio.gather(
        docker_run(vm1, "web", network.addresses(101)[0]), docker_run(vm2, "far", network.addresses(102)[0])
    )
    db, off = await asyncio.gather(ctr_run(vm1, "db"), ctr_run(vm2, "off"))
    yield Two(
        network=network,
        neighbour=neighbour,
        vm1=vm1,
        vm2=vm2,
        parents=parents,
        web=web,
        db=db,
        far=far,
        off=off,
    )


async def test_all_pairs_talk_and_each_with_its_tag(two: Two) -> None:
    async with two.vm1.capture(PARENT, "in") as sent:
        for one, other in permutations(two.containers, 2):
            await one.pings(other.address)
        for each in two.containers:
            await two.neighbour.pings(each.address)
    assert sent.tags_from(two.web.mac) == {two.web.tag}
    assert sent.tags_from(two.db.mac) == {two.db.tag}
    assert two.web.tag != two.db.tag
    assert "system" in await two.vm1.run("ovs-vsctl get Open_vSwitch . datapath_types")
    assert "lookups: hit:" in await two.vm1.run("ovs-dpctl show"), "the kernel's datapath has flows"


async def test_a_container_cannot_use_an_address_that_is_not_its_own(two: Two) -> None:
    stolen = two.network.addresses(250)[0]
    privileged = f"docker exec --privileged {two.web.name}"
    await two.vm1.run(f"{privileged} ip address add {stolen}/24 dev eth0")
    try:
        assert await two.web.ping(two.far.address, count=2) == 2, "with its own"
        said = await two.vm1.attempt(f"{privileged} ping -c 3 -W 1 -I {stolen} {two.far.address}")
        assert "0 packets received" in said.output, said
    finally:
        await two.vm1.run(f"{privileged} ip address delete {stolen}/24 dev eth0")


async def test_an_agent_that_is_restarted_costs_no_packet(two: Two) -> None:
    before = await two.vm1.run("systemctl show --value -p MainPID ovnest-agent")
    answered, same, _ = await asyncio.gather(
        two.neighbour.ping(two.web.address, count=FOR_A_WHILE),
        two.neighbour.ping(two.db.address, count=FOR_A_WHILE),
        two.vm1.run("systemctl restart ovnest-agent"),
    )
    assert (answered, same) == (FOR_A_WHILE, FOR_A_WHILE)
    assert await two.vm1.run("systemctl show --value -p MainPID ovnest-agent") != before
    assert await two.vm1.run("ovnest agent check") == "All is as it was made.\n"


async def test_docker_that_is_restarted_has_its_containers_again(site: VmSite, two: Two) -> None:
    others, _ = await asyncio.gather(
        two.neighbour.ping(two.db.address, count=FOR_A_WHILE),
        two.vm1.run("systemctl restart docker", timeout_s=START_TIMEOUT_S),
    )
    assert others == FOR_A_WHILE, "what is not Docker's goes on"
    two.web = await docker_has(two.vm1, "web", two.web.address)
    await two.web.pings(two.far.address)
    await two.neighbour.pings(two.web.address)
    ports = await site.containers_of(two.parents[0])
    assert {port["binding:profile"]["tag"] for port in ports} == {two.web.tag, two.db.tag}


async def test_a_machine_that_is_rebooted_has_everything_back(site: VmSite, two: Two) -> None:
    await two.vm1.reboot()
    two.web = await docker_has(two.vm1, "web", two.web.address)
    await two.web.pings(two.far.address)
    await two.neighbour.pings(two.web.address)

    # containerd starts nothing by itself: db has ended, and its port with it. It can be run again.
    async def tags() -> set[int]:
        return {port["binding:profile"]["tag"] for port in await site.containers_of(two.parents[0])}

    await two.vm1.run("ctr container delete db && ovnest agent gc")
    await until("db's port is gone", tags, accept=lambda seen: seen == {two.web.tag}, timeout_s=30.0)
    two.db = await ctr_run(two.vm1, "db")
    for each in (two.web, two.far, two.off):
        await two.db.pings(each.address)
    assert await two.vm1.booted() == "running", await two.vm1.run("systemctl --failed --no-pager")
    problems = await two.vm1.run("journalctl -b -u ovnest-agent -p warning --no-pager -q")
    assert not problems
