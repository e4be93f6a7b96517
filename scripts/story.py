"""The story of a container port, told by the real programs: the API's clients, OVN, packets.

    web (tag 42)         ─┐                              ┌─ far (tag 7)
    db  (the server's tag)┴─ vm1 ── hv1 ══ geneve ══ hv2 ┴─ vm2

Run by scripts/demo. Everything is taken down at the end, whatever the end is, unless it is told to stay.
"""

import argparse
import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import TypeVar
from urllib.request import urlopen

import msgspec
from msgspec import Struct

from ovnest.sandbox.answers import NetworkAnswer, PortAnswer, SubnetAnswer, nic_of
from ovnest.sandbox.concurrency import at_once
from ovnest.sandbox.container import Container
from ovnest.sandbox.directory import take_away
from ovnest.sandbox.endpoint import Endpoint
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.process import Mark, attempt, surroundings
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import Vm
from scripts.screen import Screen, rows_of

NAME = "demo"
PORT = 9696  # the Networking API's own, if nobody has it
NETWORK = "private"
CIDRS = {4: "192.0.2.0/24", 6: "2001:db8:1::/64"}
WEB_TAG, FAR_TAG = 42, 7
START_TIMEOUT_S = 20.0
CLIENT_TIMEOUT_S = 60.0
SERVES = re.compile(r"Networking API on (\S+)")
ROUND_TRIP = re.compile(r"time=([\d.]+) ms")
# What does not matter here, in what the clients and tcpdump say.
BESIDE_THE_POINT = re.compile(r'"subnet_id": "[^"]*", |, subnet_id=\S+|(?<=ICMP echo request), id .*')

Answered = TypeVar("Answered")


class Failed(Exception):
    """The story cannot go on; the message says at which step and why."""


class Cast(Struct, frozen=True, kw_only=True):
    """Who acts, once all is plugged in."""

    vm1: Vm
    vm2: Vm
    web: Container
    db: Container
    far: Container


class Story:
    """The chapters, one after another."""

    def __init__(self, name: str, screen: Screen) -> None:
        self.name = name
        self.screen = screen
        self.url = ""
        self.far_address = ""
        self._environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}

    @property
    def to_try(self) -> tuple[tuple[str, str], ...]:
        """Commands for the nodes, and what they do, for who goes on."""
        return ((f"vm1.db ping {self.far_address}", "db pings far"),)

    async def tell(self) -> None:
        """All of it.

        Raises:
            Failed, SandboxError: something is not as it should be.
        """
        sandbox = await self._ovn()
        await self._api(sandbox)
        network, subnets = await self._network()
        ports = await self._ports()
        await self._rows(ports)
        cast = await self._plug(sandbox, network, subnets, ports)
        await self._pings(cast)
        await self._wire(sandbox, cast)
        await self._silence(sandbox, cast, ports["web"])

    async def _ovn(self) -> Sandbox:
        self.screen.chapter("A whole OVN on this machine: central, two hypervisors, Geneve between them")
        if await take_away(self.name):
            self.screen.say("(an earlier demo was still up; it has been taken down)")
        await self._run("ovnest", "sandbox", "up", "--name", self.name, lines=3)
        sandbox = await Sandbox.find(self.name)
        self._environment["PATH"] = f"{sandbox.path / 'bin'}:{self._environment['PATH']}"
        return sandbox

    async def _api(self, sandbox: Sandbox, *options: str) -> None:
        self.screen.chapter("The Networking API on OVN's Northbound")
        databases = ("--northbound", sandbox.northbound, "--southbound", sandbox.southbound)
        argv = ("ovnest", "serve", *databases, "--listen", f"127.0.0.1:{_free_port()}", *options)
        self.screen.type(argv, suffix=" &")
        began = monotonic()
        log = sandbox.path / "api.log"
        # With the sandbox's mark it is one of the sandbox's processes, and goes when that is taken down.
        environment = surroundings(self._environment | Mark(sandbox.path, "api").environment())
        process = start(argv, environment, log)

        async def served() -> str:
            said = log.read_text(errors="replace")
            if (status := process.poll()) is not None:
                raise Failed(f"ovnest serve ended with status {status}: {said.strip()}")
            found = SERVES.search(said)
            return found[1] if found else ""

        self.url = await until("ovnest serve is ready", served, timeout_s=START_TIMEOUT_S)
        self.screen.took(monotonic() - began)
        exports = {"OS_AUTH_TYPE": "none", "OS_ENDPOINT": self.url, "OVN_NB_DB": sandbox.northbound}
        self._environment |= exports
        self.screen.type(("export", *(f"{name}={value}" for name, value in exports.items())))
        self.screen.took()

    async def _network(self) -> tuple[NetworkAnswer, list[SubnetAnswer]]:
        self.screen.chapter("A network, by the unmodified client")
        made = await self._run("neutron", "net-create", NETWORK, fields=("id", "name", "mtu"))
        network = self._ask(NetworkAnswer, "network", made["id"])
        subnets = []
        for version, cidr in CIDRS.items():
            family = () if version == 4 else ("--ip-version", str(version))
            argv = ("neutron", "subnet-create", *family, NETWORK, cidr)
            made = await self._run(*argv, fields=("cidr", "gateway_ip"))
            subnets.append(self._ask(SubnetAnswer, "subnet", made["id"]))
        return network, subnets

    async def _ports(self) -> dict[str, PortAnswer]:
        self.screen.chapter("A port for a VM, and ports under it for the containers inside that VM")
        fields = ("id", "mac_address", "fixed_ips", "binding:profile", "binding_profile")
        made: dict[str, PortAnswer] = {}

        async def make(who: str, *argv: str) -> str:
            port = (await self._run(*argv, fields=fields))["id"]
            made[who] = self._ask(PortAnswer, "port", port)
            return port

        vm1 = await make("vm1", "neutron", "port-create", NETWORK)
        self.screen.marks[vm1] = "yellow"
        self.screen.say("A container's port: its parent is the VM's port, its tag a VLAN ID.")
        profile = f'{{"parent_name":"{vm1}","tag":{WEB_TAG}}}'
        web = await make("web", "neutron", "port-create", "--binding-profile", profile, NETWORK)
        self.screen.marks[web] = "green"
        self.screen.say("Another client, another container; without a tag the server gives one.")
        named = ("openstack", "port", "create", "--network", NETWORK, "--binding-profile")
        await make("db", *named, f"parent_name={vm1}", "db")
        self.screen.say("A second VM with a container, for the other hypervisor.")
        vm2 = await make("vm2", "neutron", "port-create", "--name", "vm2", NETWORK)
        profile = f'{{"parent_name":"{vm2}","tag":{FAR_TAG}}}'
        await make("far", "neutron", "port-create", "--name", "far", "--binding-profile", profile, NETWORK)
        return made

    async def _rows(self, ports: dict[str, PortAnswer]) -> None:
        self.screen.chapter("What OVN has been told")
        web, db = ports["web"].id, ports["db"].id
        parent = await self._run("ovn-nbctl", "lsp-get-parent", web)
        tag = await self._run("ovn-nbctl", "lsp-get-tag", web)
        given = await self._run("ovn-nbctl", "lsp-get-tag", db)
        if (parent[""], tag[""]) != (ports["vm1"].id, str(WEB_TAG)) or not given[""]:
            raise Failed("that is not the parent and the tag that the API was told")

    async def _plug(
        self,
        sandbox: Sandbox,
        network: NetworkAnswer,
        subnets: Sequence[SubnetAnswer],
        ports: dict[str, PortAnswer],
    ) -> Cast:
        self.screen.chapter("The VMs start, and their containers in them")
        began = monotonic()
        nics = {who: nic_of(port, network, subnets) for who, port in ports.items()}
        tags = {
            who: int(await sandbox.central.nbctl("lsp-get-tag", ports[who].id))
            for who in ("web", "db", "far")
        }
        vm1 = await sandbox.plug_vm("vm1", chassis="hv1", port_id=ports["vm1"].id, nic=nics["vm1"])
        vm2 = await sandbox.plug_vm("vm2", chassis="hv2", port_id=ports["vm2"].id, nic=nics["vm2"])
        cast = Cast(
            vm1=vm1,
            vm2=vm2,
            web=await vm1.plug_container("web", tag=tags["web"], nic=nics["web"]),
            db=await vm1.plug_container("db", tag=tags["db"], nic=nics["db"]),
            far=await vm2.plug_container("far", tag=tags["far"], nic=nics["far"]),
        )

        async def status() -> set[str]:
            return {self._ask(Status, "port", port.id).status for port in ports.values()}

        await until("every port is ACTIVE", status, accept=lambda seen: seen == {"ACTIVE"})
        self.far_address = cast.far.addresses[0]
        rows: list[tuple[str, ...]] = [("", "where", "tag", "IPv4", "IPv6", "status")]
        for who, endpoint in (
            ("vm1", vm1),
            ("web", cast.web),
            ("db", cast.db),
            ("vm2", vm2),
            ("far", cast.far),
        ):
            where = f"container of {endpoint.vm.name}" if isinstance(endpoint, Container) else "VM on "
            where += endpoint.chassis.name if isinstance(endpoint, Vm) else ""
            rows.append((who, where, str(tags.get(who, "")), *endpoint.addresses, self.screen.good("ACTIVE")))
        self.screen.table(rows)
        self.screen.say(f"Plugged in and ACTIVE after {monotonic() - began:.1f} s.")
        return cast

    async def _pings(self, cast: Cast) -> None:
        self.screen.chapter("Packets")
        await self._run("vm1.web", "ping", "-c", "1", "-n", cast.vm1.addresses[0], lines=2)
        rows: list[tuple[str, ...]] = [("from", "to", "", "IPv4", "IPv6")]
        for left, right, how in (
            (cast.web, cast.vm1, "a container and its own VM"),
            (cast.web, cast.db, "two containers of one VM"),
            (cast.web, cast.vm2, "a VM on the other hypervisor"),
            (cast.web, cast.far, "a container on the other hypervisor"),
            (cast.far, cast.db, "and the other way"),
        ):
            times = [await self._round_trip(left, right, address) for address in right.addresses]
            rows.append(
                (_short(left), _short(right), how, *(self.screen.good(f"{ms:.1f} ms") for ms in times))
            )
        self.screen.table(rows)

    async def _wire(self, sandbox: Sandbox, cast: Cast) -> None:
        self.screen.chapter("The tag on the wire")
        self.screen.marks |= {f"vlan {cast.web.tag}": "magenta", f"vlan {cast.db.tag}": "magenta"}
        quiet = ("-n", "-t", "-l", "--immediate-mode", "-c", "1")
        for who in (cast.web, cast.db):
            self.screen.say(f"Between vm1 and its hypervisor, while {_short(who)} pings vm2:")
            wanted = f"vlan {who.tag} and icmp[icmptype] == icmp-echo"
            await self._seen(who, cast.vm2, "hv1", "tcpdump", "-e", *quiet, "-i", cast.vm1.tap, wanted)
        self.screen.say("Between the hypervisors it is Geneve, and the tag is gone:")
        wanted = f"udp port 6081 and dst {sandbox.chassis['hv2'].encap_ip}"
        await self._seen(cast.web, cast.vm2, "central", "tcpdump", *quiet, "-i", "to-hv1", wanted)

    async def _seen(self, who: Endpoint, target: Endpoint, *argv: str) -> None:
        """Show what tcpdump sees while one keeps pinging the other."""

        seen = asyncio.Event()

        async def ping() -> None:
            while not seen.is_set():
                await who.ping(target.addresses[0])

        # Not cancelled: a program that is just being started would be left to nobody.
        pinging = asyncio.create_task(ping())
        try:
            await self._run(*argv)
        finally:
            seen.set()
            await pinging

    async def _silence(self, sandbox: Sandbox, cast: Cast, web: PortAnswer) -> None:
        self.screen.chapter("The container's port is deleted, and the container falls silent")
        await self._run("neutron", "port-delete", web.id)
        await sandbox.sync()
        others = (cast.vm1, cast.db, cast.vm2, cast.far)
        await at_once(each.cannot_ping(cast.web) for each in others)
        rows: list[tuple[str, ...]] = [("from", "to", "IPv4", "IPv6")]
        rows += [(_short(each), "web", *[self.screen.good("no answer")] * 2) for each in others]
        times = [await self._round_trip(cast.db, cast.far, address) for address in cast.far.addresses]
        rows.append(("db", "far", *(self.screen.good(f"{ms:.1f} ms") for ms in times)))
        self.screen.table(rows)

    async def _run(
        self,
        *argv: str,
        lines: int | None = None,
        fields: Sequence[str] = (),
        timeout_s: float = CLIENT_TIMEOUT_S,
    ) -> dict[str, str]:
        """Type a command, and show what it says: its first `lines`, or of its table these fields.

        What it says is given back: the fields of its table, or all of it under "".
        """
        self.screen.type(argv)
        began = monotonic()
        status, said, complaint = await attempt(*argv, env=self._environment, timeout_s=timeout_s)
        self.screen.took(monotonic() - began)
        if status != 0:
            raise Failed(f"`{argv[0]}` ended with status {status}: {(complaint or said).strip()}")
        if not fields:
            told = [BESIDE_THE_POINT.sub("", line) for line in said.splitlines() if line.strip()]
            self.screen.output(told[:lines])
            return {"": said.strip()}
        found = rows_of(said)
        shown = [name for name in fields if found.get(name, "{}") != "{}"]
        width = max(len(name) for name in shown)
        for name in shown:
            for number, line in enumerate(found[name].splitlines()):
                label = name if number == 0 else ""
                self.screen.output([f"{label:{width}}  {BESIDE_THE_POINT.sub('', line)}"])
        return found

    async def _round_trip(self, left: Endpoint, right: Endpoint, address: str) -> float:
        """Milliseconds until the answer; the first packet to another hypervisor is always lost."""

        async def milliseconds() -> float:
            _, said, _ = await attempt(*left.namespace.inside("ping", "-n", "-c", "1", "-W", "1", address))
            found = ROUND_TRIP.search(said)
            return float(found[1]) if found else 0.0

        return await until(f"{_short(left)} gets an answer from {_short(right)} at {address}", milliseconds)

    def _ask(self, kind: type[Answered], singular: str, key: str) -> Answered:
        """What the API answers about one thing."""
        with urlopen(f"{self.url}/v2.0/{singular}s/{key}") as answer:  # noqa: S310  http, on loopback
            return msgspec.convert(msgspec.json.decode(answer.read())[singular], kind)


class Status(Struct, frozen=True):
    """Of a port: no more than its status."""

    status: str


def _short(endpoint: Endpoint) -> str:
    return endpoint.name.rpartition(".")[2]


def start(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    """A program that outlives us, and is not hit by a Control-C that is meant for us."""
    with log.open("wb") as output:
        return subprocess.Popen(argv, env=environment, stdout=output, stderr=output, start_new_session=True)


def _free_port() -> int:
    """PORT, or 0, which lets the system choose, if somebody has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return 0
    return PORT


def _go_on(story: Story) -> None:
    """What to type now."""
    screen, option = story.screen, f"--name {story.name}"
    commands: tuple[tuple[str, str], ...] = (
        (f"export PATH={Path(sys.executable).parent}:$PATH", ""),
        (f"export OS_AUTH_TYPE=none OS_ENDPOINT={story.url}", ""),
        ("openstack port list", "or neutron, or curl"),
        (f"ovnest sandbox shell {option}", "in it ovn-nbctl and ovn-sbctl talk to this OVN,"),
        ("ovn-nbctl show", "and every node is a command:"),
        *story.to_try,
        ("hv1 ovs-vsctl show", "on a hypervisor"),
        (f"ovnest sandbox down {option}", "ends all of it, the API too"),
    )
    screen.say("It stays up. To go on, type:")
    width = max(len(command) for command, what in commands if what)
    for command, what in commands:
        screen.say(f"  {command:{width}}  {screen.paint('dim', f'# {what}')}" if what else f"  {command}")


async def tell(story: Story, *, keep: bool) -> int:
    """Tell a story, and take everything down unless it is to be kept; 0 if all of it came true."""
    screen = story.screen
    told = asyncio.create_task(story.tell())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told.cancel)
    stays = False
    try:
        await told
        screen.say("")
        screen.say(screen.good(f"All of it true, in {screen.seconds:.1f} s."))
        stays = keep
        if stays:
            _go_on(story)
        return 0
    except asyncio.CancelledError:
        screen.complain("interrupted")
        return 1
    except (Failed, SandboxError, OSError) as error:
        screen.complain(str(error))
        return 1
    finally:
        if not stays and await take_away(story.name):
            screen.say(screen.paint("dim", "Taken down: nothing is left running."))


def main(kind: type[Story], description: str) -> int:
    """Tell the story that the command line asks for; 0 if all of it came true."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=description)
    parser.add_argument("--vm", action="store_true", help="the story of real virtual machines")
    parser.add_argument("--keep", action="store_true", help="leave everything running, and say how to go on")
    parser.add_argument("--name", default=NAME, help=f"of the sandbox ({NAME})")
    arguments = parser.parse_args()
    return asyncio.run(tell(kind(arguments.name, Screen()), keep=arguments.keep))


if __name__ == "__main__":
    sys.exit(main(Story, "The story of a container port."))
