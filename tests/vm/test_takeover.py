#
#   office ── hv1 ══ geneve ══ hv2 ── a machine with one NIC, which becomes the port of a bridge in it
#
"""`ovnest agent setup --take-over` in real machines: under networkd and ifupdown, restarts included."""

import json

import pytest

from ovnest.sandbox.guest.machine import Machine
from ovnest.sandbox.until import until
from tests.vm.site import VmSite

pytestmark = [pytest.mark.vm, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

BRIDGE = "br-ovnest"
TAKE = "ovnest agent setup --take-over eth0"
INTERFACES = """\
# the machine's own
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

allow-hotplug eth0
iface eth0 inet dhcp
    up ip route add 198.51.100.0/24 dev $IFACE
iface eth0 inet6 auto
"""


async def _devices(machine: Machine) -> dict[str, set[str]]:
    """The addresses of each device that has any, and those that it has routes by."""
    links = json.loads(await machine.run("ip -json address"))
    return {
        link["ifname"]: {f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]}
        for link in links
        if link["ifname"] != "lo" and link["addr_info"]
    }


async def _has(machine: Machine, device: str, address: str) -> None:
    """Return when that device has the address and the default route, and no other has."""

    async def seen() -> str:
        wrong = []
        for name, addresses in (await _devices(machine)).items():
            if any(each.partition("/")[0] == address for each in addresses) != (name == device):
                wrong.append(f"{name} has {addresses}")
        default = await machine.run("ip -4 route show default")
        if f"dev {device} " not in f"{default} ":
            wrong.append(f"default route: {default}")
        return "; ".join(wrong)

    await until(f"{address} is on {device} alone", seen, accept=lambda found: not found, timeout_s=60.0)


async def _dhcp_by(machine: Machine) -> str:
    """The device of the dhclient that runs; networkd has none."""
    return await machine.run("ps -C dhclient -o args= | sed 's/.* //'")


async def _back_and_forth(site: VmSite, machine: Machine, address: str) -> None:
    """All that is done with a machine: on trial, restarted before and after it is confirmed, given back."""
    files = (
        "cat /etc/network/interfaces; ls /etc/systemd/network /etc/network/interfaces.d /etc/systemd/system"
    )
    before = await machine.run(files)

    async def found() -> str:
        return await machine.run(files)

    async def untouched() -> None:
        """The last step of a roll-back takes away what would have done it at the next start."""
        await until("the files are as they were", found, accept=lambda seen: seen == before, timeout_s=30.0)

    await _has(machine, "eth0", address)
    office, client = site.office, await _dhcp_by(machine)

    # A loss of power before the confirmation takes it back.
    said = await machine.run(f"{TAKE} --confirm-within 600")
    assert "have a restart before that give it back" in said
    await _has(machine, BRIDGE, address)
    await office.pings(address)
    await machine.run("sync")
    await machine.reset()
    await _has(machine, "eth0", address)
    await office.pings(address)
    assert await machine.run("ovs-vsctl list-br") == ""
    await untouched()

    # So does its time, and whoever looked after the NIC does so again.
    assert "on trial" in await machine.run(f"{TAKE} --confirm-within 10")
    await _has(machine, "eth0", address)
    await office.pings(address)
    await untouched()
    assert await _dhcp_by(machine) == client

    # Confirmed, it survives a restart.
    await machine.run(TAKE)
    await machine.run("ovnest agent setup --confirm")
    await _has(machine, BRIDGE, address)
    await office.pings(address)
    await machine.reboot()
    await _has(machine, BRIDGE, address)
    await office.pings(address)
    assert "eth0" in await machine.run(f"ovs-vsctl list-ports {BRIDGE}")

    # And it is undone, for good.
    await machine.run("ovnest agent teardown")
    await _has(machine, "eth0", address)
    await office.pings(address)
    await untouched()
    await machine.reboot()
    await _has(machine, "eth0", address)
    await office.pings(address)
    assert await machine.run("ovs-vsctl list-br") == ""


async def test_under_networkd(site: VmSite) -> None:
    port = await site.port(site.management)
    machine = site.machine("networkd", "hv2", port, suite="trixie")
    await machine.start()
    await machine.booted()
    await _back_and_forth(site, machine, await machine.address())
    await machine.stop()


async def test_under_ifupdown(site: VmSite) -> None:
    port = await site.port(site.management)
    machine = site.machine("ifupdown", "hv2", port, suite="bookworm")
    await machine.start()
    await machine.booted()
    await machine.write("/etc/network/interfaces", INTERFACES)
    await machine.run(
        "systemctl disable systemd-networkd systemd-networkd.socket; systemctl enable networking"
    )
    await machine.run("rm /etc/systemd/network/10-eth0.network; sync")
    await machine.reboot()
    await _back_and_forth(site, machine, await machine.address())
    await machine.stop()
