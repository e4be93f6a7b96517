"""Claim: in a real virtual machine, on the kernel's datapath, a container is as fast as its VM's own port.

As `container_throughput`, but from a guest of QEMU whose bridge is Open vSwitch in its kernel. Beside the
container: the VM's own address on the same bridge (this is what is judged), the VM's other NIC, which has no
bridge, and a container in an overlay of the VM's own (Geneve of its kernel, over its own address). What is
judged is the CPU time that QEMU takes for a megabit, since the machine may emulate it (TCG), and others use
the processor; iperf3's figures, and a request's time until its answer, stand beside. In rounds that
alternate.

    scripts/bench vm_throughput [--rounds N] [--seconds N]
"""

import argparse
import asyncio
import inspect
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.rig import beside, cores, report, turnaround
from ovnest.sandbox import namespace, throughput
from ovnest.sandbox.guest.machine import Machine
from ovnest.sandbox.process import surroundings
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.vm import Vm
from tests.dataplane.api.networking import VirtualNetwork, VirtualPort
from tests.vm.site import VmSite

ROUNDS = 5
SECONDS = 3
REQUESTS = 300
BRIDGE = "br-ovnest"
INNER_BRIDGE = "br-inner"
INNER_ADDRESSES = ("192.0.2.1", "192.0.2.2")
GENEVE_BYTES = 58
TIMEOUT_S = 60.0
ASKER = "/root/turnaround.py"
PYTHON = "/opt/ovnest/bin/python"

OURS, OWN, BARE, INNER = "container", "VM's own", "NIC without a bridge", "overlay in the overlay"


class Route(Struct, frozen=True, kw_only=True):
    """What a command in the guest begins with, whom it sends to, and at which address."""

    inside: str
    target: Vm
    address: str


def main() -> None:
    """Boot a guest, and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options = parser.parse_args()
    report.head(__doc__, f"OVN, QEMU, iperf3 and what answers, all on {cores.ALL}")
    asyncio.run(_with_site(options.rounds, options.seconds))


async def _with_site(rounds: int, seconds: int) -> None:
    sandbox = await Sandbox.up(f"vmthrough-{os.getpid()}", chassis=2, owned=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as directory:
            site = await VmSite.start(sandbox, Path(directory))
            try:
                await _with_machine(site, rounds, seconds)
            finally:
                await site.close()
    finally:
        await sandbox.down()


async def _with_machine(site: VmSite, rounds: int, seconds: int) -> None:
    network = await site.network()
    first, parent = await site.port(site.management), await site.port(network)
    code = await site.code(parent, network)
    machine = site.machine("vm1", "hv2", first, parent, credentials={"ovnest.code": code})
    await machine.start()
    await machine.booted()
    assert machine.hardware is not None
    print(
        f"  the guest: {machine.hardware.accelerator}, {(await machine.run('uname -r')).strip()}", flush=True
    )
    routes = await _routes(site, machine, network, parent)
    async with AsyncExitStack() as stack:
        for target in {route.target.name: route.target for route in routes.values()}.values():
            await stack.enter_async_context(_served(target))
        for route in routes.values():
            await machine.pings(route.address, inside=route.inside)
        figures = report.Figures()
        for number in range(rounds + 1):
            for name, route in routes.items():
                took = await _measure(machine, route, seconds)
                if number:
                    figures.note(name, **took)
    figures.table(**dict.fromkeys(took, ".0f"))
    beside.judge(figures, OURS, OWN, (BARE, INNER))


async def _measure(machine: Machine, route: Route, seconds: int) -> dict[str, float]:
    pid = int((machine.directory / "qemu.pid").read_text())
    before = cores.cpu_s(pid)
    client = f"iperf3 --client {route.address} --time {seconds} --json"
    said = await machine.run(f"{route.inside} {client}", timeout_s=TIMEOUT_S)
    used_s = cores.cpu_s(pid) - before
    mbit_per_s = throughput.received(said)
    with turnaround.Answerer(route.target.namespace.inside(), route.address):
        asked = f"{route.inside} {PYTHON} {ASKER} ask {route.address} {REQUESTS}"
        times = msgspec.json.decode(await machine.run(asked, timeout_s=TIMEOUT_S), type=turnaround.Times)
    return {
        "mbit_per_s": mbit_per_s,
        "cpu_us_per_mbit": used_s * 1e6 / (mbit_per_s * seconds),
        "udp_median_us": times.udp_median_us,
        "tcp_median_us": times.tcp_median_us,
    }


async def _routes(
    site: VmSite, machine: Machine, network: VirtualNetwork, parent: VirtualPort
) -> dict[str, Route]:
    target = await site.networking.vm("target", "hv1", await site.port(network))
    other = await site.networking.vm("other", "hv1", await site.port(site.management))
    mtu, own = parent.nic.mtu, parent.nic.addresses[0]
    await machine.run("ovnest agent setup --uplink eth1 && systemctl start ovnest-agent")
    await machine.run(f"ip link set {BRIDGE} mtu {mtu} up; ip address add {own} dev {BRIDGE}")
    await machine.run(
        f"ip netns add web && ovnest agent plug web --network {network.id}", timeout_s=TIMEOUT_S
    )
    await machine.write(ASKER, inspect.getsource(turnaround))
    await _overlay_in_overlay(machine, target, own.partition("/")[0], mtu - GENEVE_BYTES)
    address = target.addresses[0]
    return {
        OURS: Route(inside="ip netns exec web", target=target, address=address),
        OWN: Route(inside="", target=target, address=address),
        BARE: Route(inside="", target=other, address=other.addresses[0]),
        INNER: Route(inside="ip netns exec inner", target=target, address=INNER_ADDRESSES[1]),
    }


async def _overlay_in_overlay(machine: Machine, target: Vm, own: str, mtu: int) -> None:
    """Geneve between the VMs, by hand."""
    tunnel = f"-- set Interface tunnel type=geneve options:remote_ip={target.addresses[0]} options:key=7"
    await machine.run(
        f"""
        ovs-vsctl add-br {INNER_BRIDGE} -- add-port {INNER_BRIDGE} tunnel {tunnel}
        ip netns add inner
        ip link add inner-guest mtu {mtu} type veth peer name eth0 netns inner mtu {mtu}
        ip link set inner-guest up; ovs-vsctl add-port {INNER_BRIDGE} inner-guest
        ip -n inner link set lo up; ip -n inner link set eth0 up
        ip -n inner address add {INNER_ADDRESSES[0]}/24 dev eth0
        """
    )
    await target.ovs.vsctl(
        *("--", "add-br", INNER_BRIDGE, "--", "set", "Bridge", INNER_BRIDGE, "datapath_type=netdev"),
        *("--", "add-port", INNER_BRIDGE, "tunnel"),
        *("--", "set", "Interface", "tunnel", "type=geneve", f"options:remote_ip={own}", "options:key=7"),
    )
    await namespace.disable_tx_checksum_offload(target.namespace, INNER_BRIDGE)
    await target.namespace.ip(
        f"address add {INNER_ADDRESSES[1]}/24 dev {INNER_BRIDGE}", f"link set {INNER_BRIDGE} mtu {mtu} up"
    )


@asynccontextmanager
async def _served(target: Vm) -> AsyncIterator[None]:
    """iperf3 in the target, while the context lasts."""
    process = await asyncio.create_subprocess_exec(
        *target.namespace.inside("iperf3", "--server"),
        env=surroundings(target.environment()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    main()
