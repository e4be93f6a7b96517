"""Claim: over HTTP, 100 ports in one request are made at 0.3 of the rate of one hand-written transaction.

Both are durable, have the same rows, and go one at a time; the hand-written transactions are encoded
beforehand.

    scripts/bench bulk_create [rounds]
"""

import sys
from time import perf_counter

import msgspec

from bench.rig import cores, report
from bench.rig.database import Database, directory
from bench.rig.deployment import IPV4, build
from bench.rig.load import Load, Request
from bench.rig.raw import RawClient, transaction
from bench.rig.rows import check_alike, port_body, port_operations
from bench.rig.server import Server

ROUNDS = 11
NETWORKS = 100
BULK = 100
REQUESTS = 10
TO_REACH = 0.3


def main() -> None:
    """Measure in rounds that alternate, then print the ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    report.head(__doc__, f"ovnest and raw client on {cores.FIRST}; ovsdb-server and load on {cores.SECOND}")
    cores.pin(0, cores.FIRST)
    figures = report.Figures()
    with directory() as where:
        seed = Database(where, "seed")
        with seed:
            places = build(seed, NETWORKS, 0, IPV4).places
        for spread, name in ((1, "on one network"), (BULK, "on 100 networks")):
            theirs, mine = seed.copy(f"raw{spread}"), seed.copy(f"ours{spread}")
            with theirs, mine, RawClient(theirs) as raw, Server(mine) as server, Load() as load:
                body = msgspec.json.encode(
                    {"ports": [port_body(places[each % spread]) for each in range(BULK)]}
                ).decode()
                asked = [Request("POST", "/v2.0/ports", body)] * REQUESTS
                load.run(server.port, asked, expect=201)
                for number in range(rounds):
                    bulks = [
                        transaction(port_operations(places[:spread], (number * REQUESTS + each) * BULK, BULK))
                        for each in range(REQUESTS)
                    ]
                    began = perf_counter()
                    raw.one_at_a_time(bulks)
                    rate = BULK * REQUESTS / (perf_counter() - began)
                    figures.note(f"raw, {name}", ports_per_s=rate, request_ms=BULK / rate * 1e3)
                    before = server.cpu_s()
                    done = load.run(server.port, asked, expect=201)
                    figures.note(
                        f"ovnest, {name}",
                        ports_per_s=done.rate * BULK,
                        request_ms=done.median_ms,
                        cpu_us_per_port=(server.cpu_s() - before) / REQUESTS / BULK * 1e6,
                    )
                check_alike(mine, theirs)
    figures.table(ports_per_s=",.0f", request_ms=".1f", cpu_us_per_port=",.0f")
    for name in ("on one network", "on 100 networks"):
        what = f"bulk of {BULK} {name} / raw"
        figures.compare(what, "ports_per_s", f"ovnest, {name}", f"raw, {name}", TO_REACH)


if __name__ == "__main__":
    main()
