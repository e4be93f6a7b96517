"""Claim: 50,000 ports are served in 1.5 times what `ovsdb-client dump` takes to read them, in 1 GiB.

Measured from the start of the process to its first answer, beside the dump of the same database by the C
client, and, where asked for, beside the `ovs` package's IDL.

    scripts/bench first_load [ports ...] [--rounds N] [--idl]
"""

import argparse
import http.client
import subprocess
import time
from pathlib import Path

from bench.rig import cores, report
from bench.rig.database import Database, directory
from bench.rig.deployment import of_size
from bench.rig.idl import IdlClient
from bench.rig.server import Server

SIZES = (15_000, 50_000, 100_000)
ROUNDS = 3
TO_REACH = 1.5
MEMORY_MIB = 1024
ANSWER_TIMEOUT_S = 120.0
LOOK_S = 0.005


def main() -> None:
    """Measure each size in rounds that alternate, then print the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("ports", type=int, nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--idl", action="store_true", help="measure the ovs package's IDL too")
    options = parser.parse_args()
    report.head(
        __doc__,
        f"ovnest, ovsdb-client and IDL on {cores.FIRST}; ovsdb-server and who asks on {cores.SECOND}",
    )
    for ports in options.ports:
        with directory() as where:
            _measure(where, ports, options.rounds, with_idl=options.idl)


def _measure(where: Path, ports: int, rounds: int, *, with_idl: bool) -> None:
    figures = report.Figures()
    cores.pin(0, cores.SECOND)
    dump, ours = f"ovsdb-client dump, {ports:,} ports", f"ovnest, {ports:,} ports"
    with Database(where, "nb") as database:
        port_id = of_size(database, ports).ports[-1]
        database.compact()
        report.row(f"{ports:,} ports: {database.file.stat().st_size / 2**20:.0f} MiB on disk")
        for _ in range(rounds):
            figures.note(dump, seconds=_dump_s(database))
            with Server(database, wait=False) as server:
                seconds = _first_answer_s(server, port_id)
                pid = server.pids[0]
                figures.note(
                    ours,
                    seconds=seconds,
                    rss_mib=cores.rss_mib(pid),
                    peak_mib=cores.peak_rss_mib(pid),
                    cpu_s=server.cpu_s(),
                )
        if with_idl:
            cores.pin(0, cores.FIRST)
            with IdlClient(database) as idl:
                figures.note(f"IDL, {ports:,} ports", seconds=idl.loaded_in_s)
    figures.table(seconds=".2f", cpu_s=".2f", rss_mib=",.0f", peak_mib=",.0f")
    figures.compare("start to first answer / dump", "seconds", ours, dump, TO_REACH, at_least=False)
    report.ratio("peak / 1 GiB", figures.median(ours, "peak_mib") / MEMORY_MIB, 1.0, at_least=False)


def _dump_s(database: Database) -> float:
    argv = [
        "taskset",
        "--cpu-list",
        str(cores.FIRST[0]),
        "ovsdb-client",
        "-vconsole:off",
        "dump",
        database.remote,
    ]
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _first_answer_s(server: Server, port_id: str) -> float:
    """Seconds from the start of the process until it shows a port."""
    end = time.monotonic() + ANSWER_TIMEOUT_S
    status: int | str = "nothing"
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request("GET", f"/v2.0/ports/{port_id}")
            status = connection.getresponse().status
        except ConnectionError as error:
            status = str(error)
        finally:
            connection.close()
        if status == 200:
            return time.perf_counter() - server.started
        time.sleep(LOOK_S)
    raise AssertionError(f"no answer within {ANSWER_TIMEOUT_S} s; seen last: {status}")


if __name__ == "__main__":
    main()
