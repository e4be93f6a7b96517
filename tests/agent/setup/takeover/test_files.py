"""The files by which networkd and ifupdown look after the bridge: from what such files really say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ovnest.agent.errors import NotSetUp
from ovnest.agent.setup.takeover import dhclient, files, ifupdown, managers, networkd
from ovnest.agent.setup.takeover.files import Change

STATIC = """\
# by the installer
[Match]
MACAddress=fa:16:3e:00:00:07
Name=eth0

[Link]
MTUBytes=1442
RequiredForOnline=routable

[Network]
DHCP=ipv6
DNS=192.0.2.53 \\
    192.0.2.54
Domains=example.org

[Address]
Address=192.0.2.7/24
Label=eth0:1

[Route]
Gateway=192.0.2.1
Metric=100

[Route]
Destination=198.51.100.0/24
Gateway=192.0.2.9
Table=77
"""
DROP_IN = "[DHCPv6]\nUseDNS=no\n[Network]\nNTP=192.0.2.123\n"

SIMPLE = """\
# interfaces(5)
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug eth0
iface eth0 inet static
    address 192.0.2.7/24
    gateway 192.0.2.1
    # the other office
    up ip route add 198.51.100.0/24 via 192.0.2.9 dev eth0 || true
    dns-nameservers 192.0.2.53
iface eth0 inet6 auto

auto eth1
iface eth1 inet dhcp
"""


COMMAND = (
    "dhclient -4 -v -i -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases -I "
    "-df /var/lib/dhcp/dhclient6.eth0.leases eth0"
)


def test_the_bridge_has_what_applied_to_the_nic() -> None:
    text = networkd.bridge_text([STATIC, DROP_IN], nic="eth0", bridge="br-ovnest", iaid=77)
    sections = [section.splitlines() for section in text.split("\n\n")]
    assert sections[0][0].startswith("# Written by `ovnest agent setup --take-over eth0`")
    assert ["[Match]", "Name=br-ovnest"] in sections
    assert ["[Link]", "RequiredForOnline=routable"] in sections
    assert ["[Route]", "Destination=198.51.100.0/24", "Gateway=192.0.2.9", "Table=77"] in sections
    assert ["[Route]", "Gateway=192.0.2.1", "Metric=100"] in sections
    for section in ("DHCPv4", "DHCPv6"):
        assert [f"[{section}]", "IAID=77"] in sections
    assert "DNS=192.0.2.53      192.0.2.54" in text
    assert "NTP=192.0.2.123" in text
    for gone in ("eth0\n", "MTUBytes", "fa:16:3e"):
        assert gone not in text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[Network]\nBridge=br0", "under or over another link"),
        ("[Network]\nVLAN=eth0.7", "under or over another link"),
        ("[Link]\nUnmanaged=yes", "told to leave eth0 alone"),
    ],
)
def test_what_a_bridge_cannot_do_for_networkd_is_refused(line: str, said: str) -> None:
    with pytest.raises(NotSetUp, match=said):
        networkd.bridge_text([f"{STATIC}\n{line}\n"], nic="eth0", bridge="br-ovnest", iaid=None)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Writes files of a machine whose root is `tmp_path`, where the modules look for them."""

    def write(path: str, text: str) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    for module, name in (
        *((networkd, each) for each in ("LINKS", "LEASES", "RUNTIME", "PERSISTENT")),
        *((ifupdown, each) for each in ("INTERFACES", "STATE")),
        (managers, "NETWORK_MANAGER"),
    ):
        monkeypatch.setattr(module, name, tmp_path / getattr(module, name).relative_to("/"))
    monkeypatch.setattr(
        networkd, "DIRECTORIES", tuple(tmp_path / each.relative_to("/") for each in networkd.DIRECTORIES)
    )
    return write


def test_networkd_gets_two_files_that_come_before_the_nics_own(machine: Callable[[str, str], Path]) -> None:
    own = machine("etc/systemd/network/20-wired.network", STATIC)
    machine("etc/systemd/network/20-wired.network.d/more.conf", DROP_IN)
    machine("run/systemd/netif/links/7", f"# private\nADMIN_STATE=configured\nNETWORK_FILE={own}\n")
    machine("run/systemd/netif/leases/7", "ADDRESS=192.0.2.7\nCLIENTID=ff0000004d00020000ab11cafe\n")
    found = managers.find("eth0", 7, "br-ovnest")
    assert found.manager is managers.Manager.NETWORKD
    nic, bridge = found.files
    assert [Path(each.path).name for each in found.files] == [
        "05-ovnest-eth0.network",
        "05-ovnest-br-ovnest.network",
    ]
    assert all(Path(each.path).name < own.name for each in found.files)
    assert nic.after is not None
    assert "Name=eth0\n" in nic.after
    assert "LinkLocalAddressing=no" in nic.after
    assert "RequiredForOnline=no" in nic.after
    assert bridge.after is not None
    assert "IAID=77" in bridge.after
    assert "NTP=192.0.2.123" in bridge.after
    assert "KeepConfiguration" not in bridge.after
    assert found.runtime[1].after is not None
    assert "KeepConfiguration=yes" in found.runtime[1].after
    assert all("/run/systemd/network/" in each.path for each in found.runtime)


def test_what_cannot_be_told_is_refused(machine: Callable[[str, str], Path]) -> None:
    own = machine("run/systemd/network/10-netplan-eth0.network", STATIC)
    links = machine("run/systemd/netif/links/7", f"ADMIN_STATE=configured\nNETWORK_FILE={own}\n")
    with pytest.raises(NotSetUp, match="netplan has made"):
        managers.find("eth0", 7, "br-ovnest")
    first = machine("etc/systemd/network/00-eth0.network", STATIC)
    links.write_text(f"ADMIN_STATE=configured\nNETWORK_FILE={first}\n")
    with pytest.raises(NotSetUp, match="comes before any name"):
        managers.find("eth0", 7, "br-ovnest")
    links.write_text("ADMIN_STATE=unmanaged\n")
    assert managers.find("eth0", 7, "br-ovnest").manager is managers.Manager.NOBODY
    manager = machine("run/NetworkManager/devices/7", "[device]\nmanaged=1\n")
    with pytest.raises(NotSetUp, match="NetworkManager looks after eth0"):
        managers.find("eth0", 7, "br-ovnest")
    manager.write_text("[device]\nmanaged=0\n")
    assert managers.find("eth0", 7, "br-ovnest").manager is managers.Manager.NOBODY


def test_ifupdown_brings_up_the_bridge_as_it_did_the_nic(machine: Callable[[str, str], Path]) -> None:
    main = machine("etc/network/interfaces", SIMPLE.replace("/etc/network/interfaces.d", "interfaces.d"))
    machine("etc/network/interfaces.d/.keep", "")
    machine("run/network/ifstate", "lo=lo\neth0=eth0\n")
    found = managers.find("eth0", 7, "br-ovnest")
    assert found.manager is managers.Manager.IFUPDOWN
    changes = {Path(each.path): each for each in found.files}
    ours = changes[main.parent / "interfaces.d" / "ovnest-take-over"]
    assert ours.before is None
    assert ours.after is not None
    assert "auto eth0\niface eth0 inet manual\n" in ours.after
    assert ours.after.endswith(
        "auto br-ovnest\n"
        "iface br-ovnest inet static\n"
        "    address 192.0.2.7/24\n"
        "    gateway 192.0.2.1\n"
        "    up ip route add 198.51.100.0/24 via 192.0.2.9 dev br-ovnest || true\n"
        "    dns-nameservers 192.0.2.53\n"
        "iface br-ovnest inet6 auto\n"
    )
    left = changes[main].after
    assert left is not None
    assert "eth0" not in left
    assert "iface eth1 inet dhcp" in left
    assert "iface lo inet loopback" in left


def test_without_other_files_ours_stands_in_the_one(machine: Callable[[str, str], Path]) -> None:
    text = "auto lo eth0 eth1\niface lo inet loopback\niface eth0 inet dhcp\niface eth1 inet dhcp\n"
    machine("etc/network/interfaces", text)
    (change,) = ifupdown.changes("eth0", "br-ovnest")
    assert change.before == text
    assert change.after is not None
    assert change.after.startswith(
        "auto lo eth1\niface lo inet loopback\niface eth1 inet dhcp\n\n# Written by"
    )
    assert change.after.endswith("auto br-ovnest\niface br-ovnest inet dhcp\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("iface eth1 inet dhcp\n", "no file says `iface eth0`"),
        ("auto /eth*\niface eth0 inet dhcp\n", "by a pattern"),
        ("mapping eth0\n  script x\niface eth0 inet dhcp\n", "by a mapping"),
        ("iface eth0 inet ppp\n", "cannot be moved to a bridge"),
        ("iface eth0 inet dhcp inherits common\n", "cannot be moved to a bridge"),
        ("iface eth0 inet dhcp\n  bridge_ports eth1\n", "cannot be moved to a bridge"),
        ("iface eth0 inet dhcp\n  up ethtool -K eth0 tso off\n", "names eth0"),
    ],
)
def test_what_a_bridge_cannot_do_for_ifupdown_is_refused(
    machine: Callable[[str, str], Path], text: str, said: str
) -> None:
    machine("etc/network/interfaces", text)
    with pytest.raises(NotSetUp, match=said):
        ifupdown.changes("eth0", "br-ovnest")


def test_ifupdowns_state_knows_the_bridge_and_forgets_it(machine: Callable[[str, str], Path]) -> None:
    state = machine("run/network/ifstate", "lo=lo\neth0=eth0\n")
    ifupdown.add_state("br-ovnest")
    ifupdown.add_state("br-ovnest")
    assert state.read_text() == "lo=lo\neth0=eth0\nbr-ovnest=br-ovnest\n"
    ifupdown.remove_state("br-ovnest")
    assert state.read_text() == "lo=lo\neth0=eth0\n"


def test_a_file_is_put_back_unless_somebody_has_changed_it(tmp_path: Path) -> None:
    path = tmp_path / "interfaces"
    path.write_text("before")
    path.chmod(0o640)
    change = Change(path=str(path), before="before", after="after")
    files.revert(change)  # not changed yet
    files.apply(change)
    files.apply(change)
    assert path.read_text() == "after"
    assert path.stat().st_mode & 0o777 == 0o640
    files.check_revertible(change)
    files.revert(change)
    files.revert(change)
    assert path.read_text() == "before"
    path.write_text("somebody's")
    with pytest.raises(NotSetUp, match="was changed since"):
        files.check_revertible(change)
    files.revert(change)
    assert path.read_text() == "somebody's"
    assert [each.name for each in tmp_path.iterdir()] == ["interfaces"]


def test_dhclient_moves_with_its_files() -> None:
    argv = tuple(COMMAND.split())
    moved = dhclient.move(argv, "eth0", "br-ovnest")
    assert " ".join(moved) == (
        "dhclient -4 -v -i -pf /run/dhclient.br-ovnest.pid -lf /var/lib/dhcp/dhclient.br-ovnest.leases -I "
        "-df /var/lib/dhcp/dhclient6.br-ovnest.leases br-ovnest"
    )
    assert dhclient.move(moved, "br-ovnest", "eth0") == argv
    bare = dhclient.move(("dhclient", "eth0"), "eth0", "br-ovnest")
    assert bare[-1] == "br-ovnest"
    assert "/run/dhclient.br-ovnest.pid" in bare
    shared = dhclient.move(("dhclient", "-lf", "/srv/leases", "eth0"), "eth0", "br-ovnest")
    assert "/srv/leases.br-ovnest" in shared
