"""`ovnest serve` with a heart: how long its event loop lets nothing else run.

`python -m bench.rig.stalls FILE serve …` serves as `ovnest serve …` does. A beat is due every millisecond;
between two beats are measured the time on the wall and the CPU time of the loop's thread. The second is what
the loop itself is to blame for, whoever else uses the core. The worst since the last look is written to FILE
on SIGUSR1.
"""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ovnest.api import worker
from ovnest.cli import main, serve

BEAT_S = 0.001


class Worst(Struct, frozen=True, kw_only=True):
    """The longest times between two beats."""

    wall_ms: float
    cpu_ms: float


class Heart:
    """Beats on the running loop."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._wall = self._cpu = 0.0
        self._look()
        self._loop.add_signal_handler(signal.SIGUSR1, self._tell)
        self._loop.call_later(BEAT_S, self._beat)

    def _look(self) -> None:
        self._wall_at, self._cpu_at = time.perf_counter(), time.thread_time()

    def _beat(self) -> None:
        self._wall = max(self._wall, time.perf_counter() - self._wall_at - BEAT_S)
        self._cpu = max(self._cpu, time.thread_time() - self._cpu_at)
        self._look()
        self._loop.call_later(BEAT_S, self._beat)

    def _tell(self) -> None:
        worst = Worst(wall_ms=self._wall * 1000, cpu_ms=self._cpu * 1000)
        told = self._file.with_suffix(".new")
        told.write_bytes(msgspec.json.encode(worst))
        told.rename(self._file)
        self._wall = self._cpu = 0.0


def serve_with_heart(file: Path, arguments: list[str]) -> int:
    """As `ovnest` with these arguments, with a heart in its loop."""
    work = worker.serve

    async def work_with_heart(*given: Any) -> None:
        Heart(file)
        await work(*given)

    vars(serve)["serve"] = work_with_heart
    return main(arguments)


if __name__ == "__main__":
    sys.exit(serve_with_heart(Path(sys.argv[1]), sys.argv[2:]))
