#
#   office ── hv1 ══ geneve ══ hv2 ── podman (Debian 13): containers by netavark's plugin
#   vm2 ──────┘
#
"""Podman as Debian 13 ships it, in a machine of that Debian, with its systemd, cgroups and restarts."""

import asyncio
import json
from typing import Any

import pytest

from ovnest.sandbox.guest.machine import Machine
from ovnest.sandbox.until import until
from tests.vm.site import VmSite

pytestmark = [pytest.mark.vm, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

IMAGE = "localhost/busybox"
LOAD = f"""
mkdir -p /srv/root/bin /srv/root/etc && cp /bin/busybox /srv/root/bin
for applet in sh ping sleep ip cat; do ln -s busybox /srv/root/bin/$applet; done
tar -C /srv/root -c . | podman import - {IMAGE}
"""
RUN = (
    "podman run --detach --name web --ip 10.2.0.77 --network blue --restart=always --stop-signal KILL "
    f"--cap-add NET_RAW {IMAGE} sleep 10000"
)
FOR_A_WHILE = 50  # pings; they take some seconds


async def _web(machine: Machine) -> dict[str, Any]:
    """What Podman says of its container on the network."""
    (shown,) = json.loads(await machine.run("podman inspect web"))
    assert shown["State"]["Running"], shown["State"]
    found: dict[str, Any] = shown["NetworkSettings"]["Networks"]["blue"]
    return found


async def _restarted(machine: Machine) -> None:
    """Return when Podman's unit has started what is to be always there."""

    async def state() -> str:
        return (await machine.run("systemctl show --property=ActiveState podman-restart")).strip()

    done = ("ActiveState=active", "ActiveState=failed")
    await until("podman-restart has ended", state, accept=lambda seen: seen in done, timeout_s=120.0)
    units = "journalctl --boot --no-pager --lines 50 --unit podman-restart --unit ovnest-agent"
    assert (await machine.run("podman ps --format '{{.Names}}'")).split() == ["web"], await machine.run(units)


async def test_podmans_containers_outlive_the_agent_and_come_back_with_the_machine(site: VmSite) -> None:
    network = await site.network(dns_nameservers=["192.0.2.53"])
    first, parent = await site.port(site.management), await site.port(network)
    vm2 = await site.networking.vm("vm2", "hv1", await site.port(network))
    code = await site.code(parent, network)
    machine = site.machine("podman", "hv2", first, parent, suite="trixie", credentials={"ovnest.code": code})
    await machine.start()
    await machine.booted()
    # QEMU gives these NICs no part in checksums, which is no hindrance even for a bridge in userspace.
    module, call = "ovnest.agent.vm.offload", "set_tx_checksum_offload('eth1', on=False)"
    await machine.run(f'/opt/ovnest/bin/python -c "from {module} import *; {call}"')
    await machine.run("ovnest agent setup --uplink eth1 && systemctl enable --now ovnest-agent")
    await machine.run(LOAD)

    # Podman finds the plugin by itself, where setup has put it.
    await machine.run(f"podman network create -d ovnest -o network={network.id} blue")
    await machine.run(RUN, timeout_s=120.0)
    shown = await _web(machine)
    assert shown["IPAddress"] == "10.2.0.77"
    await vm2.pings("10.2.0.77")
    await machine.pings(vm2.addresses[0], inside="podman exec web")
    await vm2.pings(shown["GlobalIPv6Address"])
    assert "192.0.2.53" in await machine.run("podman exec web cat /etc/resolv.conf")

    # The agent is started anew under traffic.
    answered, _ = await asyncio.gather(
        vm2.ping("10.2.0.77", count=FOR_A_WHILE), machine.run("systemctl restart ovnest-agent")
    )
    assert answered == FOR_A_WHILE

    # A user is told what to do.
    alone = "-K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0"  # else Podman needs newuidmap, which is not there
    user = f"useradd --create-home {alone} user && su - user -c 'podman network create -d ovnest blue'"
    said = await machine.attempt(user)
    assert said.status != 0
    assert "the ovnest agent serves root alone" in said.complaint, said

    # The machine is started anew, and Podman's own unit starts what is to be always there.
    before = await site.containers_of(parent)
    await machine.run("systemctl enable podman-restart && sync")
    await machine.reboot()
    await _restarted(machine)
    await vm2.pings("10.2.0.77")
    assert (await _web(machine))["IPAddress"] == "10.2.0.77"
    (port,) = await site.containers_of(parent)
    assert port["id"] not in {each["id"] for each in before}, "its namespace is another, and so is its port"

    await machine.run("podman rm --force --time 0 web")
    assert await site.containers_of(parent) == []
    assert (await machine.run("ovs-vsctl list-ports br-ovnest")).split() == ["eth1"]
    await machine.stop()
