"""Claim: once ready, the event loop is never away for 20 ms: not in a list of 50,000, nor in a full reload.

A beat that is due every millisecond in the server's own loop measures the loop's CPU time between two beats,
which is what it is to blame for, and the time on the wall, which other processes on the core lengthen.

    scripts/bench loop_stall [ports]
"""

import http.client
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.rig import cores, report
from bench.rig.database import Database, directory
from bench.rig.deployment import Deployment, of_size
from bench.rig.load import Load, Request
from bench.rig.rows import port_body
from bench.rig.server import Server
from bench.rig.stalls import Worst

PORTS = 50_000
TO_REACH_MS = 20.0
RELOAD_TIMEOUT_S = 120.0


def main() -> None:
    """Do each thing, then ask for the worst."""
    ports = int(sys.argv[1]) if len(sys.argv) > 1 else PORTS
    report.head(__doc__, f"ovnest on {cores.FIRST}; ovsdb-server and load on {cores.SECOND}")
    cores.pin(0, cores.SECOND)
    with directory() as where, Database(where, "nb") as database:
        deployment = of_size(database, ports)
        told = where / "worst"
        with Server(database, program=("bench.rig.stalls", str(told))) as server, Load() as load:
            _worst(server, told)
            report.row("the longest time between two beats, ms", "cpu", "wall")
            for name, work in _works(ports, deployment, database, server, load).items():
                work()
                worst = _worst(server, told)
                reached = "" if worst.cpu_ms < TO_REACH_MS else f"   MISSED: to reach < {TO_REACH_MS:g}"
                report.row(name, f"{worst.cpu_ms:.1f}", f"{worst.wall_ms:.1f}", reached)


def _works(
    ports: int, deployment: Deployment, database: Database, server: Server, load: Load
) -> dict[str, Callable[[], object]]:
    place = deployment.places[0]
    one = msgspec.json.encode({"port": port_body(place)}).decode()

    def bulk(count: int) -> list[Request]:
        return [
            Request(
                "POST", "/v2.0/ports", msgspec.json.encode({"ports": [port_body(place)] * count}).decode()
            )
        ]

    def reload() -> None:
        database.stop()
        database.start()
        _await_reload(server)

    lists = [Request("GET", "/v2.0/ports")]
    creates = [Request("POST", "/v2.0/ports", one)] * 1000
    return {
        "nothing, for a second": lambda: time.sleep(1),
        "1,000 ports by 64 clients": lambda: load.run(server.port, creates, clients=64, expect=201),
        f"a list of all {ports:,}": lambda: load.run(server.port, lists),
        f"four lists of all {ports:,} at once": lambda: load.run(server.port, lists * 4, clients=4),
        f"a list of {ports:,} by name": lambda: load.run(
            server.port, [Request("GET", "/v2.0/ports?sort_key=name&sort_dir=asc")]
        ),
        "ovsdb-server started anew: all read again": reload,
        "100 ports in one request": lambda: load.run(server.port, bulk(100), expect=201),
        "1,000 ports in one request": lambda: load.run(server.port, bulk(1000), expect=201),
    }


def _await_reload(server: Server) -> None:
    """Wait until the server has read the database again, without asking it often."""
    end = time.monotonic() + RELOAD_TIMEOUT_S
    status = 0
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=RELOAD_TIMEOUT_S)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
        connection.close()
        if status == 200:
            return
        time.sleep(0.05)
    raise AssertionError(f"not ready within {RELOAD_TIMEOUT_S} s; seen last: {status}")


def _worst(server: Server, told: Path) -> Worst:
    """The worst since it was last asked."""
    told.unlink(missing_ok=True)
    server.tell_heart()
    end = time.monotonic() + RELOAD_TIMEOUT_S
    while not told.exists():
        assert time.monotonic() < end, "the heart says nothing"
        time.sleep(0.01)
    return msgspec.json.decode(told.read_bytes(), type=Worst)


if __name__ == "__main__":
    main()
