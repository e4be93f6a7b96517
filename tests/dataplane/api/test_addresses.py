#
#   leased (tag 42) ─── vm1 ── hv1        on a network with a router
#
"""A container is told its addresses by OVN, as its subnets and its port say."""

import pytest
from msgspec import Struct, structs

from ovnest.sandbox.container import Container
from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.sandbox import Sandbox
from ovnest.sandbox.until import until
from ovnest.sandbox.vm import Vm
from tests.dataplane.api.networking import Networking, VirtualNetwork, VirtualPort

pytestmark = pytest.mark.packets

STATEFUL = {"ipv6_ra_mode": "dhcpv6-stateful", "ipv6_address_mode": "dhcpv6-stateful"}
SLAAC = {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
NAMESERVER = "192.0.2.53"
FAR_SIDE = "198.51.100.0/24"


class Site(Struct, frozen=True, kw_only=True):
    """A VM on a network."""

    network: VirtualNetwork
    vm: Vm


async def _site(networking: Networking, network: VirtualNetwork) -> Site:
    vm_port = await networking.port(network)
    return Site(network=network, vm=await networking.vm("vm1", "hv1", vm_port))


async def _without_address(networking: Networking, site: Site, port: VirtualPort) -> Container:
    """A container that knows its port's MAC address, and nothing else."""
    nic = structs.replace(port.nic, addresses=(), gateways=())
    return await networking.container(site.vm, "leased", port, nic)


async def test_a_container_gets_by_dhcp_what_its_subnet_says(networking: Networking) -> None:
    route = {"destination": FAR_SIDE, "nexthop": "10.1.0.9"}
    site = await _site(
        networking, await networking.network(dns_nameservers=[NAMESERVER], host_routes=[route])
    )
    port = await networking.port(site.network, parent=site.vm, tag=42)
    container = await _without_address(networking, site, port)
    lease = await container.dhcp()
    assert f"{lease['ip_address']}/24" == port.nic.addresses[0]
    assert int(lease["interface_mtu"]) == port.nic.mtu
    assert lease["domain_name_servers"] == NAMESERVER
    routes = (await container.run("ip", "-4", "route")).splitlines()
    assert f"{FAR_SIDE} via 10.1.0.9 dev eth0 " in routes
    assert "default via 10.1.0.1 dev eth0 " in routes
    await container.pings(site.vm.addresses[0])


async def test_a_port_may_tell_its_container_something_else_by_dhcp(networking: Networking) -> None:
    site = await _site(networking, await networking.network())
    options = [{"opt_name": "dns-server", "opt_value": NAMESERVER}, {"opt_name": "mtu", "opt_value": "1300"}]
    port = await networking.port(site.network, parent=site.vm, tag=42, extra_dhcp_opts=options)
    lease = await (await _without_address(networking, site, port)).dhcp()
    assert (lease["domain_name_servers"], lease["interface_mtu"]) == (NAMESERVER, "1300")


async def test_a_container_gets_no_lease_on_a_subnet_without_dhcp(networking: Networking) -> None:
    site = await _site(networking, await networking.network(enable_dhcp=False))
    port = await networking.port(site.network, parent=site.vm, tag=42)
    container = await _without_address(networking, site, port)
    with pytest.raises(SandboxError, match="was offered no DHCPv4 lease"):
        await container.dhcp(timeout_s=3)
    for subnet in site.network.subnets:
        await networking.api.update("subnet", subnet.id, enable_dhcp=True)
    # The control: the same container, once the subnet has DHCP.
    assert f"{(await container.dhcp())['ip_address']}/24" == port.nic.addresses[0]


async def test_a_container_gets_its_ipv6_address_by_dhcpv6(networking: Networking) -> None:
    network = await networking.network(ipv6={**STATEFUL, "dns_nameservers": ["2001:db8::53"]})
    await networking.router(network, ipv6_ra_configs="address_mode=dhcpv6_stateful")
    site = await _site(networking, network)
    port = await networking.port(network, parent=site.vm, tag=42)
    lease = await (container := await _without_address(networking, site, port)).dhcp(6)
    assert f"{lease['ip6_address']}/64" == port.nic.addresses[1]
    assert lease["dhcp6_name_servers"] == "2001:db8::53"
    await container.pings(site.vm.addresses[1])  # by the router, which its advertisements tell


async def test_a_container_makes_the_ipv6_address_that_the_api_said_it_would(
    sandbox: Sandbox, networking: Networking
) -> None:
    network = await networking.network(ipv6=SLAAC)
    await networking.router(network, ipv6_ra_configs="address_mode=slaac")
    site = await _site(networking, network)
    port = await networking.port(network, parent=site.vm, tag=42)
    await sandbox.sync()
    container = await _without_address(networking, site, port)

    async def addresses() -> str:
        return await container.run("ip", "-6", "-brief", "address", "show", "dev", "eth0", "scope", "global")

    await until("the container has its address", addresses, accept=lambda seen: port.nic.addresses[1] in seen)
    await container.pings(site.vm.addresses[1])
