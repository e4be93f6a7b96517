"""What gives the NIC back by itself: a process of its own, and a unit for the machine's next start.

It does not depend on who started it: with systemd it is a timer of systemd's, else a process in a session of
its own.
"""

import subprocess
import sys
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime, sleep

from ovnest.agent import durable
from ovnest.agent.setup.takeover.commands import SYSTEMD, run, surroundings
from ovnest.agent.setup.takeover.record import Record, Records

UNIT = "ovnest-roll-back"
GUARD = Path("/etc/systemd/system/ovnest-roll-back-at-boot.service")
WANTED = Path("/etc/systemd/system/multi-user.target.wants") / GUARD.name
POLL_S = 0.2
LOG = "roll-back.log"
GUARD_TEXT = """\
# Written by `ovnest agent setup --take-over`; gone when that is confirmed, or taken back.
[Unit]
Description=ovnest: give the NIC back, whose take-over was not confirmed
ConditionPathExists={waiting}
DefaultDependencies=no
RequiresMountsFor={state} {python}
Wants=ovsdb-server.service
After=ovsdb-server.service local-fs.target
Before=ovs-vswitchd.service systemd-networkd.service networking.service network.target

[Service]
Type=oneshot
TimeoutStartSec=60
# Should the next one not run for whatever reason, the NIC is free at least.
ExecStartPre=-/usr/bin/ovs-vsctl --no-wait --timeout=20 --if-exists del-br {bridge}
ExecStart={command}

[Install]
WantedBy=multi-user.target
"""


def start(records: Records, record: Record) -> None:
    """Have the NIC given back in so many seconds, unless it is confirmed by then."""
    command = (*_command(records), "--after", str(record.within_s), "--of", record.id)
    if SYSTEMD.exists():
        run("systemd-run", "--quiet", "--collect", f"--unit={UNIT}-{record.id}", *command)
        return
    with (records.directory / LOG).open("ab") as log:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=surroundings(),
        )


def wait(records: Records, after_s: float, of: str) -> None:
    """Wait so long, by a clock that goes on while the machine sleeps, or until that record waits no more."""
    until = clock_gettime(CLOCK_BOOTTIME) + after_s
    while clock_gettime(CLOCK_BOOTTIME) < until and records.waits(of):
        sleep(POLL_S)


def guard(records: Records, record: Record) -> None:
    """Have a restart of the machine give the NIC back, before it is configured."""
    if not SYSTEMD.exists():
        return
    text = GUARD_TEXT.format(
        waiting=records.waiting_path,
        state=records.directory,
        python=sys.executable,
        bridge=record.bridge,
        command=" ".join(_command(records)),
    )
    durable.rewrite(GUARD, text)
    WANTED.parent.mkdir(parents=True, exist_ok=True)
    WANTED.unlink(missing_ok=True)
    WANTED.symlink_to(GUARD)


def end() -> None:
    """Let a restart of the machine leave things as they are. The process that waits ends by itself."""
    WANTED.unlink(missing_ok=True)
    GUARD.unlink(missing_ok=True)


def _command(records: Records) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "ovnest", "agent", "setup"),
        *("--roll-back", "--state", str(records.directory)),
    )
