"""Which process runs on which core, and what CPU time it took."""

import os
from collections.abc import Iterable
from pathlib import Path

ALL = tuple(sorted(os.sched_getaffinity(0)))
FIRST = ALL[:1]
"""The core of the side that is measured: ovnest, or the client that stands in its place."""
SECOND = ALL[-1:]
"""The core of what both sides share: ovsdb-server, and the load."""


def pin(pid: int, cores: Iterable[int]) -> None:
    """Let a process (0: this one) run on these cores only."""
    os.sched_setaffinity(pid, cores)


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, all its threads, in seconds.

    Source: proc(5), /proc/pid/schedstat, the first number, in nanoseconds.
    """
    spent_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        spent_ns += int((task / "schedstat").read_text().split()[0])
    return spent_ns / 1e9


def whole_cpu_s(pid: int) -> float:
    """CPU time of a process so far, with that of its threads that have ended, by the kernel's clock ticks.

    Source: proc(5), /proc/pid/stat, utime and stime.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    """Resident memory of a process now, in MiB."""
    return _status_kib(pid, "VmRSS") / 1024


def peak_rss_mib(pid: int) -> float:
    """The most resident memory that a process has had, in MiB."""
    return _status_kib(pid, "VmHWM") / 1024


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def machine() -> str:
    """What is measured on, for the head of a report."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        "unknown processor",
    )  # fmt: skip
    load = os.getloadavg()[0]
    return f"{len(ALL)} cores, {model}, Linux {os.uname().release}, load {load:.1f} at the start"


def _status_kib(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise LookupError(f"/proc/{pid}/status has no {field}")
