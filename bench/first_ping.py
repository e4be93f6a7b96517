"""Claim: a container port answers its first ping as soon after the request as after ovn-nbctl by hand.

Real OVN 25.03: a container port is made under a parent that is bound, with 100, 1,000 and 10,000 container
ports under unbound parents beside it. Measured from the request: the answer, `up`, and the first reply to a
ping across Geneve. One at a time by the API and by ovn-nbctl (its daemon, so that it need not read the
database each time), alternating; then 100 at once.

    scripts/bench first_ping [container ports ...] [--rounds N]
"""

import argparse
import asyncio
import http.client
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bench.rig import report
from bench.rig.cores import ALL
from bench.rig.deployment import CONTAINERS, of_size
from bench.rig.load import Load, Request
from bench.rig.prober import Container, Order, Prober
from bench.rig.server import Server
from bench.rig.up_watch import UpWatch
from ovnest.sandbox.node import Nic
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.vm import UPLINK, Vm

SIZES = (100, 1_000, 10_000)
ROUNDS = 9
ROUNDS_AT_ONCE = 3
AT_ONCE = 100
CONTAINERS_KNOWN = 1200
RELEASE = "25.03"
TO_REACH = 1.1
AT_ONCE_TO_REACH = 0.1
ONE_INTERVAL_S = 0.002
MANY_INTERVAL_S = 0.02
TIMEOUT_S = 120.0
SYNC_TIMEOUT_S = 300


class Northbound(Struct, frozen=True, kw_only=True):
    """The sandbox's, as the rig knows databases."""

    socket: Path
    remote: str
    file: Path


class Scene(Struct, frozen=True, kw_only=True):
    """The network, its bound parent, whom the containers ping, and how the rows are made."""

    network_id: str
    subnet_id: str
    parent_id: str
    target: Nic
    server: Server
    nbctl_socket: str
    prober: Prober
    watch: UpWatch
    northbound: str


class Made(Struct, frozen=True, kw_only=True):
    """Ports that were made: their names, and when it was asked and answered (`time.monotonic`)."""

    names: set[str]
    began: float
    answered: float


def main() -> None:
    """Put OVN up once for each size, measure, take it down."""
    parser = argparse.ArgumentParser()
    parser.add_argument("ports", type=int, nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    report.head(__doc__, f"OVN {RELEASE}, two hypervisors, ovnest and the load, all on {ALL}")
    for ports in options.ports:
        asyncio.run(_with_sandbox(ports, options.rounds))


async def _with_sandbox(ports: int, rounds: int) -> None:
    sandbox = await Sandbox.up(f"bench-{os.getpid()}", chassis=2, release=RELEASE, owned=True)
    try:
        nb = Northbound(
            socket=sandbox.central.directory / "nb.sock",
            remote=sandbox.northbound,
            file=sandbox.path / "bench.db",
        )
        of_size(nb, ports, CONTAINERS)
        await asyncio.to_thread(_nbctl, sandbox.northbound, "--wait=hv", "sync")
        with Server(nb, on=ALL, options=("--southbound", sandbox.southbound)) as server:
            await _scene(sandbox, nb, server, ports, rounds)
    finally:
        await sandbox.down()


async def _scene(sandbox: Sandbox, nb: Northbound, server: Server, ports: int, rounds: int) -> None:
    network = _post(server, "networks", name="first-ping")
    subnet = _post(server, "subnets", network_id=network["id"], ip_version=4, cidr="10.9.0.0/16")
    vms = []
    for name, chassis in (("vm1", "hv1"), ("vm2", "hv2")):
        port = _post(server, "ports", network_id=network["id"], name=name)
        address = port["fixed_ips"][0]["ip_address"]
        nic = Nic(mac=port["mac_address"], addresses=(f"{address}/16",))
        vms.append(await sandbox.plug_vm(name, chassis=chassis, port_id=port["id"], nic=nic))
    parent, target = vms
    # The target knows the containers already: its own search for them is not what is measured.
    await _introduce(target, [_container(number) for number in range(CONTAINERS_KNOWN)])
    await asyncio.to_thread(_nbctl, sandbox.northbound, "--wait=hv", "sync")
    await parent.pings(target)
    with _nbctl_daemon(nb) as nbctl_socket, UpWatch(nb.socket) as watch:
        prober = Prober(parent.namespace.inside(), UPLINK)
        scene = Scene(
            network_id=network["id"],
            subnet_id=subnet["id"],
            parent_id=parent.port_id,
            target=target.nic,
            server=server,
            nbctl_socket=nbctl_socket,
            prober=prober,
            watch=watch,
            northbound=sandbox.northbound,
        )
        try:
            await asyncio.to_thread(_measure, scene, ports, rounds)
        finally:
            prober.stop()


def _measure(scene: Scene, ports: int, rounds: int) -> None:
    many_ways: dict[str, Callable[[Scene, list[Container]], Made]]
    figures = report.Figures()
    by_api, by_hand = f"API, {ports:,} ports", f"ovn-nbctl, {ports:,} ports"
    # Each is another: for half a second after a port is deleted, Open vSwitch may still pass its packets.
    new = map(_container, range(CONTAINERS_KNOWN))
    for number in range(rounds + 1):
        for name, make in ((by_api, _one_by_api), (by_hand, _one_by_hand)):
            one = next(new)
            took = _first_ping(scene, [one], partial(make, scene, one), ONE_INTERVAL_S)
            if number:  # in the first round the flows to the target are made
                figures.note(name, **took)
    with Load(on=ALL) as load:
        many_ways = {
            f"API, {AT_ONCE} clients, {ports:,} ports": partial(_many_by_api, load=load),
            f"API, {AT_ONCE} in one request, {ports:,} ports": partial(_in_one_by_api, load=load),
            f"ovn-nbctl, {AT_ONCE} in one, {ports:,} ports": _many_by_hand,
        }
        for _ in range(ROUNDS_AT_ONCE):
            for name, make_many in many_ways.items():
                many = list(islice(new, AT_ONCE))
                took = _first_ping(scene, many, partial(make_many, scene, many), MANY_INTERVAL_S)
                figures.note(name, **took)
    figures.table(answer_ms=".1f", up_ms=".1f", ping_ms=".1f")
    what = "request to first ping, API / ovn-nbctl"
    figures.compare(what, "ping_ms", by_api, by_hand, TO_REACH, at_least=False)
    one_ms = figures.median(by_api, "ping_ms")
    for name in many_ways:
        value = figures.median(name, "ping_ms") / AT_ONCE / one_ms
        report.ratio(f"{name} / 100 times one", value, AT_ONCE_TO_REACH, at_least=False)


def _first_ping(
    scene: Scene, containers: list[Container], make: Callable[[], Made], interval_s: float
) -> dict[str, float]:
    """Milliseconds from the request to its answer, to `up`, to the first reply; of several, to the last's.

    The ports are deleted again, and OVN is at rest when this returns.
    """
    order = Order(
        containers=containers,
        target_mac=scene.target.mac,
        target_address=scene.target.addresses[0].partition("/")[0],
        interval_s=interval_s,
        timeout_s=TIMEOUT_S,
    )
    scene.prober.begin(order)
    made = make()
    replies = scene.prober.answered()
    up = scene.watch.when(made.names)
    _nbctl(scene.northbound, *(word for name in made.names for word in ("--", "lsp-del", name)))
    _nbctl(scene.northbound, "--wait=hv", "sync")
    moments = {"answer_ms": made.answered, "up_ms": max(up.values()), "ping_ms": max(replies.values())}
    return {name: (moment - made.began) * 1000 for name, moment in moments.items()}


def _one_by_api(scene: Scene, container: Container) -> Made:
    began = time.monotonic()
    made = _post(scene.server, "ports", **_body(scene, container))
    return Made(names={made["id"]}, began=began, answered=time.monotonic())


def _many_by_api(scene: Scene, containers: list[Container], load: Load) -> Made:
    requests = [
        Request("POST", "/v2.0/ports", msgspec.json.encode({"port": _body(scene, each)}).decode())
        for each in containers
    ]
    done = load.run(scene.server.port, requests, clients=AT_ONCE, expect=201, keep_bodies=True)
    names = {msgspec.json.decode(body)["port"]["id"] for body in done.bodies}
    return Made(names=names, began=done.began, answered=done.began + done.seconds)


def _in_one_by_api(scene: Scene, containers: list[Container], load: Load) -> Made:
    body = msgspec.json.encode({"ports": [_body(scene, each) for each in containers]}).decode()
    done = load.run(scene.server.port, [Request("POST", "/v2.0/ports", body)], expect=201, keep_bodies=True)
    names = {port["id"] for port in msgspec.json.decode(done.bodies[0])["ports"]}
    return Made(names=names, began=done.began, answered=done.began + done.seconds)


def _one_by_hand(scene: Scene, container: Container) -> Made:
    return _many_by_hand(scene, [container])


def _many_by_hand(scene: Scene, containers: list[Container]) -> Made:
    words: list[str] = []
    for each in containers:
        name, owned = _name(each), f"{each.mac} {each.address}"
        words += ["--", "lsp-add", f"neutron-{scene.network_id}", name, scene.parent_id, str(each.tag)]
        words += ["--", "lsp-set-addresses", name, owned, "--", "lsp-set-port-security", name, owned]
    began = time.monotonic()
    _run("ovn-nbctl", *words, env=os.environ | {"OVN_NB_DAEMON": scene.nbctl_socket})
    names = {_name(each) for each in containers}
    return Made(names=names, began=began, answered=time.monotonic())


def _name(container: Container) -> str:
    return f"by-hand-{container.tag}"


def _body(scene: Scene, container: Container) -> dict[str, Any]:
    return {
        "network_id": scene.network_id,
        "mac_address": container.mac,
        "fixed_ips": [{"subnet_id": scene.subnet_id, "ip_address": container.address}],
        "binding:profile": {"parent_name": scene.parent_id, "tag": container.tag},
    }


def _container(number: int) -> Container:
    high, low = number >> 8, number & 255
    return Container(
        mac=f"fa:16:3e:aa:{high:02x}:{low:02x}", address=f"10.9.{high + 1}.{low}", tag=number + 1
    )


async def _introduce(vm: Vm, containers: list[Container]) -> None:
    lines = (f"neigh replace {each.address} lladdr {each.mac} dev {vm.device}" for each in containers)
    await vm.namespace.ip(*lines)


@contextmanager
def _nbctl_daemon(nb: Northbound) -> Iterator[str]:
    """ovn-nbctl's daemon; gives its socket."""
    where = nb.socket.parent
    pid_file = where / "nbctl.pid"
    files = (f"--pidfile={pid_file}", f"--unixctl={where / 'nbctl.ctl'}")
    _run("ovn-nbctl", f"--db={nb.remote}", "--no-leader-only", "-vconsole:off", *files, "--detach")
    try:
        yield str(where / "nbctl.ctl")
    finally:
        os.kill(int(pid_file.read_text()), 15)


def _nbctl(northbound: str, *arguments: str) -> None:
    _run("ovn-nbctl", f"--db={northbound}", f"--timeout={SYNC_TIMEOUT_S}", *arguments)


def _run(*argv: str, env: dict[str, str] | None = None) -> None:
    subprocess.run(argv, check=True, env=env, stdout=subprocess.DEVNULL)


def _post(server: Server, plural: str, **attributes: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
    singular = plural.removesuffix("s")
    body = msgspec.json.encode({singular: attributes})
    connection.request("POST", f"/v2.0/{plural}", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 201, answer
    made: dict[str, Any] = msgspec.json.decode(answer)[singular]
    return made


if __name__ == "__main__":
    main()
