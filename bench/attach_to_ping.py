"""Claim: attached by the agent, a container's first ping is answered almost as soon as when done by hand.

Real OVN: CNI ADD by the executable, from its start until a ping that the container sends after it ended is
answered across Geneve; and the same by a shell script: `ovn-nbctl lsp-add` (by its daemon, so that it need
not read the database), `ip link`, `ovs-vsctl add-port`. Alternating, each time with new MACs, addresses and
tags; one at a time, and 16 at once. Beside it the CPU time of it all, with OVN's and the switches', which
says more when others use the processor. Nested: the container under a VM's port, with a tag. Overlay: on the
bridge that OVN runs in the VM.

    scripts/bench attach_to_ping [nested | overlay] [--rounds N] [--rounds-at-once N]
"""

import argparse
import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from msgspec import Struct

from bench.rig import agents, cores, report
from bench.rig.plugger import NEIGHBOUR_RETRANS_MS, Job, Order, Outcome, Plugger
from ovnest.sandbox.chassis import Chassis
from ovnest.sandbox.namespace import Namespace
from ovnest.sandbox.process import surroundings
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.vm import Vm
from tests.dataplane.agent.site import SERVER_ADDRESS, AgentSite, Guest, Machine, VmAgent
from tests.dataplane.api.networking import VirtualNetwork

ROUNDS = 100
ROUNDS_AT_ONCE = 15
AT_ONCE = 16
MEDIAN_TO_REACH = 1.3
P99_TO_REACH = 2.0
INTERVAL_S = 0.002
TIMEOUT_S = 30.0
MTU = 1400
HAND_HOSTS = range(100, 250)
HAND_TAGS = range(1000, 4000)

# What an operator's script does in a VM: the port, the link with its addresses, the port of the switch. $1 is
# the device, $2 the container's namespace, $3 its MAC, $4 and $5 its addresses, $6 the port, $7 its
# tag.
HAND = """
{add} -- lsp-set-addresses $6 "$3 $4 $5" -- lsp-set-port-security $6 "$3 $4 $5"
ip link add $1 mtu $MTU type veth peer name eth0 netns $2 address $3 mtu $MTU
ip link set $1 up
ip -n $2 -batch - <<END
address add $4/24 dev eth0
address add $5/64 dev eth0 nodad
link set eth0 up
route add default via $GATEWAY
route add default via $GATEWAY6
END
ovs-vsctl --db=$OVS add-port $BRIDGE $1 {plug}
"""
HAND_NESTED = HAND.format(add="ovn-nbctl lsp-add $SWITCH $6 $PARENT $7", plug="tag=$7")
HAND_OVERLAY = HAND.format(
    add="ovn-nbctl lsp-add $SWITCH $6", plug="-- set Interface $1 external_ids:iface-id=$6"
)
HAND_UNDO = """
ovs-vsctl --db=$OVS del-port $BRIDGE $1
ip link del $1
ovn-nbctl lsp-del $6
"""

_HURRY = f"echo {NEIGHBOUR_RETRANS_MS} >/proc/sys/net/ipv4/neigh/{Vm.device}/retrans_time_ms"


class Scene(Struct, frozen=True, kw_only=True):
    """Where containers are plugged, in one mode."""

    here: AgentSite
    machine: Machine
    network: VirtualNetwork
    agent: VmAgent
    target: Vm
    guests: list[Guest]
    plugger: Plugger
    hand: str
    parent: str
    nbctl: Path
    pids: list[int]
    """Of the daemons: OVN, the switches, the servers."""


def main() -> None:
    """Put OVN up, and measure in each mode."""
    parser = argparse.ArgumentParser()
    parser.add_argument("modes", nargs="*", default=["nested", "overlay"])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--rounds-at-once", type=int, default=ROUNDS_AT_ONCE)
    options = parser.parse_args()
    report.head(__doc__, f"OVN, server, agent and who asks, all on {cores.ALL}")
    for mode in options.modes:
        asyncio.run(_measure(mode, options.rounds, options.rounds_at_once))


async def _measure(mode: str, rounds: int, rounds_at_once: int) -> None:
    async with agents.site("attach") as here:
        network = await here.networking.network()
        target = await here.vm("vm2", "hv2", network)
        await target.namespace.shell(_HURRY)
        machine: Machine
        if mode == "nested":
            machine = await here.vm("vm1", "hv1", network)
            agent = await agents.nested(here, machine, network)
        else:
            machine = here.sandbox.chassis["hv1"]
            agent = await agents.overlay(here, machine, network)
        guests = [await here.guest(machine, f"c{number}") for number in range(AT_ONCE)]
        await here.sandbox.sync()
        with _nbctl_daemon(here.sandbox) as nbctl:
            plugger = Plugger(machine.namespace.inside())
            try:
                scene = Scene(
                    here=here,
                    machine=machine,
                    network=network,
                    agent=agent,
                    target=target,
                    guests=guests,
                    plugger=plugger,
                    hand=HAND_NESTED if mode == "nested" else HAND_OVERLAY,
                    parent=machine.port_id if isinstance(machine, Vm) else "",
                    nbctl=nbctl,
                    pids=_daemons(here, nbctl),
                )
                await asyncio.to_thread(_compare, scene, mode, rounds, rounds_at_once)
            finally:
                plugger.stop()


def _compare(scene: Scene, mode: str, rounds: int, rounds_at_once: int) -> None:
    ways: dict[str, Callable[[list[Guest]], list[list[Job]]]] = {
        "CNI ADD": lambda guests: _by_cni(scene, guests),
        "by hand": _by_hand(scene),
    }
    for many, how_often in ((1, rounds), (AT_ONCE, rounds_at_once)):
        figures = report.Figures()
        for number in range(how_often + 1):
            for way, jobs in ways.items():
                plug, unplug = jobs(scene.guests[:many])
                _forget_neighbours(scene.target.namespace, scene.target.device)
                before = _used_s(scene)
                outcomes = _carry_out(scene, plug, scene.target.addresses[0])
                used_s = _used_s(scene) - before + sum(outcome.cpu_s for outcome in outcomes)
                removed = _carry_out(scene, unplug, None)
                _rest(scene)
                if number == 0:  # in the first round connections and the flows to the target are made
                    continue
                figures.note(way, cpu_ms=used_s * 1000 / many)
                for outcome in outcomes:
                    figures.note(way, ended_ms=outcome.ended_s * 1000, ping_ms=outcome.answered_s * 1000)
                for outcome in removed:
                    figures.note(way, removed_ms=outcome.ended_s * 1000)
        names = f"{mode}, {many} at once" if many > 1 else f"{mode}, one at a time"
        print(f"  {names}, load {os.getloadavg()[0]:.1f}")
        figures.spread("ping_ms", "ended_ms", "removed_ms")
        ours, theirs = (figures.mean(way, "cpu_ms") for way in ways)
        print(
            f"  CPU ms a container, mean: CNI ADD {ours:.1f}, by hand {theirs:.1f}, ratio {ours / theirs:.2f}"
        )
        figures.judge(f"{names}: median to first ping", "ping_ms", "CNI ADD", "by hand", 50, MEDIAN_TO_REACH)
        figures.judge(f"{names}: p99 to first ping", "ping_ms", "CNI ADD", "by hand", 99, P99_TO_REACH)


def _daemons(here: AgentSite, nbctl: Path) -> list[int]:
    found = [daemon.pid() for node in here.sandbox.nodes for daemon in node.daemons]
    servers = [server.process.pid for server in here.standing.servers]
    return [*(pid for pid in found if pid is not None), *servers, int((nbctl.parent / "pid").read_text())]


def _used_s(scene: Scene) -> float:
    """The CPU time so far of all that is not started for a container alone."""
    assert scene.agent.process is not None
    # The agent's threads come and go, so only its clock ticks have all of them; those of many rounds do.
    return sum(map(cores.cpu_s, scene.pids)) + cores.whole_cpu_s(scene.agent.process.pid)


def _carry_out(scene: Scene, jobs: list[Job], target: str | None) -> list[Outcome]:
    return scene.plugger.run(Order(jobs=jobs, target=target, interval_s=INTERVAL_S, timeout_s=TIMEOUT_S))


def _by_cni(scene: Scene, guests: list[Guest]) -> list[list[Job]]:
    """The executable, called as a runtime calls it: ADD, then DEL."""
    config = {"cniVersion": "1.0.0", "name": "net", "type": "ovnest", "network": scene.network.id}

    def job(command: str, guest: Guest) -> Job:
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": guest.short,
            "CNI_NETNS": str(guest.path),
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(scene.agent.shim.parent),
        }
        return Job(
            argv=[str(scene.agent.shim)],
            environment=surroundings(environment),
            stdin=json.dumps(config),
            netns=str(guest.path),
        )

    return [[job(command, guest) for guest in guests] for command in ("ADD", "DEL")]


def _by_hand(scene: Scene) -> Callable[[list[Guest]], list[list[Job]]]:
    """The script, and what undoes it, with values that no earlier one had a moment ago."""
    numbers = count()
    environment = surroundings(
        {
            "OVN_NB_DAEMON": str(scene.nbctl),
            "SWITCH": f"neutron-{scene.network.id}",
            "PARENT": scene.parent,
            "OVS": scene.machine.ovs.remote,
            "BRIDGE": scene.agent.bridge,
            "MTU": str(MTU),
            "GATEWAY": scene.network.subnets[0].gateway_ip or "",
            "GATEWAY6": scene.network.subnets[1].gateway_ip or "",
        }
    )

    def jobs(guests: list[Guest]) -> list[list[Job]]:
        values = []
        for guest in guests:
            number = next(numbers)
            host, tag = HAND_HOSTS[number % len(HAND_HOSTS)], HAND_TAGS[number % len(HAND_TAGS)]
            mac = f"0a:00:00:00:{number >> 8:02x}:{number & 255:02x}"
            device, port, addresses = f"hand{number}", f"by-hand-{number}", scene.network.addresses(host)
            values.append((device, guest.namespace.name, mac, *addresses, port, str(tag)))
        return [
            [
                Job(
                    argv=["sh", "-ec", script, "hand", *value],
                    environment=environment,
                    stdin="",
                    netns=str(guest.path),
                )
                for value, guest in zip(values, guests, strict=True)
            ]
            for script in (scene.hand, HAND_UNDO)
        ]

    return jobs


def _forget_neighbours(namespace: Namespace, device: str) -> None:
    """Let the target search for whoever pings it: the same for both."""
    _run("ip", "-n", namespace.name, "neigh", "flush", "dev", device)


def _rest(scene: Scene) -> None:
    """Return when OVN has nothing to do any more, and no switch knows a flow of what was.

    Each flow that a switch has cached makes work for some seconds; a round would pay for the one before. But
    that to the server, which passes the switch of a VM that is a chassis, is always there.
    """
    sandbox = scene.here.sandbox
    _run("ovn-nbctl", f"--db={sandbox.northbound}", "--timeout=60", "--wait=hv", "sync")
    nodes: tuple[Chassis | Vm, ...] = (*sandbox.chassis.values(), *sandbox.vms.values())
    for node in nodes:
        _run("ovs-appctl", "-t", str(node.ovs.switch.control), "revalidator/purge")
    _run(*scene.machine.namespace.inside("ping", "-q", "-c", "2", "-i", "0.01", "-W", "1", SERVER_ADDRESS))


@contextmanager
def _nbctl_daemon(sandbox: Sandbox) -> Iterator[Path]:
    """ovn-nbctl's daemon; gives its socket."""
    where = sandbox.path / "nbctl"
    where.mkdir()
    files = (f"--pidfile={where / 'pid'}", f"--unixctl={where / 'ctl'}")
    _run("ovn-nbctl", f"--db={sandbox.northbound}", "-vconsole:off", *files, "--detach")
    try:
        yield where / "ctl"
    finally:
        os.kill(int((where / "pid").read_text()), 15)


def _run(*argv: str, env: dict[str, Any] | None = None) -> None:
    subprocess.run(argv, check=True, env=env, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
