"""Containers in a real machine, by the runtimes of Debian 12: Docker, and containerd with CNI."""

import json
from typing import Any

from msgspec import Struct

from ovnest.sandbox.guest.machine import Machine
from ovnest.sandbox.until import until
from tests.dataplane.api.networking import VirtualNetwork

IMAGE = "busybox:test"
ROOT = "/srv/root"
APPLETS = "sh ping sleep ip cat ls true"
START_TIMEOUT_S = 120.0
SET_UP = f"""
set -e
ovnest agent setup --uplink eth1
systemctl enable --now ovnest-agent
mkdir -p {ROOT}/bin /etc/cni/net.d
cp /bin/busybox {ROOT}/bin
for applet in {APPLETS}; do ln -s busybox {ROOT}/bin/$applet; done
tar -C {ROOT} -c . | docker import - {IMAGE}
"""


class Inside(Struct, frozen=True, kw_only=True):
    """A container that runs: how a command gets into it, and what it has on its network."""

    name: str
    machine: Machine
    enter: str
    address: str
    mac: str
    tag: int

    async def ping(self, address: str, count: int = 1) -> int:
        return await self.machine.ping(address, count=count, inside=self.enter)

    async def pings(self, address: str) -> None:
        await self.machine.pings(address, inside=self.enter)

    async def run(self, command: str) -> str:
        return await self.machine.run(f"{self.enter} {command}")


async def set_up(machine: Machine, network: VirtualNetwork) -> None:
    """What an operator does once in a machine: the agent, and the network in both runtimes."""
    await machine.booted()
    await machine.run(SET_UP, timeout_s=START_TIMEOUT_S)
    plugins = [{"type": "ovnest", "network": network.id}]
    configuration = {"cniVersion": "0.4.0", "name": "private", "plugins": plugins}
    await machine.write("/etc/cni/net.d/private.conflist", json.dumps(configuration))
    options = f"--ipam-opt network={network.id} -o network={network.id} --subnet {network.subnets[0].cidr}"
    await machine.run(f"docker network create -d ovnest --ipam-driver ovnest {options} private")


async def attachment(machine: Machine, address: str = "", container: str = "") -> dict[str, Any]:
    """What the agent says of the container with this address or id."""
    shown = json.loads((await machine.attempt("ovnest agent status --json")).output)
    for each in shown["attachments"]:
        if container == each["container"] or address in {one.partition("/")[0] for one in each["addresses"]}:
            found: dict[str, Any] = each
            return found
    raise AssertionError(f"the agent has neither {address} nor {container}: {shown}")


async def docker_run(machine: Machine, name: str, address: str) -> Inside:
    """A container of Docker's that is always there, with that address."""
    how = f"--detach --restart always --stop-signal KILL --network private --ip {address}"
    await machine.run(f"docker run {how} --name {name} {IMAGE} sleep 100000", timeout_s=START_TIMEOUT_S)
    return await docker_has(machine, name, address)


async def docker_has(machine: Machine, name: str, address: str) -> Inside:
    """The container that Docker has, once it runs."""

    async def runs() -> bool:
        said = await machine.attempt(f"docker exec {name} true")
        return said.status == 0

    await until(f"container {name} runs", runs, timeout_s=START_TIMEOUT_S)
    enter = f"docker exec {name}"
    found = await attachment(machine, address=address)
    mac = await machine.run(f"{enter} cat /sys/class/net/eth0/address")
    return Inside(name=name, machine=machine, enter=enter, address=address, mac=mac.strip(), tag=found["tag"])


async def ctr_run(machine: Machine, name: str) -> Inside:
    """A container of containerd's, put on the network by CNI."""
    how = f"--detach --cni --env PATH=/bin --rootfs {ROOT} {name}"
    # It hears of SIGTERM: a container's first process must ask for that, and systemd would wait 90 s for it.
    stays = "sh -c 'trap exit TERM; sleep 100000 & wait'"
    await machine.run(f"ctr run {how} {stays}", timeout_s=START_TIMEOUT_S)
    enter = f"ctr task exec --exec-id e$RANDOM$RANDOM {name}"
    found = await attachment(machine, container=f"default-{name}")  # with containerd's namespace before it
    mac = await machine.run(f"{enter} cat /sys/class/net/eth0/address")
    (address, *_) = (each.partition("/")[0] for each in found["addresses"] if ":" not in each)
    return Inside(name=name, machine=machine, enter=enter, address=address, mac=mac.strip(), tag=found["tag"])
