#
#   web ── vm-a ══ geneve ══ vm-b ── db      vm-a and vm-b are chassis; both go to the Southbound by TLS, each
#             ╲             ╱                with a certificate of its own, by a way that has the role
#              central: pssl
#
"""`ovnest agent join`: VMs become chassis of an OVN of VMs, and can be given back."""

import asyncio
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ovnest.agent.setup.chassis import openssl
from ovnest.agent.setup.chassis.certificate import Certificates
from ovnest.identity.chassis_ca import ChassisCa
from ovnest.sandbox.capture import Capture, capture
from ovnest.sandbox.errors import CommandFailed
from ovnest.sandbox.frames import Frame
from ovnest.sandbox.process import attempt
from ovnest.sandbox.until import until
from tests.chassis_pki import authority
from tests.chassis_pki import openssl as run_openssl
from tests.dataplane.agent.forging import GENEVE_PORT, ethernet, geneve, send_udp, udp
from tests.dataplane.agent.joined import NAMED_BEFORE, OPEN_PORT, SOUTHBOUND, UPLINK_MTU, Overlay, OverlayVm
from tests.dataplane.agent.site import AgentSite, Guest, VmAgent

pytestmark = pytest.mark.packets
GENEVE_BYTES = 58
NAMES = ("vm-a", "vm-b")
# What is refused, and by whom, does not depend on OVN's release.
on_this_machines_ovn = pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True)


@pytest.fixture
async def overlay(site: AgentSite) -> AsyncIterator[Overlay]:
    overlay = Overlay(site)
    await overlay.secure()
    yield overlay
    await overlay.close()


async def test_two_vms_join_their_containers_talk_and_leave(overlay: Overlay) -> None:
    network = await overlay.site.network()
    a, b = [await overlay.vm(name, network) for name in NAMES]
    vm = a.vm
    assert isinstance(vm, OverlayVm)
    before = await vm.settings()

    said = await overlay.join(a, "--dry-run")
    assert "would have a certificate for vm-a" in said
    assert f"Containers have an MTU of {UPLINK_MTU - GENEVE_BYTES} at most" in said
    assert await vm.settings() == before
    assert not (a.state / "chassis").exists()

    assert f"MTU of {UPLINK_MTU - GENEVE_BYTES} at most" in await overlay.join(a)
    await overlay.join(b)
    assert await overlay.chassis() >= {"vm-a", "vm-b"}
    assert (await vm.settings())["system-id"] == vm.system_id_file.read_text().strip() == "vm-a"
    key = a.state / "chassis" / "key-1.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600

    for agent in (a, b):
        await agent.start()
    web, db = await overlay.site.guest(a.vm, "web"), await overlay.site.guest(b.vm, "db")
    attached = await a.plug(web, network)
    b_port = await b.plug(db, network)
    assert attached["mtu"] == UPLINK_MTU - GENEVE_BYTES
    port = await overlay.site.api.show("port", attached["port_id"])
    assert (port["binding:host_id"], port["status"]) == ("vm-a", "ACTIVE")
    await web.pings(db)
    whole = attached["mtu"] - 28  # IPv4's header and ICMP's
    assert await web.ping(db.addresses[0], size_bytes=whole, whole=True) == 1
    assert (await a.status())["problems"] == []

    await _renewed_without_a_loss(overlay, a, web, db)
    await _no_chassis_writes_anothers_rows(overlay, a, b_port["port_id"])
    await web.pings(db)
    await _a_tunnel_believes_its_other_end(overlay, a, b, db)

    with pytest.raises(CommandFailed, match="detach the containers first"):
        await overlay.teardown(a)
    await a.unplug(web)
    a.stop()
    await overlay.teardown(a)
    assert "vm-a" not in await overlay.chassis()
    assert await vm.settings() == before
    assert vm.system_id_file.read_text() == f"{NAMED_BEFORE}\n"
    assert await vm.ovs.vsctl("get-ssl") == ""
    assert not (a.state / "chassis").exists()
    assert not (vm.directory / "cni" / "ovnest").exists()


async def _no_chassis_writes_anothers_rows(overlay: Overlay, agent: VmAgent, port_id: str) -> None:
    """With vm-a's files, as root there has them. It may claim a port, which its own chassis takes back."""
    held = Certificates(agent.state).find()
    assert held is not None
    files = Certificates(agent.state).files(held.number)
    keys = ("-p", str(files.key), "-c", str(files.certificate), "-C", str(files.ca))

    async def sbctl(*words: str) -> str:
        return await agent.vm.run("ovn-sbctl", f"--db={SOUTHBOUND}", "--timeout=10", *keys, *words)

    chassis = {
        name: await sbctl("--bare", "--columns=_uuid", "find", "Chassis", f"name={name}") for name in NAMES
    }
    for words in (
        ("set", "Chassis", "vm-b", "other_config:x=y"),
        ("destroy", "Chassis", "vm-b"),
        ("destroy", "Chassis_Private", "vm-b"),
        ("set", "Encap", await _encap_of(sbctl, "vm-b"), "ip=192.0.2.66"),
        ("--all", "destroy", "Logical_Flow"),
    ):
        with pytest.raises(CommandFailed, match="permission error"):
            await sbctl(*words)
    await sbctl("set", "Port_Binding", port_id, f"chassis={chassis['vm-a'].strip()}")

    async def holder() -> str:
        return await sbctl("--bare", "--columns=chassis", "find", "Port_Binding", f"logical_port={port_id}")

    await until(
        "vm-b has its port again", holder, accept=lambda seen: seen.strip() == chassis["vm-b"].strip()
    )


async def _a_tunnel_believes_its_other_end(overlay: Overlay, a: VmAgent, b: VmAgent, db: Guest) -> None:
    """Root in vm-a sends to db as somebody whom there is not, past the port security of every port."""
    rows = await overlay.sandbox.central.sbctl(
        "--bare", "--columns=tunnel_key,datapath,mac", "list", "Port_Binding"
    )
    port_key, datapath = next(
        (lines[0], lines[1])
        for block in rows.split("\n\n")
        if len(lines := block.strip().splitlines()) == 3 and db.nic.mac in lines[2]
    )
    network_key = await overlay.sandbox.central.sbctl("get", "Datapath_Binding", datapath, "tunnel_key")
    nobody = "fa:16:3e:66:66:66"
    address = db.addresses[0].rpartition(".")[0] + ".66"
    frame = ethernet(db.nic.mac, nobody, udp(address, db.addresses[0], "forged"))
    packet = geneve(int(network_key), port=int(port_key), frame=frame)
    assert isinstance(a.vm, OverlayVm)
    assert isinstance(b.vm, OverlayVm)
    async with capture(db, db.device, direction="in") as seen:
        await send_udp(a.vm, b.vm.encap_ip, GENEVE_PORT, packet)
        await until("db has got it", lambda: _from(seen, nobody), accept=lambda frames: len(frames) == 1)


async def _from(seen: Capture, mac: str) -> list[Frame]:
    return [frame for frame in seen.frames if frame.source_mac == mac]


async def _encap_of(sbctl: Callable[..., Awaitable[str]], name: str) -> str:
    return (await sbctl("--bare", "--columns=_uuid", "find", "Encap", f"chassis_name={name}")).strip()


async def _renewed_without_a_loss(overlay: Overlay, agent: VmAgent, web: Guest, db: Guest) -> None:
    """Let the certificate be nearly over when the agent starts: it gets another one, and no ping is lost."""
    certificates = Certificates(agent.state)
    files = certificates.files(1)
    ca = ChassisCa(overlay.directory / "ca.pem", overlay.directory / "ca.key")
    short = await ca.sign(openssl.request(files.key, "vm-a"), "vm-a", valid_s=60)
    ca_text = (overlay.directory / "ca.pem").read_text()
    certificates.use(certificates.accept(1, "vm-a", short.pem, ca_text, by_server=True))
    agent.stop()
    pings = asyncio.create_task(web.ping(db.addresses[0], count=60))
    await agent.start()

    async def in_use() -> str:
        return await agent.vm.ovs.vsctl("get-ssl")

    await until("the new key is in use", in_use, accept=lambda seen: "key-2.pem" in seen)
    # The next connection is made with it: the files of the old one are not even there.
    for path in (files.key, files.certificate):
        path.unlink()
    await _reconnect(overlay)
    assert not pings.done(), "it took longer than the pings"
    assert await pings == 60
    await overlay.sandbox.central.nbctl("--wait=hv", "sync")
    held = certificates.find()
    assert held is not None
    assert (held.number, held.by_server) == (2, True)


async def _reconnect(overlay: Overlay) -> None:
    """Let the Southbound end all its connections; wait until vm-a has come again."""
    control = str(overlay.sandbox.central.databases[1].control)
    status, _, complaint = await attempt("ovs-appctl", "-t", control, "ovsdb-server/reconnect")
    assert status == 0, complaint


@on_this_machines_ovn
async def test_what_keeps_a_vm_from_joining_is_said_and_nothing_is_changed(overlay: Overlay) -> None:
    network = await overlay.site.network()
    agent = await overlay.vm("vm-a", network)
    vm = agent.vm
    assert isinstance(vm, OverlayVm)
    before = await vm.settings()
    ip = SOUTHBOUND.split(":")[1]

    # A way without the role: the certificate is good there, and so is everything else.
    await overlay.sandbox.central.sbctl(
        *("--", "--id=@open", "create", "Connection", f"target=pssl\\:{OPEN_PORT}"),
        *("--", "add", "SB_Global", ".", "connections", "@open"),
    )
    for southbound, said in (
        (f"ssl:{ip}:{OPEN_PORT}", "lets this VM write everything"),
        (f"tcp:{ip}:6642", "only by ssl: is a chassis known by its certificate"),
        ("ssl:central.example.org:6642", "it is ssl:IP:PORT"),
    ):
        with pytest.raises(CommandFailed, match=said):
            await overlay.join(agent, southbound=southbound)
    with pytest.raises(CommandFailed, match=r"no device of this machine has the address 192\.0\.2\.99"):
        await overlay.join(agent, "--encap-ip", "192.0.2.99")
    with pytest.raises(CommandFailed, match="go together"):
        await overlay.join(agent, "--certificate", "/nowhere")
    await vm.ovs.vsctl("set-ssl", "/k", "/c", "/ca")
    with pytest.raises(CommandFailed, match=r"has a certificate already \(/c\), which is not ours"):
        await overlay.join(agent)
    await vm.ovs.vsctl("del-ssl")
    await vm.ovs.vsctl("set", "Open_vSwitch", ".", "external_ids:ovn-remote=tcp:192.0.2.1:6642")
    with pytest.raises(CommandFailed, match=r"is a chassis already, of tcp:192\.0\.2\.1:6642"):
        await overlay.join(agent)
    await vm.ovs.vsctl("remove", "Open_vSwitch", ".", "external_ids", "ovn-remote")
    assert await vm.settings() == before
    assert "vm-a" not in await overlay.chassis()
    assert not vm.directory.joinpath("cni").exists()

    nested = await overlay.site.agent(await overlay.site.vm("vm1", "hv1", network), network)
    with pytest.raises(CommandFailed, match="its VM is no chassis"):
        await nested.cli("join", "--southbound", SOUTHBOUND, "--state", str(nested.state))


@on_this_machines_ovn
async def test_a_certificate_of_the_operators_own_ca(overlay: Overlay, tmp_path: Path) -> None:
    network = await overlay.site.network()
    agent = await overlay.vm("vm-a", network)
    # The server has no CA: the request is printed, and stays the same until it is answered.
    async with overlay.site.without_chassis_ca(agent):
        with pytest.raises(CommandFailed, match="the server signs no certificates of chassis"):
            await overlay.join(agent)
        asked = (agent.state / "chassis" / "request-1.pem").read_text()

    async def join_with(ca: Path, name: str) -> str:
        signing = ("-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-days", "30", "-subj", f"/CN={name}")
        certificate = tmp_path / "certificate.pem"
        certificate.write_text(run_openssl("x509", "-req", *signing, stdin=asked))
        trusted = str(overlay.directory / "ca.pem")
        return await overlay.join(agent, "--certificate", str(certificate), "--ca-cert", trusted)

    authority(tmp_path, "other")
    with pytest.raises(CommandFailed, match="cannot be reached with this chassis' certificate"):
        await join_with(tmp_path / "other", "vm-a")
    with pytest.raises(CommandFailed, match="the certificate is for CN=vm-b"):
        await join_with(overlay.directory / "ca", "vm-b")
    assert "vm-a" not in await overlay.chassis()
    assert "MTU" in await join_with(overlay.directory / "ca", "vm-a")
    assert "vm-a" in await overlay.chassis()
    held = Certificates(agent.state).find()
    assert held is not None
    assert not held.by_server  # so nobody but the operator renews it
