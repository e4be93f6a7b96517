"""systemd-networkd: the files by which it looks after the bridge, and not after the NIC.

The bridge gets a copy of what applied to the NIC. Both files come before the NIC's own by their name; while
the take-over waits to be confirmed they stand in /run, which a restart takes away.

Source: systemd.network(5), networkctl(1).
"""

import re
from collections.abc import Iterable
from pathlib import Path

from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.takeover.commands import run
from ovnest.agent.setup.takeover.files import Change

LINKS = Path("/run/systemd/netif/links")
LEASES = Path("/run/systemd/netif/leases")
RUNTIME = Path("/run/systemd/network")
PERSISTENT = Path("/etc/systemd/network")
DIRECTORIES = (PERSISTENT, RUNTIME, Path("/usr/local/lib/systemd/network"), Path("/usr/lib/systemd/network"))
PREFIXES = ("05-", "00-")
NETPLAN = "netplan"
MARK = "# Written by `ovnest agent setup --take-over {nic}`; `ovnest agent teardown` takes it away.\n"

# What ties a link to others by its own name, and what is said of a piece of hardware.
STACKING = {
    "bridge",
    "bond",
    "vrf",
    "vlan",
    "macvlan",
    "macvtap",
    "ipvlan",
    "ipvtap",
    "vxlan",
    "tunnel",
    "xfrm",
}
LINK_KEYS = {"requiredforonline", "requiredfamilyforonline"}

NIC_TEXT = """\
{mark}
[Match]
Name={nic}

[Link]
RequiredForOnline=no

[Network]
LinkLocalAddressing=no
IPv6AcceptRA=no
LLDP=no
"""


def find_file(index: int) -> Path | None:
    """The file by which networkd looks after that device; None if it does not.

    Raises:
        NotSetUp: it does, by a file that is not written by hand.
    """
    try:
        state = _variables((LINKS / str(index)).read_text())
    except FileNotFoundError:
        return None
    if state.get("ADMIN_STATE") in (None, "unmanaged", "pending", "initialized"):
        return None
    path = state.get("NETWORK_FILE", "")
    if not path:
        return None
    if NETPLAN in Path(path).name:
        raise NotSetUp(
            f"netplan has made {path}, and would make it again; give the machine files of its own for "
            f"networkd first (/etc/systemd/network), or a second NIC for the containers"
        )
    return Path(path)


def changes(nic: str, bridge: str, index: int, path: Path) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """The files to be written for good, and those until then.

    Raises:
        NotSetUp: what applies to the NIC cannot apply to a bridge.
    """
    prefix = next((each for each in PREFIXES if f"{each}ovnest" < path.name), None)
    if prefix is None:
        raise NotSetUp(f"{path} comes before any name that ours could have; give it a later one")
    texts = [path.read_text(), *(each.read_text() for each in drop_ins(path.name))]
    iaid = lease_iaid(index)
    mark = MARK.format(nic=nic)
    final = (
        (f"{prefix}ovnest-{nic}.network", NIC_TEXT.format(mark=mark, nic=nic)),
        (f"{prefix}ovnest-{bridge}.network", bridge_text(texts, nic=nic, bridge=bridge, iaid=iaid)),
    )
    # What the kernel already has on the bridge stays there when networkd comes to it.
    keep = "\n[Network]\nKeepConfiguration=yes\n"
    until = (final[0], (final[1][0], final[1][1] + keep))
    return tuple(_new(PERSISTENT / name, text) for name, text in final), tuple(
        _new(RUNTIME / name, text) for name, text in until
    )


def bridge_text(texts: Iterable[str], *, nic: str, bridge: str, iaid: int | None) -> str:
    """The file for the bridge, from the NIC's and its drop-ins in the order in which they apply.

    Raises:
        NotSetUp: something in them cannot apply to a bridge.
    """
    lines = [MARK.format(nic=nic), "[Match]", f"Name={bridge}"]
    for text in texts:
        section = ""
        for line in _joined(text):
            stripped = line.strip()
            if match := re.fullmatch(r"\[(.+)\]", stripped):
                section = match[1]
                if section not in ("Match", "Link"):
                    lines += ["", stripped]
                continue
            key = stripped.partition("=")[0].strip().lower()
            if not stripped or stripped[0] in "#;" or section == "Match":
                continue
            if section == "Link":
                if key == "unmanaged":
                    raise NotSetUp(f"networkd is told to leave {nic} alone ({stripped})")
                if key in LINK_KEYS:
                    lines += ["", "[Link]", stripped]
                continue
            if section == "Network" and key in STACKING:
                raise NotSetUp(f"networkd puts {nic} under or over another link ({stripped})")
            lines.append(line)
    if iaid is not None:
        # What the lease is known by is made from a device's name, unless it is said.
        for section in ("DHCPv4", "DHCPv6"):
            lines += ["", f"[{section}]", f"IAID={iaid}"]
    return "\n".join(lines) + "\n"


def drop_ins(name: str) -> list[Path]:
    """Those of a file, in the order in which they apply: by name, the first directory's alone."""
    found: dict[str, Path] = {}
    for directory in reversed(DIRECTORIES):
        for path in (directory / f"{name}.d").glob("*.conf"):
            found[path.name] = path
    return [found[each] for each in sorted(found)]


def lease_iaid(index: int) -> int | None:
    """What the NIC's lease is known by, beside the machine; None where there is none.

    Source: RFC 4361, 6.1: 255, four bytes of IAID, the DUID.
    """
    try:
        client = _variables((LEASES / str(index)).read_text()).get("CLIENTID", "")
    except FileNotFoundError:
        return None
    return int(client[2:10], 16) if client.startswith("ff") and len(client) > 10 else None


def reload(*devices: str) -> None:
    """Let networkd read its files again, and apply them to these devices.

    Raises:
        LinkFailed: it does not answer.
    """
    run("networkctl", "reload")
    for device in devices:
        run("networkctl", "reconfigure", device)


def _new(path: Path, text: str) -> Change:
    return Change(path=str(path), before=path.read_text() if path.exists() else None, after=text)


def _joined(text: str) -> list[str]:
    """Lines that end with a backslash go on in the next."""
    return text.replace("\\\n", " ").splitlines()


def _variables(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name: value.strip('"') for name, _, value in pairs}
