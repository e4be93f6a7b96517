"""A guest boots, is where OVN thinks it is, and boots again with what was written to its disk."""

import pytest

from ovnest.sandbox.errors import CommandFailed
from tests.vm.site import VmSite

pytestmark = [pytest.mark.vm, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
async def test_a_machine_is_on_its_network_and_keeps_its_disk(site: VmSite, suite: str) -> None:
    port = await site.port(site.management)
    machine = site.machine(f"boot-{suite}", "hv2", port, suite=suite, credentials={"hello": "from outside"})
    await machine.start()
    assert await machine.run("cat /run/credentials/@system/hello") == "from outside"
    assert await machine.address() == port.nic.addresses[0].partition("/")[0], "what OVN's DHCP gave it"
    await machine.pings(site.office.addresses[0])
    await site.office.pings(await machine.address())
    assert f"VERSION_CODENAME={suite}" in await machine.run("cat /etc/os-release")

    await machine.write("/srv/kept", "yes\n")
    await machine.run("sync")
    await machine.reset()
    assert await machine.run("cat /srv/kept") == "yes\n"
    await machine.reboot()
    assert await machine.run("cat /srv/kept") == "yes\n"
    assert await machine.booted() == "running", await machine.run("systemctl --failed")
    with pytest.raises(CommandFailed, match="no such thing"):
        await machine.run("echo no such thing >&2; exit 7")
    await machine.stop()
    assert await site.office.ping(port.nic.addresses[0].partition("/")[0], count=2) == 0
