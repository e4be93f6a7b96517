"""A running ISC dhclient moves from one device to another with its lease.

It is ended by SIGKILL: on SIGTERM its script would take the address away. A second one, with a copy of its
leases under the other device's name, begins by asking for the same address.

Source: dhclient(8), dhclient.leases(5), dhclient-script(8); RFC 2131, 3.2.
"""

import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.errors import LinkFailed, NotSetUp
from ovnest.agent.setup.takeover.commands import SYSTEMD

NAME = "dhclient"
OTHERS = ("dhcpcd", "udhcpc", "dhcp6c")
OWN_UNIT = ("systemd-run", "--quiet", "--collect", "--service-type=forking")
LEASES = "/var/lib/dhcp/dhclient.{device}.leases"
PID_FILE = "/run/dhclient.{device}.pid"
END_TIMEOUT_MS = 5000
START_TIMEOUT_S = 20.0


class Client(Struct, frozen=True):
    """A process and its command line."""

    pid: int
    argv: tuple[str, ...]

    @property
    def name(self) -> str:
        """The program's; some write more behind it, after a colon."""
        return Path(self.argv[0].partition(":")[0]).name


def find(nic: str) -> list[Client]:
    """The dhclients that look after that device.

    Raises:
        NotSetUp: another DHCP client does, which cannot be moved.
    """
    found = []
    for client in _running():
        name = client.name
        if name in OTHERS and (nic in " ".join(client.argv) or name == "dhcpcd"):
            raise NotSetUp(
                f"{name} (process {client.pid}) looks after {nic}; only dhclient and systemd-networkd can be "
                f"moved to the bridge"
            )
        if name == NAME and not _devices(client.argv):
            raise NotSetUp(f"dhclient (process {client.pid}) looks after all devices, not just {nic}")
        if name == NAME and nic in _devices(client.argv):
            if len(_devices(client.argv)) > 1:
                raise NotSetUp(f"dhclient (process {client.pid}) looks after others than {nic}, too")
            found.append(client)
    return found


def stop(device: str) -> None:
    """End those of that device; addresses and routes stay.

    Raises:
        LinkFailed: one does not end.
    """
    for client in _running():
        if client.name == NAME and device in _devices(client.argv):
            with suppress(ProcessLookupError):
                _kill(client.pid)


def move(argv: tuple[str, ...], nic: str, bridge: str) -> tuple[str, ...]:
    """The command line for another device; its files are the other device's, too."""
    words = [_renamed(word, nic, bridge) for word in argv]
    for option, default in (("-lf", LEASES), ("-pf", PID_FILE)):
        if option not in words:
            words[1:1] = [option, default.format(device=bridge)]
        elif argv[argv.index(option) + 1] == words[words.index(option) + 1]:
            words[words.index(option) + 1] += f".{bridge}"
    return tuple(words)


def copy_leases(argv: tuple[str, ...], nic: str, bridge: str) -> None:
    """Let the client of the bridge know the NIC's leases."""
    source, moved = _lease_file(argv), _lease_file(move(argv, nic, bridge))
    if source.exists():
        text = source.read_text(errors="surrogateescape").replace(f'"{nic}"', f'"{bridge}"')
        durable.rewrite(moved, text)


def lease_s(argv: tuple[str, ...]) -> int | None:
    """How long its last lease was for; None where it has none."""
    path = _lease_file(argv)
    found = re.findall(r"option dhcp-lease-time (\d+);", path.read_text()) if path.exists() else []
    return int(found[-1]) if found else None


def start(argv: tuple[str, ...]) -> None:
    """Start it, in the background at once.

    Raises:
        LinkFailed: it does not start.
    """
    words = [argv[0], *(() if "-nw" in argv else ("-nw",)), *argv[1:]]
    if SYSTEMD.exists():
        # A unit of its own: what belongs to ours, or to a login, ends with that.
        words = [*OWN_UNIT, f"--unit=ovnest-dhclient-{token_hex(4)}", *words]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            # A pipe would be held open for as long as it runs.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=START_TIMEOUT_S,
            start_new_session=True,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LinkFailed(f"{argv[0]}: {error}") from error
    if done.returncode:
        raise LinkFailed(f"{' '.join(words)} ends with status {done.returncode}")


def _lease_file(argv: tuple[str, ...]) -> Path:
    return Path(argv[argv.index("-lf") + 1] if "-lf" in argv else "/var/lib/dhcp/dhclient.leases")


def _kill(pid: int) -> None:
    fd = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        if not poller.poll(END_TIMEOUT_MS):
            raise LinkFailed(f"dhclient (process {pid}) does not end")
    finally:
        os.close(fd)


def _running() -> Iterator[Client]:
    """The DHCP clients in our network namespace."""
    ours = os.readlink("/proc/self/ns/net")
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            words = Path(entry.path, "cmdline").read_bytes().split(b"\0")[:-1]
            client = Client(int(entry.name), tuple(map(os.fsdecode, words)))
            if words and client.name in (NAME, *OTHERS) and os.readlink(f"{entry.path}/ns/net") == ours:
                yield client
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile


def _devices(argv: tuple[str, ...]) -> list[str]:
    """The devices that a command line names: what is no option, and no option's value."""
    with_value = {"-p", "-s", "-g", "-D", "-e", "-lf", "-pf", "-cf", "-sf", "-df", "-V", "-F", "-C"}
    with_value |= {"--decline-wait-time", "--address-prefix-len", "--timeout", "--prefix-len-hint"}
    found, words = [], list(argv[1:])
    while words:
        word = words.pop(0)
        if word in with_value:
            words[:1] = []
        elif not word.startswith("-"):
            found.append(word)
    return found


def _renamed(word: str, nic: str, bridge: str) -> str:
    return re.sub(rf"(?<![\w-]){re.escape(nic)}(?![\w-])", bridge, word)
