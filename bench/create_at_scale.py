"""Claim: a port among 50,000 costs at most 1.2 times what one among 1,000 costs.

Both databases have ports on networks of the same size; requests alternate between them. northd runs beside
neither.

    scripts/bench create_at_scale [ports [rounds]]
"""

import sys

import msgspec

from bench.rig import cores, report
from bench.rig.database import Database, directory
from bench.rig.deployment import Deployment, of_size
from bench.rig.load import Load, Request
from bench.rig.rows import port_body
from bench.rig.server import Server

PORTS = 50_000
FEW = 1_000
ROUNDS = 15
ONE_CLIENT = 100
MANY_CLIENTS = 400
TO_REACH = 1.2


def main() -> None:
    """Measure in rounds that alternate, then print the ratios."""
    ports = int(sys.argv[1]) if len(sys.argv) > 1 else PORTS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    report.head(__doc__, f"ovnest on {cores.FIRST}; ovsdb-server and load on {cores.SECOND}")
    cores.pin(0, cores.FIRST)
    figures = report.Figures()
    with directory() as where, Database(where, "many") as many, Database(where, "few") as few:
        sides = ((ports, many, of_size(many, ports)), (FEW, few, of_size(few, FEW)))
        with Server(many) as at_many, Server(few) as at_few, Load() as load:
            servers = (at_many, at_few)
            for clients, count in ((16, 200), *((1, ONE_CLIENT), (64, MANY_CLIENTS)) * rounds):
                for (size, database, deployment), server in zip(sides, servers, strict=True):
                    ours, theirs = server.cpu_s(), cores.cpu_s(database.pid)
                    done = load.run(server.port, _requests(deployment, count), clients=clients, expect=201)
                    if clients == 16:
                        continue  # imports, first connections: nobody measures those
                    figures.note(
                        f"{clients} client(s), {size:,} ports",
                        ms_a_port=done.seconds / count * 1e3,
                        ovnest_cpu_us=(server.cpu_s() - ours) / count * 1e6,
                        ovsdb_cpu_us=(cores.cpu_s(database.pid) - theirs) / count * 1e6,
                    )
    figures.table(ms_a_port=".3f", ovnest_cpu_us=",.0f", ovsdb_cpu_us=",.0f")
    for clients in (1, 64):
        names = f"{clients} client(s), {ports:,} ports", f"{clients} client(s), {FEW:,} ports"
        for kind in ("ms_a_port", "ovnest_cpu_us"):
            what = f"{kind}, {clients} client(s): {ports:,} / {FEW:,}"
            figures.compare(what, kind, *names, TO_REACH, at_least=False)


def _requests(deployment: Deployment, count: int) -> list[Request]:
    # The same hundred networks on both sides, so that both have ten ports and those that were made here.
    bodies = [msgspec.json.encode({"port": port_body(place)}).decode() for place in deployment.places[:100]]
    return [Request("POST", "/v2.0/ports", bodies[each % len(bodies)]) for each in range(count)]


if __name__ == "__main__":
    main()
