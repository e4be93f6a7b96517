"""A sandbox comes up, is found by others, and goes without a trace, however it was left."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from random import Random

import pytest

from ovnest.sandbox import namespace
from ovnest.sandbox.directory import RunDirectory, names, sweep, take_away
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.namespace import Namespace
from ovnest.sandbox.node import Nic
from ovnest.sandbox.process import start_time
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.status import look
from ovnest.sandbox.until import until
from tests.sandbox.conftest import NewName, Traces, marked, traces

pytestmark = pytest.mark.packets

NIC = Nic(mac="0a:00:00:00:01:0b", addresses=("192.0.2.11/24", "2001:db8::11/64"))
CONTAINER_NIC = Nic(mac="0a:00:00:00:01:2a", addresses=("192.0.2.42/24", "2001:db8::42/64"))
LONGEST_UP_S = 0.5
KILLS = 12


@pytest.mark.parametrize("release", ["host", "25.03"])
async def test_nothing_is_left_of_a_sandbox_that_is_taken_down(new_name: NewName, release: str) -> None:
    name = new_name()
    before = await traces(name)
    sandbox = await Sandbox.up(name, release=release)
    vm = await sandbox.plug_vm("vm1", chassis="hv1", port_id="p1", nic=NIC)
    await vm.plug_container("web", tag=42, nic=CONTAINER_NIC)
    standing = await traces(name)
    assert set(standing.namespaces) == {
        f"{name}.{node}" for node in ("central", "hv1", "hv2", "vm1", "vm1.web")
    }
    assert len(standing.processes) == len([daemon for node in sandbox.nodes for daemon in node.daemons])
    await sandbox.down()
    assert await traces(name) == before == Traces((), (), False, (), before.links, before.rules)


async def test_nothing_is_left_of_a_vm_that_is_unplugged(new_name: NewName) -> None:
    name = new_name()
    sandbox = await Sandbox.up(name, chassis=1)
    empty = await traces(name)
    vm = await sandbox.plug_vm("vm1", chassis="hv1", port_id="p1", nic=NIC)
    await vm.plug_container("web", tag=42, nic=CONTAINER_NIC)
    await sandbox.unplug_vm("vm1")
    assert await traces(name) == empty
    assert not list(sandbox.path.glob("**/vm1*"))
    await sandbox.plug_vm("vm1", chassis="hv1", port_id="p1", nic=NIC)  # its name is free again


async def test_up_killed_at_any_moment_is_cleaned_by_down_and_by_up(new_name: NewName) -> None:
    seed = int.from_bytes(os.urandom(4))
    chance = Random(seed)  # noqa: S311  moments, not secrets
    name = new_name()
    before = await traces(name)
    unfinished = 0
    for number in range(KILLS):
        process = await _command("up", "--name", name)
        await asyncio.sleep(chance.uniform(0.1, LONGEST_UP_S))
        with suppress(ProcessLookupError):  # it was done already
            process.kill()
        await process.wait()
        facts = RunDirectory(name).facts()
        unfinished += facts is not None and not facts.whole
        if number % 2:
            await take_away(name)
            assert await traces(name) == before, f"seed {seed}, kill {number}"
        elif facts is None or not facts.whole:
            sandbox = await Sandbox.up(name, chassis=1)
            assert (await look(sandbox)).healthy, f"seed {seed}, kill {number}"
            await sandbox.down()
            assert await traces(name) == before, f"seed {seed}, kill {number}"
        else:
            await take_away(name)
    assert unfinished, f"no kill hit `up` at work (seed {seed}): the moments must be chosen anew"


async def test_two_sandboxes_side_by_side_know_nothing_of_each_other(new_name: NewName) -> None:
    one, other = await asyncio.gather(Sandbox.up(new_name()), Sandbox.up(new_name()))
    for sandbox in (one, other):
        await sandbox.central.nbctl("ls-add", "private", "--", "lsp-add", "private", "p1")
        await sandbox.central.nbctl("lsp-set-addresses", "p1", f"{NIC.mac} 192.0.2.11")
        await sandbox.central.nbctl("lsp-add", "private", "p2")
        await sandbox.plug_vm("vm1", chassis="hv1", port_id="p1", nic=NIC)
        await sandbox.plug_vm("vm2", chassis="hv2", port_id="p2", nic=CONTAINER_NIC)
    await one.central.nbctl("lsp-set-addresses", "p2", f"{CONTAINER_NIC.mac} 192.0.2.42")
    await one.vms["vm1"].pings(one.vms["vm2"])
    await other.vms["vm1"].cannot_ping(other.vms["vm2"])  # only in one of them OVN knows the address
    await other.down()
    assert (await look(one)).healthy
    await one.vms["vm1"].pings(one.vms["vm2"])


async def test_a_sandbox_is_found_by_another_process_with_all_that_is_plugged_in(new_name: NewName) -> None:
    sandbox = await Sandbox.up(new_name(), chassis=1)
    vm = await sandbox.plug_vm("vm1", chassis="hv1", port_id="p1", nic=NIC)
    await vm.plug_container("web", tag=42, nic=CONTAINER_NIC)
    found = await Sandbox.find(sandbox.name)
    assert found.northbound == sandbox.northbound
    web = found.vms["vm1"].containers["web"]
    assert (web.tag, web.nic) == (42, CONTAINER_NIC)
    status, said = await _said("status", "--name", sandbox.name)
    assert status == 0
    assert ["vm1.web", "container", "vm1", "42", "192.0.2.42", "2001:db8::42"] in [
        line.split()[:6] for line in said.splitlines()
    ]


async def test_the_shell_talks_to_its_sandbox_and_its_nodes(new_name: NewName) -> None:
    sandbox = await Sandbox.up(new_name(), chassis=1)
    await sandbox.central.nbctl("ls-add", "only-here")
    shell = ("shell", "--name", sandbox.name, "--")
    assert "only-here" in (await _said(*shell, "ovn-nbctl", "show"))[1]
    assert "Bridge br-int" in (await _said(*shell, "hv1", "ovs-vsctl", "show"))[1]
    assert (await _said(*shell, "hv1", "sh", "-c", "exit 7"))[0] == 7


async def test_status_says_which_daemon_does_not_run(new_name: NewName) -> None:
    sandbox = await Sandbox.up(new_name(), chassis=1)
    assert (await look(sandbox)).healthy
    pid = sandbox.chassis["hv1"].ovs.switch.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    status, said = await _said("status", "--name", sandbox.name)
    assert status == 1
    assert "lacks vswitchd" in said


async def test_a_second_up_of_the_same_name_is_refused_and_harms_nothing(new_name: NewName) -> None:
    sandbox = await Sandbox.up(new_name(), chassis=1)
    with pytest.raises(SandboxError, match="is up already"):
        await Sandbox.up(sandbox.name)
    assert (await look(sandbox)).healthy


async def test_two_ups_of_the_same_name_at_once_make_one_sandbox(new_name: NewName) -> None:
    name = new_name()
    results = await asyncio.gather(Sandbox.up(name), Sandbox.up(name), return_exceptions=True)
    made = [each for each in results if isinstance(each, Sandbox)]
    assert len(made) == 1
    assert [type(each) for each in results if each not in made] == [SandboxError]
    assert (await look(made[0])).healthy


async def test_a_foreign_process_whose_number_stands_in_a_pid_file_lives_on(new_name: NewName) -> None:
    sandbox = await Sandbox.up(new_name(), chassis=1)
    foreign = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        daemon = sandbox.chassis["hv1"].ovs.switch
        daemon.pid_file.write_text(f"{foreign.pid}\n")
        assert daemon.pid() is None
        await sandbox.down()
        assert start_time(foreign.pid) is not None
    finally:
        foreign.kill()
        await foreign.wait()


async def test_namespaces_that_are_no_sandboxs_are_not_touched(new_name: NewName) -> None:
    name = new_name()
    foreign = Namespace(f"{name}.hv1")
    await namespace.create(foreign)
    try:
        with pytest.raises(SandboxError, match=f"{name}.hv1; choose another"):
            await Sandbox.up(name)
        assert not await take_away(name)
        assert foreign.path.exists()
        assert name not in names()
    finally:
        await namespace.delete([foreign.name])


async def test_an_owned_sandbox_goes_with_its_owner(new_name: NewName) -> None:
    name = new_name()
    before = await traces(name)
    program = f"import asyncio, time; from ovnest.sandbox.sandbox import Sandbox\n\
asyncio.run(Sandbox.up({name!r}, chassis=1, owned=True)); print(1, flush=True); time.sleep(60)"
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert await owner.stdout.readline() == b"1\n"
    await sweep()
    assert name in names()  # its owner lives
    owner.kill()
    await owner.wait()
    await sweep()
    assert await traces(name) == before


async def test_what_runs_in_a_node_ends_with_the_sandbox(new_name: NewName) -> None:
    sandbox = await Sandbox.up(new_name(), chassis=1)
    shell = ("shell", "--name", sandbox.name, "--", "hv1")
    running = await _command(*shell, "sleep", "60")

    async def marks() -> bool:
        return running.pid in marked(sandbox.path)

    await until("the program runs in the node", marks)
    await sandbox.down()
    assert await running.wait() == -signal.SIGKILL


async def _command(*arguments: str) -> asyncio.subprocess.Process:
    argv = (sys.executable, "-m", "ovnest", "sandbox", *arguments)
    return await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


async def _said(*arguments: str) -> tuple[int, str]:
    """The status and the output of `ovnest sandbox …`."""
    process = await _command(*arguments)
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()
