"""Podman's door where no packet is needed: what `create` refuses, and which addresses are asked for."""

import re
from typing import Any

import pytest

from ovnest.agent.client.api import Network
from ovnest.agent.doors.netavark.door import Netavark, subnets_besides
from ovnest.agent.errors import AgentError
from tests.agent.conftest import Site

pytestmark = pytest.mark.api

ID = "0123456789abcdef" * 4


def podmans(**more: Any) -> dict[str, Any]:
    """A network as Podman 5.4 hands it to its plugin."""
    common: dict[str, Any] = {"name": "blue", "id": ID, "driver": "ovnest"}
    told = {"created": "0001-01-01T00:00:00Z", "ipv6_enabled": False, "internal": False, "dns_enabled": True}
    return {**common, **told, **more}


def door(site: Site) -> Netavark:
    return Netavark(site.engine, site.agent_api)


async def create(site: Site, **more: Any) -> Any:
    reply = await door(site).answer({"command": "create", "asked": podmans(**more)}, [])
    assert reply.said == ""
    return reply.output


async def test_a_network_that_joins_one_has_no_ipam_and_keeps_what_podman_has_said(site: Site) -> None:
    made = await create(site, options={"network": site.network}, labels={"a": "b"})
    changed = {"dns_enabled": False, "ipam_options": {"driver": "none"}}
    assert made == podmans(options={"network": site.network}, labels={"a": "b"}, **changed)
    assert await create(site) == podmans(**changed), "without an option, its name is the network's"
    assert await create(site, ipam_options={"driver": "none"}) == podmans(**changed)


async def test_a_subnet_that_is_named_must_be_the_networks_and_gets_its_gateway(site: Site) -> None:
    made = await create(site, subnets=[{"subnet": "192.0.2.0/24"}])
    assert made["subnets"] == [{"subnet": "192.0.2.0/24", "gateway": "192.0.2.1"}]
    assert made["ipam_options"] == {"driver": "none"}, "or Podman would give addresses by itself"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"options": {"network": "nowhere"}}, "there is no network nowhere that this agent may use"),
    ({"options": {"network": "blue", "mtu": "9000"}}, "-o mtu is not known"),
    ({"ipam_options": {"driver": "host-local"}}, "--ipam-driver host-local is not for networks of ovnest"),
    ({"ipam_options": {"driver": "dhcp"}}, "leave it out"),
    ({"internal": True}, "--internal is not"),
    ({"network_interface": "br9"}, "--interface-name is not"),
    ({"routes": [{"destination": "192.0.2.0/25", "gateway": "192.0.2.9"}]}, "host_routes"),
    ({"network_dns_servers": ["192.0.2.53"]}, "--dns is not"),
    ({"ipv6_enabled": True}, "network blue has no subnet of IPv6; it has 192.0.2.0/24"),
    ({"subnets": [{"subnet": "198.51.100.0/24"}]}, "has no subnet 198.51.100.0/24; it has 192.0.2.0/24"),
    (
        {"subnets": [{"subnet": "192.0.2.0/24", "gateway": "192.0.2.254"}]},
        "the gateway of 192.0.2.0/24 is 192.0.2.1, not 192.0.2.254",
    ),
    (
        {"subnets": [{"subnet": "192.0.2.0/24", "lease_range": {"start_ip": "192.0.2.129"}}]},
        "--ip-range is not",
    ),
    ({"subnets": [{"subnet": "everything"}]}, "subnet cannot be 'everything'"),
]


async def test_what_would_have_no_effect_is_refused(site: Site) -> None:
    for more, said in REFUSED:
        with pytest.raises(AgentError, match=re.escape(said)):
            await create(site, **more)


async def test_who_asks_for_an_address_gets_one_of_the_other_family_too(site: Site) -> None:
    wanted = {"network_id": site.network, "ip_version": 6, "cidr": "2001:db8::/64"}
    v6 = (await site.api.create("subnet", **wanted))["id"]
    wanted = {"network_id": site.network, "ip_version": 4, "cidr": "198.51.100.0/24"}
    other = (await site.api.create("subnet", **wanted))["id"]
    network: Network = await site.agent_api.network(site.network)
    (v4,) = set(network.subnets) - {v6, other}

    def besides(*static: str, named: tuple[str, ...] = ()) -> list[str]:
        return sorted(subnets_besides(static, named, network))

    assert besides("192.0.2.7") == [v6]
    assert besides("2001:db8::7") in ([v4], [other])
    assert besides("192.0.2.7", "2001:db8::7") == []
    assert besides(named=("198.51.100.0/24",)) == sorted([other, v6])
    assert besides("198.51.100.7", named=("198.51.100.0/24",)) == [v6]
    both = ("198.51.100.0/24", "192.0.2.0/24")
    assert besides("198.51.100.7", named=both) == sorted([v4, v6])
    assert besides("2001:db8::7", named=both) == sorted([v4, other])


async def test_what_cannot_be_set_up_is_refused(site: Site) -> None:
    nic = {"interface_name": "eth0"}
    common = {"container_id": ID, "network": podmans(), "network_options": nic}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"container_id": "a/b"}, "container_id cannot be 'a/b'"),
        ({"network_options": {"interface_name": ".."}}, "interface_name cannot be '..'"),
        ({"network_options": {**nic, "static_ips": ["ten"]}}, "static_ips cannot be 'ten'"),
        ({}, "setup needs the path of a network namespace"),
    ]
    for more, said in cases:
        with pytest.raises(AgentError, match=said):
            await door(site).answer({"command": "setup", "asked": {**common, **more}}, [])
    with pytest.raises(AgentError, match="the plugin knows create, setup, teardown and info"):
        await door(site).answer({"command": "update", "asked": {}}, [])
