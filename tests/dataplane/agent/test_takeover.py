#
#   vm1 ── hv1 ══ geneve ══ hv2 ── vm2      vm1's only NIC becomes the port of a bridge in it
#
"""`ovnest agent setup --take-over`: on trial, confirmed, taken back, and given back for good."""

from collections.abc import AsyncIterator

import pytest

from ovnest.agent.crash_point import CRASH_STATUS
from ovnest.agent.setup.takeover.steps import CONFIRM, GIVE_BACK, LEAVE, TAKE_OVER, Step
from ovnest.sandbox.capture import capture
from ovnest.sandbox.errors import CommandFailed
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import UPLINK
from tests.dataplane.agent.site import AgentSite, kill
from tests.dataplane.agent.taking import BRIDGE, OnlyNic, Pings, Stream, text_of

# What the agent does in the VM does not depend on OVN's release.
pytestmark = [
    pytest.mark.packets,
    pytest.mark.parametrize("standing_sandbox", ["host"], indirect=True),
]

# Of 50 a second: what is under way when one datapath hands over to the other.
LOST_AT_MOST = 5
TAKE = ("--take-over", UPLINK)
SOON_S = "3"
AT_ONCE_S = "1"
ENDED = f"status {CRASH_STATUS}"


@pytest.fixture
async def machine(site: AgentSite) -> AsyncIterator[OnlyNic]:
    """A VM that has nothing but a NIC with addresses and routes of all kinds."""
    network = await site.network()
    made = await OnlyNic.of(await site.vm("vm1", "hv1", network))
    await made.vm.run("ethtool", "-K", UPLINK, "tx", "on")
    await made.vm.namespace.ip(
        f"address add 192.0.2.9/28 dev {UPLINK} label {UPLINK}:1 valid_lft 4000 preferred_lft 3000",
        f"address add 2001:db8::9/64 dev {UPLINK} nodad valid_lft 4000 preferred_lft 3000",
        f"route add 198.51.100.0/24 via 192.0.2.1 dev {UPLINK} proto static src 192.0.2.9 mtu 1300",
        f"route add default via 192.0.2.1 dev {UPLINK} table 77",
        f"route add 2001:db8:7::/48 via 2001:db8::1 dev {UPLINK} table 78 metric 9",
        "rule add from 192.0.2.9 table 77",
        f"neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev {UPLINK}",
    )
    await made.vm.run("sh", "-c", f"echo 1 >/proc/sys/net/ipv4/conf/{UPLINK}/arp_ignore")
    own = ["2001:db8::9", *(each.partition("/")[0] for each in made.vm.addresses if ":" in each)]

    async def local_routes() -> str:
        return await made.vm.run("ip", "-6", "route", "show", "table", "local")

    # Which the kernel makes a moment after the address.
    await until(
        "all addresses are there",
        local_routes,
        accept=lambda routes: all(f"local {each} " in routes for each in own),
    )
    yield made
    await made.ends()


async def test_a_nic_is_taken_over_under_traffic_confirmed_and_given_back(site: AgentSite) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    machine = await OnlyNic.of(vm1)
    agent = await site.agent(vm1, network)
    await vm1.pings(vm2)
    before = await machine.have()
    stream, pings = Stream(vm1, vm2), Pings(vm1, vm2.addresses[0])
    await stream.connect()
    assert stream.echoes("before")

    said = await machine.setup(*TAKE)
    assert "ovnest agent setup --confirm" in said
    assert stream.echoes("on trial")
    count, lost = pings.stop()
    assert lost <= LOST_AT_MOST, f"{lost} pings of {count} were lost"
    (link,) = await machine.addresses(BRIDGE)
    assert link["address"] == vm1.nic.mac
    assert link["mtu"] == vm1.nic.mtu
    assert await machine.setup("--confirm")
    await machine.setup(*TAKE)  # and once more: it is said that it is so

    # As after a restart of the machine, which forgets what devices and packet filters were told.
    await vm1.run("nft", "flush", "ruleset")
    await vm1.run("ethtool", "-K", UPLINK, "tx", "on")
    # Containers on the same bridge, and the VM's own traffic without a tag.
    await agent.start(bridge=BRIDGE)
    assert await vm1.tcp_mbit_per_s(vm2) > 0
    web = await site.guest(vm1, "web")
    tag = (await agent.plug(web, network))["tag"]
    await web.pings(vm2)
    assert await web.tcp_mbit_per_s(vm2) > 0
    async with vm1.capture("in") as sent, capture(vm1, BRIDGE) as own:
        await vm1.pings(vm2)
        await web.pings(vm2)
        await web.cannot_ping("10.1.0.250")  # which it asks all for
    assert sent.tags_from(vm1.nic.mac) == {None}
    assert sent.tags_from(web.nic.mac) == {tag}
    assert own.frames
    assert {frame.tag for frame in own.frames} == {None}, "the VM's own NIC gets nothing of the containers"
    assert stream.echoes("confirmed")
    with pytest.raises(CommandFailed, match="detach the containers first"):
        await machine.setup(verb="teardown")
    await agent.unplug(web)
    agent.stop()

    pings = Pings(vm1, vm2.addresses[0])
    await machine.setup(verb="teardown")
    assert stream.echoes("given back")
    count, lost = pings.stop()
    assert lost <= LOST_AT_MOST, f"{lost} pings of {count} were lost"
    await machine.is_as(before)
    stream.stop()
    await machine.ends()


async def test_what_is_not_confirmed_takes_itself_back(machine: OnlyNic) -> None:
    before = await machine.have()
    assert (await machine.setup(*TAKE, "--dry-run")).startswith("would write down in ")
    assert await machine.have() == before
    assert not machine.state.exists()

    await machine.setup(*TAKE, "--confirm-within", SOON_S)
    taken = await machine.have()
    assert taken["bridges"] == f"{BRIDGE}\n"
    (link,) = await machine.addresses(BRIDGE)
    addresses = {f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]}
    assert {"192.0.2.9/28", "2001:db8::9/64", *machine.vm.nic.addresses} < addresses
    assert (await machine.addresses(UPLINK))[0]["addr_info"] == []
    with pytest.raises(CommandFailed, match="a take-over waits already"):
        await machine.setup(*TAKE)
    with pytest.raises(CommandFailed, match="a take-over waits to be confirmed"):
        await machine.setup(verb="teardown")
    await machine.is_as(before)
    with pytest.raises(CommandFailed, match="no take-over waits to be confirmed"):
        await machine.setup("--confirm")
    assert "as it was" in text_of(machine.log)

    # By hand, too, and without any of the VM's daemons.
    await machine.setup(*TAKE)
    assert "is as it was" in await machine.setup("--roll-back")
    await machine.is_as(before)


async def test_a_lease_goes_with_the_nic_and_comes_back(site: AgentSite) -> None:
    network = await site.network()
    vm1, vm2 = await site.vm("vm1", "hv1", network), await site.vm("vm2", "hv2", network)
    machine = await OnlyNic.of(vm1, addresses=False)
    address = await machine.ask_dhcp()
    assert f"{address}/24" in vm1.nic.addresses
    before = await machine.have()
    await until("vm2 answers", lambda: vm1.ping(vm2.addresses[0]))

    pings = Pings(vm1, vm2.addresses[0])
    said = await machine.setup(*TAKE)
    assert f"end `dhclient -4 -i -pf {vm1.directory}/dhclient.{UPLINK}.pid" in said
    assert await machine.dhclients() == [BRIDGE]

    async def asked_again() -> str:
        return machine.leases(BRIDGE)

    # The copy, and what the server has acknowledged since.
    await until("the lease is the bridge's", asked_again, accept=lambda text: text.count("lease {") == 2)
    count, lost = pings.stop()
    assert lost <= LOST_AT_MOST, f"{lost} pings of {count} were lost"
    (link,) = await machine.addresses(BRIDGE)
    (lease,) = [each for each in link["addr_info"] if each["family"] == "inet"]
    assert lease["local"] == address
    assert lease["dynamic"]
    assert lease["valid_life_time"] > 0

    pings = Pings(vm1, vm2.addresses[0])
    await machine.setup("--roll-back")
    assert await machine.dhclients() == [UPLINK]
    await machine.is_as(before)
    count, lost = pings.stop()
    assert lost <= LOST_AT_MOST, f"{lost} pings of {count} were lost"
    await machine.ends()


async def test_what_a_router_advertises_goes_with_the_nic_and_comes_back(site: AgentSite) -> None:
    mode = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
    network = await site.network(ipv6=mode)
    await site.networking.router(network, ipv6_ra_configs="address_mode=slaac")
    vm1 = await site.vm("vm1", "hv1", network)
    machine = await OnlyNic.of(vm1, addresses=False)
    (own,) = [each for each in vm1.nic.addresses if ":" in each]

    async def advertised(device: str) -> list[str]:
        (link,) = await machine.addresses(device)
        addresses = [f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]]
        routes = (await vm1.run("ip", "-6", "route", "show", "default", "dev", device)).splitlines()
        return [each for each in addresses if each == own] + [route.split(" expires")[0] for route in routes]

    await vm1.namespace.ip(f"link set {UPLINK} down", f"link set {UPLINK} up")  # which asks for it
    seen = await until(
        "the router has said it", lambda: advertised(UPLINK), accept=lambda found: len(found) == 2
    )
    assert "proto ra metric 1024" in seen[1]
    before = await machine.have()

    await machine.setup(*TAKE)
    # Not a copy that would expire, but the kernel's own, from an advertisement to the bridge.
    assert await advertised(BRIDGE) == seen
    assert await advertised(UPLINK) == []
    (gateway,) = [each for each in vm1.nic.gateways if ":" in each] or [seen[1].split()[2]]
    assert await vm1.ping(f"{gateway}%{BRIDGE}" if gateway.startswith("fe80") else gateway, count=3)
    await machine.setup("--confirm")
    await machine.setup(verb="teardown")
    await machine.is_as(before)
    await machine.ends()


@pytest.mark.parametrize("lost", ["ovs-vswitchd", "ovsdb-server", "both"])
async def test_it_takes_itself_back_when_open_vswitch_is_gone(machine: OnlyNic, lost: str) -> None:
    vm1, ovs = machine.vm, machine.vm.ovs
    before = await machine.have()
    await machine.setup(*TAKE, "--confirm-within", SOON_S)
    gone = {"ovs-vswitchd": [ovs.switch], "ovsdb-server": [ovs.server], "both": [ovs.switch, ovs.server]}[
        lost
    ]
    for daemon in gone:
        await kill(daemon)

    async def addresses() -> set[str]:
        (link,) = await machine.addresses(UPLINK)
        return {f"{each['local']}/{each['prefixlen']}" for each in link["addr_info"]}

    await until(
        "the NIC has its addresses",
        addresses,
        accept=lambda seen: set(vm1.nic.addresses) <= seen,
        timeout_s=40.0,
    )
    if lost != "ovs-vswitchd":
        # Once there is a database again, the bridge leaves it, and the NIC is not taken a second time.
        assert (machine.state / "taking-over.json").exists()
        await vm1.start(ovs.server)
    await machine.waits_no_more()
    if lost != "ovsdb-server":
        await vm1.start(ovs.switch)
    await machine.is_as(before)


async def test_what_cannot_be_taken_over_is_refused_and_left(machine: OnlyNic) -> None:
    vm1 = machine.vm
    before = await machine.have()

    async def refused(said: str, *words: str, path: str = "") -> None:
        with pytest.raises(CommandFailed, match=said):
            await machine.setup(*(words or TAKE), path=path)

    await refused("there is no NIC nowhere", "--take-over", "nowhere")
    await refused("is the loopback", "--take-over", "lo")
    await refused("at least 1 s", *TAKE, "--confirm-within", "0.5")
    await refused("not allowed with argument", *TAKE, "--uplink", UPLINK)
    await refused("needs the program nft", *TAKE, path="/nowhere")
    await refused("at most 15 characters", *TAKE, "--bridge", "br-with-a-long-name")
    await refused("no take-over waits", "--confirm")
    await refused("no take-over waits", "--roll-back")
    await refused(r"say by --uplink .* --take-over", "--dry-run")
    await refused(f"--take-over {UPLINK}", "--uplink", UPLINK)
    for make, said, undo in (
        (f"link add above link {UPLINK} type macvlan", "above stands on uplink", "link del above"),
        (
            f"rule add iif {UPLINK} table 9",
            "a rule of `ip rule` names uplink",
            f"rule del iif {UPLINK} table 9",
        ),
        (
            f"link add over type bridge\nlink set {UPLINK} master over",
            "uplink belongs to over already",
            f"link set {UPLINK} nomaster\nlink del over",
        ),
        (
            f"nexthop add id 5 via 10.1.0.1 dev {UPLINK}\nroute add 203.0.113.0/24 nhid 5",
            "the route to 203.0.113.0/24 goes by a nexthop object",
            "route del 203.0.113.0/24\nnexthop del id 5",
        ),
        ("link add idle type bridge", "idle is down", ""),
        ("link set idle up", "idle has no addresses", "link del idle"),
    ):
        await vm1.namespace.ip(*make.splitlines())
        await refused(said, *(("--take-over", "idle") if "idle" in said else ()))
        await vm1.namespace.ip(*undo.splitlines())
    await vm1.ovs.vsctl("add-br", BRIDGE)
    await refused(f"there is a bridge {BRIDGE} already")
    await vm1.ovs.vsctl("del-br", BRIDGE)
    await vm1.ovs.vsctl("add-br", "other", "--", "add-port", "other", UPLINK)
    await refused("is a port of another bridge")
    await vm1.ovs.vsctl("del-br", "other")
    await machine.is_as(
        {name: value for name, value in before.items() if name in ("rules", "routes", "bridges")}
    )
    assert not (machine.state / "taking-over.json").exists()


@pytest.mark.parametrize("step", TAKE_OVER)
async def test_a_take_over_that_is_killed_takes_itself_back(machine: OnlyNic, step: Step) -> None:
    before = await machine.have()
    with pytest.raises(CommandFailed, match=ENDED):
        await machine.setup(*TAKE, "--confirm-within", AT_ONCE_S, crash_after=step)
    if step is Step.RECORD:
        # Nothing was changed yet, and nothing was started that could take it back.
        await machine.setup("--roll-back")
    elif step is not Step.AWAIT_CONFIRMATION:
        with pytest.raises(CommandFailed, match=r"is not whole|no take-over waits"):
            await machine.setup("--confirm")
    await machine.is_as(before)
    await machine.waits_no_more()


@pytest.mark.parametrize("step", CONFIRM)
async def test_a_confirmation_that_is_killed_is_whole_or_nothing(machine: OnlyNic, step: Step) -> None:
    before = await machine.have()
    await machine.setup(*TAKE, "--confirm-within", SOON_S)
    taken = await machine.have()
    with pytest.raises(CommandFailed, match=ENDED):
        await machine.setup("--confirm", crash_after=step)
    if step is Step.WRITE_FILES:
        await machine.is_as(before)
    else:
        await machine.waits_no_more()
        await machine.is_as(taken)
        await machine.setup(verb="teardown")
        await machine.is_as(before)


@pytest.mark.parametrize("step", [step for step in (*LEAVE, *GIVE_BACK) if step is not Step.FORGET])
async def test_a_teardown_that_is_killed_is_finished(machine: OnlyNic, step: Step) -> None:
    before = await machine.have()
    await machine.setup(*TAKE)
    await machine.setup("--confirm")
    with pytest.raises(CommandFailed, match=ENDED):
        await machine.setup(verb="teardown", crash_after=step)
    await machine.setup("--roll-back")
    await machine.is_as(before)
    await machine.waits_no_more()
