"""Claim: over HTTP, ports are made at 0.4 of the rate at which ovsdb-server alone takes their rows.

The other side is ovsdb-server asked by hand-written transactions, encoded beforehand, with the same rows and
equally durable: one at a time beside one client, 16 in flight beside 64 clients. The `ovs` package's IDL
stands beside as the usual way to write a Northbound from Python.

    scripts/bench create_port [rounds]
"""

import sys
from pathlib import Path
from time import perf_counter

import msgspec

from bench.rig import cores, report
from bench.rig.database import Database, directory
from bench.rig.deployment import IPV4, Deployment, build
from bench.rig.idl import IdlClient
from bench.rig.load import Load, Request
from bench.rig.raw import RawClient, transaction
from bench.rig.rows import check_alike, port_body, port_operations
from bench.rig.server import Server

ROUNDS = 9
NETWORKS = 100
ONE_CLIENT = 200
MANY_CLIENTS = 800
TO_REACH = 0.4


class Sides:
    """Both sides, each with a database of its own that began as a copy of the same one."""

    def __init__(self, where: Path) -> None:
        seed = Database(where, "seed")
        with seed:
            self.deployment: Deployment = build(seed, NETWORKS, 0, IPV4)
        self.raw, self.idl, self.ours, self.two = (seed.copy(name) for name in ("raw", "idl", "ours", "two"))
        self._made = 0

    def raw_rate(self, client: RawClient, count: int, in_flight: int) -> float:
        """Ports a second of ovsdb-server, a transaction each."""
        places = self.deployment.places
        asked = [transaction(port_operations(places, self._made + each, 1)) for each in range(count)]
        self._made += count
        began = perf_counter()
        client.in_flight(asked, in_flight)
        return count / (perf_counter() - began)

    def requests(self, count: int) -> list[Request]:
        """As many requests for one port each, the networks taken in turn."""
        places = self.deployment.places
        bodies = [msgspec.json.encode({"port": port_body(place)}).decode() for place in places]
        return [Request("POST", "/v2.0/ports", bodies[each % len(bodies)]) for each in range(count)]


def main() -> None:
    """Measure in rounds that alternate, then print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    report.head(
        __doc__,
        f"ovnest, raw client and IDL on {cores.FIRST}; ovsdb-server and load on {cores.SECOND}; "
        f"two workers on {cores.ALL}",
    )
    cores.pin(0, cores.FIRST)
    with directory() as where:
        sides = Sides(where)
        with sides.raw, sides.idl, sides.ours, sides.two:
            figures = _measure(sides, rounds)
            check_alike(sides.ours, sides.raw)
    figures.table(ports_per_s=",.0f", median_ms=".2f", cpu_us_per_port=",.0f")
    for what, ours, theirs, target in (
        ("1 client / raw, one at a time", "ovnest, 1 worker, 1 client", "raw, one at a time", TO_REACH),
        ("64 clients / raw, 16 in flight", "ovnest, 1 worker, 64 clients", "raw, 16 in flight", TO_REACH),
        ("1 client / IDL", "ovnest, 1 worker, 1 client", "IDL, one at a time", 1.0),
    ):
        figures.compare(what, "ports_per_s", ours, theirs, target)


def _measure(sides: Sides, rounds: int) -> report.Figures:
    figures = report.Figures()
    with (
        RawClient(sides.raw) as raw,
        IdlClient(sides.idl) as idl,
        Server(sides.ours) as one,
        Server(sides.two, workers=2, on=cores.ALL) as two,
        Load() as load,
    ):
        servers = (("1 worker", one), ("2 workers", two))
        for _, server in servers:  # imports, first connections: nobody measures those
            load.run(server.port, sides.requests(200), clients=16, expect=201)

        def ours(clients: int, count: int) -> None:
            for name, server in servers:
                before = server.cpu_s()
                done = load.run(server.port, sides.requests(count), clients=clients, expect=201)
                figures.note(
                    f"ovnest, {name}, {clients} client{'s' if clients > 1 else ''}",
                    ports_per_s=done.rate,
                    median_ms=done.median_ms,
                    cpu_us_per_port=(server.cpu_s() - before) / count * 1e6,
                )

        for _ in range(rounds):
            figures.note("raw, one at a time", ports_per_s=sides.raw_rate(raw, ONE_CLIENT, 1))
            ours(1, ONE_CLIENT)
            figures.note("IDL, one at a time", ports_per_s=idl.rate(sides.deployment.places, ONE_CLIENT))
            ours(16, MANY_CLIENTS)
            ours(64, MANY_CLIENTS)
            figures.note("raw, 16 in flight", ports_per_s=sides.raw_rate(raw, MANY_CLIENTS, 16))
    return figures


if __name__ == "__main__":
    main()
