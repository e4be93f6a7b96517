"""ifupdown: the stanzas by which it brings up the bridge, and the NIC only as its port.

The NIC's stanzas leave the file they stand in and come back as the bridge's in a file of ours, or at the end
of that one where nothing includes another.

Source: interfaces(5).
"""

import fcntl
import glob
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from ovnest.agent import durable
from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.takeover.files import Change

INTERFACES = Path("/etc/network/interfaces")
OURS = "ovnest-take-over"
STATE = Path("/run/network/ifstate")
MARK = "# Written by `ovnest agent setup --take-over {nic}`; `ovnest agent teardown` puts back what was.\n"

SELECTING = ("auto", "allow-", "no-auto-down", "no-scripts")
STARTING = ("auto", "iface", "mapping", "allow-", "source", "source-directory", "no-auto-down", "no-scripts")
METHODS = {"static", "dhcp", "manual", "auto"}
HOOKS = {"up", "down", "pre-up", "pre-down", "post-up", "post-down"}
# Commands of hooks that mean the way that packets take, which is the bridge's now.
MOVABLE = {
    "ip",
    "/sbin/ip",
    "/bin/ip",
    "/usr/sbin/ip",
    "route",
    "/sbin/route",
    "sysctl",
    "/sbin/sysctl",
    "true",
}
HARDWARE = ("bond", "bridge", "vlan", "wpa", "wireless", "ovs", "hwaddress")

NIC_STANZA = """\
auto {nic}
iface {nic} inet manual
    pre-up [ ! -e /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/{nic}/disable_ipv6
    up ip link set dev {nic} up
    down ip link set dev {nic} down
"""


class Stanza(Struct, frozen=True):
    """Lines of a file that belong together; the first says what they are."""

    lines: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        return _code(self.lines[0]).split()


def is_up(nic: str) -> bool:
    """Whether ifupdown has brought that device up."""
    return any(line.partition("=")[0] == nic for line in _state_lines())


def changes(nic: str, bridge: str) -> tuple[Change, ...]:
    """The files to be changed.

    Raises:
        NotSetUp: what is said of the NIC cannot be said of a bridge, or nothing is.
    """
    texts = {path: path.read_text() for path in _files(INTERFACES)}
    moved, left = [], {}
    for path, text in texts.items():
        rest, found = take_out(text, nic)
        if found:
            moved += found
            left[path] = rest
    if not any(stanza.words[0] == "iface" for stanza in moved):
        raise NotSetUp(f"ifupdown has brought {nic} up, but no file says `iface {nic}`; say so there")
    ours = (
        MARK.format(nic=nic) + "\n" + NIC_STANZA.format(nic=nic) + "\n" + bridge_stanzas(moved, nic, bridge)
    )
    place = INTERFACES.with_name("interfaces.d") / OURS
    if includes(texts[INTERFACES], place):
        left[place] = ours
    else:
        left[INTERFACES] = f"{left.get(INTERFACES, texts[INTERFACES]).rstrip()}\n\n{ours}"
    return tuple(
        Change(path=str(path), before=path.read_text() if path.exists() else None, after=text)
        for path, text in left.items()
    )


def take_out(text: str, nic: str) -> tuple[str, list[Stanza]]:
    """What is left of a file without that device, and the stanzas about it.

    Raises:
        NotSetUp: a stanza is about it by a pattern, or by a mapping.
    """
    left: list[str] = []
    found = []
    for stanza in stanzas(text):
        words = stanza.words
        first = words[0] if words else ""
        if first == "mapping" and nic in words[1:]:
            raise NotSetUp(f"ifupdown chooses {nic}'s configuration by a mapping, which cannot be moved")
        if any(word.startswith("/") and first.startswith(SELECTING) for word in words[1:]):
            raise NotSetUp(f"ifupdown chooses devices by a pattern ({stanza.lines[0].strip()}); name them")
        if first == "iface" and words[1:2] == [nic]:
            found.append(stanza)
        elif first.startswith(SELECTING) and nic in words[1:]:
            found.append(Stanza((f"{first} {nic}",)))
            if others := [word for word in words[1:] if word != nic]:
                left.append(" ".join((first, *others)))
        else:
            left += stanza.lines
    return "\n".join(left).rstrip() + "\n", found


def bridge_stanzas(found: list[Stanza], nic: str, bridge: str) -> str:
    """The NIC's stanzas as the bridge's, which is there when Open vSwitch has started.

    Raises:
        NotSetUp: one of them says something that a bridge cannot do.
    """
    # Not when a device appears, but at once: that of a bridge is no hotplug, and other networks wait for it.
    lines = [f"auto {bridge}"]
    for stanza in found:
        if stanza.words[0] != "iface":
            continue
        words = stanza.words
        if len(words) != 4 or words[3] not in METHODS:
            raise NotSetUp(f"`{stanza.lines[0].strip()}` cannot be moved to a bridge")
        lines.append(f"iface {bridge} {words[2]} {words[3]}")
        lines += [f"    {_moved(line, nic, bridge)}" for line in stanza.lines[1:] if _code(line)]
    return "\n".join(lines) + "\n"


def stanzas(text: str) -> list[Stanza]:
    """The file as stanzas; comments and empty lines go with what stands before them."""
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        words = _code(line).split()
        starts = bool(words) and (words[0] in STARTING or words[0].startswith("allow-"))
        if starts or not found:
            found.append([line])
        else:
            found[-1].append(line)
    return [Stanza(tuple(each)) for each in found]


def includes(text: str, path: Path) -> bool:
    """Whether that file includes the other."""
    return any(
        path.match(pattern) or str(path) in glob.glob(pattern) or Path(pattern) == path.parent
        for pattern in _included(text)
    )


def add_state(bridge: str) -> None:
    """Let ifupdown know that the bridge is up, so that it can take it down."""
    _change_state(
        lambda lines: [*(line for line in lines if line != f"{bridge}={bridge}"), f"{bridge}={bridge}"]
    )


def remove_state(bridge: str) -> None:
    """Let ifupdown forget the bridge."""
    _change_state(lambda lines: [line for line in lines if line.partition("=")[0] != bridge])


def _moved(line: str, nic: str, bridge: str) -> str:
    text = _code(line)
    key, _, value = text.partition(" ")
    if key.startswith(HARDWARE):
        raise NotSetUp(f"ifupdown's `{text}` of {nic} cannot be moved to a bridge")
    if key not in HOOKS:
        return text
    names_nic = re.search(rf"(?<![\w-]){re.escape(nic)}(?![\w-])", value)
    if names_nic and value.split()[0] not in MOVABLE:
        raise NotSetUp(
            f"ifupdown's `{text}` names {nic}: whether that is for the NIC or for the bridge nobody can know "
            f"but you; take it out"
        )
    return f"{key} " + re.sub(rf"(?<![\w-]){re.escape(nic)}(?![\w-])", bridge, value.strip())


def _files(path: Path) -> Iterator[Path]:
    """A file, and those that it includes."""
    if not path.exists():
        raise NotSetUp(f"there is no {path}")
    yield path
    for pattern in _included(path.read_text()):
        for each in sorted(glob.glob(pattern)):
            if Path(each).is_dir():
                names = sorted(Path(each).iterdir())
                yield from (one for one in names if re.fullmatch(r"[\w-]+", one.name) and one.is_file())
            elif Path(each).is_file():
                yield from _files(Path(each))


def _included(text: str) -> list[str]:
    found = []
    for line in text.splitlines():
        words = _code(line).split()
        if words and words[0] in ("source", "source-directory"):
            found += [word if word.startswith("/") else str(INTERFACES.parent / word) for word in words[1:]]
    return found


def _code(line: str) -> str:
    """A line without its comment, which takes a whole line."""
    stripped = line.strip()
    return "" if stripped.startswith("#") else stripped


def _state_lines() -> list[str]:
    try:
        return STATE.read_text().splitlines()
    except FileNotFoundError:
        return []


def _change_state(change: Callable[[list[str]], list[str]]) -> None:
    if not STATE.exists():
        return
    with STATE.with_name(".ifstate.lock").open("a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        durable.rewrite(STATE, "".join(f"{line}\n" for line in change(_state_lines())))
