"""Claim: a container on its VM's port is as fast as the VM's own port.

Real OVN, userspace datapath everywhere: from a container that the agent has attached, to another VM across
Geneve. Beside it, to the same VM: the VM's own address, which is untagged on the same bridge (this is what is
judged); a VM that has no bridge, its NIC being just that; and a container as it would be without us, on
Geneve of the VMs' own between their OVN ports. TCP throughput by iperf3 and the processor's time that all
switches on the way take for it, and the time from a request of 64 bytes to its answer, by UDP and by TCP; in
rounds that alternate.

    scripts/bench container_throughput [--rounds N] [--seconds N]
"""

import argparse
import asyncio

from msgspec import Struct

from bench.rig import agents, beside, cores, report
from bench.rig.turnaround import Answerer, measure
from ovnest.sandbox import namespace, throughput
from ovnest.sandbox.chassis import Chassis
from ovnest.sandbox.endpoint import Endpoint
from ovnest.sandbox.node import Nic
from ovnest.sandbox.vm import INTEGRATION_BRIDGE, Vm
from tests.dataplane.agent.site import AgentSite
from tests.dataplane.api.networking import VirtualNetwork

ROUNDS = 7
SECONDS = 2
REQUESTS = 1000
INNER_BRIDGE = "br-inner"
GENEVE_BYTES = 58  # as OVN counts, options and all
INNER_ADDRESSES = ("192.0.2.1", "192.0.2.2")

OURS, OWN, BARE, INNER = "container", "VM's own", "VM without a bridge", "overlay in the overlay"


class Route(Struct, frozen=True, kw_only=True):
    """Who sends to whom, at which address."""

    client: Endpoint
    server: Endpoint
    address: str


class BareVm(Endpoint):
    """A VM whose NIC is nothing but a NIC."""

    kind = "bare VM"


def main() -> None:
    """Put OVN up, and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    options = parser.parse_args()
    report.head(__doc__, f"OVN, iperf3 and what answers, all on {cores.ALL}")
    asyncio.run(_with_site(options.rounds, options.seconds))


async def _with_site(rounds: int, seconds: int) -> None:
    async with agents.site("through") as here:
        routes = await _routes(here)
        for route in routes.values():
            await route.client.pings(route.address)
        figures = report.Figures()
        for number in range(rounds + 1):
            for name, route in routes.items():
                took = await _measure(here, route, seconds)
                if number:
                    figures.note(name, **took)
    figures.table(**dict.fromkeys(took, ".0f"))
    beside.judge(figures, OURS, OWN, (BARE, INNER))


async def _measure(here: AgentSite, route: Route, seconds: int) -> dict[str, float]:
    nodes: tuple[Chassis | Vm, ...] = (*here.sandbox.chassis.values(), *here.sandbox.vms.values())
    switches = [pid for node in nodes if (pid := node.ovs.switch.pid()) is not None]
    before = sum(map(cores.cpu_s, switches))
    mbit_per_s = await throughput.measure(route.client, route.server, route.address, seconds)
    used_s = sum(map(cores.cpu_s, switches)) - before
    with Answerer(route.server.namespace.inside(), route.address):
        times = await asyncio.to_thread(measure, route.client.namespace.inside(), route.address, REQUESTS)
    return {
        "mbit_per_s": mbit_per_s,
        "cpu_us_per_mbit": used_s * 1e6 / (mbit_per_s * seconds),
        "udp_median_us": times.udp_median_us,
        "udp_p99_us": times.udp_p99_us,
        "tcp_median_us": times.tcp_median_us,
        "tcp_p99_us": times.tcp_p99_us,
    }


async def _routes(here: AgentSite) -> dict[str, Route]:
    network = await here.networking.network()
    vm1, vm2 = await here.vm("vm1", "hv1", network), await here.vm("vm2", "hv2", network)
    agent = await agents.nested(here, vm1, network)
    ours = await here.guest(vm1, "ours")
    await agent.plug(ours, network)
    bare = await _bare(here, network)
    inner = await here.guest(vm1, "inner")
    await _overlay_in_overlay(vm1, vm2, inner)
    target = vm2.addresses[0]
    return {
        OURS: Route(client=ours, server=vm2, address=target),
        OWN: Route(client=vm1, server=vm2, address=target),
        BARE: Route(client=bare, server=vm2, address=target),
        INNER: Route(client=inner, server=vm2, address=INNER_ADDRESSES[1]),
    }


async def _bare(here: AgentSite, network: VirtualNetwork) -> BareVm:
    port = await here.networking.port(network)
    hv1 = here.sandbox.chassis["hv1"]
    vm, tap = BareVm(hv1.place, "bare", port.nic), "tap-bare"
    await vm.create()
    await namespace.connect(
        *(hv1.namespace, tap, vm.namespace, vm.device), mtu=port.nic.mtu, mac=port.nic.mac
    )
    await namespace.disable_tx_checksum_offload(vm.namespace, vm.device)
    await hv1.namespace.ip(f"link set {tap} up")
    await vm.configure()
    await hv1.ovs.vsctl(
        *("--", "add-port", INTEGRATION_BRIDGE, tap),
        *("--", "set", "Interface", tap, f"external_ids:iface-id={port.id}"),
    )
    return vm


async def _overlay_in_overlay(vm1: Vm, vm2: Vm, guest: Endpoint) -> None:
    """Geneve between the VMs, by hand; the guest at one end of it, the other VM itself at the other."""
    mtu = vm1.nic.mtu - GENEVE_BYTES
    for vm, other in ((vm1, vm2), (vm2, vm1)):
        remote = f"options:remote_ip={other.addresses[0]}"
        await vm.ovs.vsctl(
            *("--", "add-br", INNER_BRIDGE, "--", "set", "Bridge", INNER_BRIDGE, "datapath_type=netdev"),
            *("--", "add-port", INNER_BRIDGE, "inner-tunnel"),
            *("--", "set", "Interface", "inner-tunnel", "type=geneve", remote, "options:key=7"),
        )
    await namespace.connect(vm1.namespace, "inner-guest", guest.namespace, guest.device, mtu=mtu)
    await vm1.namespace.ip("link set inner-guest up")
    await vm1.ovs.vsctl("--", "add-port", INNER_BRIDGE, "inner-guest")
    guest.nic = Nic(mac="", addresses=(f"{INNER_ADDRESSES[0]}/24",), mtu=mtu)
    await namespace.disable_tx_checksum_offload(guest.namespace, guest.device)
    await guest.configure()
    await namespace.disable_tx_checksum_offload(vm2.namespace, INNER_BRIDGE)
    await vm2.namespace.ip(
        f"address add {INNER_ADDRESSES[1]}/24 dev {INNER_BRIDGE}", f"link set {INNER_BRIDGE} mtu {mtu} up"
    )


if __name__ == "__main__":
    main()
