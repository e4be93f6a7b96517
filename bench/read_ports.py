"""Claim: reads cost the database one echo: a port is shown, and 1,000 are listed, without asking it for rows.

Beside ovsdb-server asked for the same rows by hand: `select` by `_uuid`, and of the whole table. Our reads
begin with an echo to the server, shared by all that wait for it, so that they see every write acknowledged
before them.

    scripts/bench read_ports [rounds]
"""

import sys
from time import perf_counter

from bench.rig import cores, report
from bench.rig.database import Database, directory
from bench.rig.deployment import of_size
from bench.rig.load import Load, Request
from bench.rig.raw import RawClient, transaction
from bench.rig.server import Server

ROUNDS = 9
PORTS = 1000
SHOWN = 1000
LISTS = 20


def main() -> None:
    """Measure in rounds that alternate, then print figures and ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    report.head(__doc__, f"ovnest and raw client on {cores.FIRST}; ovsdb-server and load on {cores.SECOND}")
    cores.pin(0, cores.FIRST)
    figures = report.Figures()
    with directory() as where, Database(where, "nb") as database:
        ports = of_size(database, PORTS).ports
        shows = [Request("GET", f"/v2.0/ports/{ports[each % PORTS]}") for each in range(SHOWN)]
        lists = [Request("GET", "/v2.0/ports")] * LISTS
        some = [Request("GET", "/v2.0/ports?fields=id&fields=name&fields=status")] * LISTS
        page = [Request("GET", "/v2.0/ports?limit=100&sort_key=name&sort_dir=asc")] * LISTS
        selects = [_select([["_uuid", "==", ["uuid", port]]]) for port in ports]
        with RawClient(database) as raw, Server(database) as server, Load() as load:
            load.run(server.port, shows, clients=16)
            for _ in range(rounds):
                figures.note("raw select, one at a time", per_s=_rate(raw, selects, 1))
                figures.note("raw select, 16 in flight", per_s=_rate(raw, selects, 16))
                figures.note("raw select of all 1,000", per_s=_rate(raw, [_select([])] * LISTS, 1))
                for name, asked, clients in (
                    ("show, 1 client", shows, 1),
                    ("show, 16 clients", shows, 16),
                    ("show, 64 clients", shows, 64),
                    ("list all 1,000", lists, 1),
                    ("list all 1,000, 3 fields", some, 1),
                    ("list 100 of 1,000 by name", page, 1),
                ):
                    before = server.cpu_s()
                    done = load.run(server.port, asked, clients=clients)
                    figures.note(
                        name,
                        per_s=done.rate,
                        median_ms=done.median_ms,
                        cpu_us=(server.cpu_s() - before) / len(asked) * 1e6,
                    )
    figures.table(per_s=",.0f", median_ms=".2f", cpu_us=",.0f")
    for ours, theirs, target in (
        ("show, 1 client", "raw select, one at a time", 0.3),
        ("show, 16 clients", "raw select, 16 in flight", 0.3),
        ("show, 64 clients", "raw select, 16 in flight", 0.5),
        ("list all 1,000", "raw select of all 1,000", 3.0),
    ):
        figures.compare(f"{ours} / {theirs}", "per_s", ours, theirs, target)


def _select(where: list[object]) -> bytes:
    return transaction([{"op": "select", "table": "Logical_Switch_Port", "where": where}], durable=False)


def _rate(raw: RawClient, transactions: list[bytes], in_flight: int) -> float:
    began = perf_counter()
    raw.in_flight(transactions, in_flight)
    return len(transactions) / (perf_counter() - began)


if __name__ == "__main__":
    main()
