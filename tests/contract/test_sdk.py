"""openstacksdk, unmodified: everything of networks, subnets and ports that it can ask for."""

import pytest
from openstack.connection import Connection
from openstack.exceptions import (
    BadRequestException,
    ConflictException,
    DuplicateResource,
    NotFoundException,
    PreconditionFailedException,
    raise_from_response,
)

pytestmark = [pytest.mark.api, pytest.mark.filterwarnings("ignore:::openstack")]


def test_a_network_is_made_found_changed_and_deleted(sdk: Connection) -> None:
    made = sdk.network.create_network(
        name="a", description="d", mtu=1300, is_port_security_enabled=False, dns_domain="example.org."
    )
    shown = sdk.network.find_network("a", ignore_missing=False)
    assert (shown.id, shown.description, shown.mtu, shown.dns_domain) == (made.id, "d", 1300, "example.org.")
    assert (shown.is_port_security_enabled, shown.is_shared, shown.is_router_external) == (
        False,
        False,
        False,
    )
    assert (shown.status, shown.provider_network_type) == ("ACTIVE", "geneve")
    changed = sdk.network.update_network(made.id, name="b", is_admin_state_up=False, is_shared=True)
    assert (changed.name, changed.is_admin_state_up, changed.is_shared) == ("b", False, True)
    assert changed.revision_number > made.revision_number
    assert changed.created_at == made.created_at
    sdk.network.delete_network(made)
    assert sdk.network.find_network("b") is None
    with pytest.raises(NotFoundException, match=rf"Network {made.id} could not be found"):
        sdk.network.get_network(made.id)


def test_a_subnet_is_made_found_changed_and_deleted(sdk: Connection, network: str) -> None:
    made = sdk.network.create_subnet(
        network_id=network,
        name="s",
        ip_version=4,
        cidr="198.51.100.0/24",
        gateway_ip="198.51.100.254",
        allocation_pools=[{"start": "198.51.100.10", "end": "198.51.100.20"}],
        dns_nameservers=["192.0.2.53"],
        host_routes=[{"destination": "203.0.113.0/24", "nexthop": "198.51.100.9"}],
        is_dhcp_enabled=False,
    )
    shown = sdk.network.find_subnet("s", ignore_missing=False)
    assert (shown.cidr, shown.gateway_ip, shown.is_dhcp_enabled) == (
        "198.51.100.0/24",
        "198.51.100.254",
        False,
    )
    assert shown.allocation_pools == [{"start": "198.51.100.10", "end": "198.51.100.20"}]
    assert shown.host_routes == [{"destination": "203.0.113.0/24", "nexthop": "198.51.100.9"}]
    changed = sdk.network.update_subnet(
        made, name="t", dns_nameservers=["192.0.2.54", "192.0.2.53"], gateway_ip=None, is_dhcp_enabled=True
    )
    assert (changed.name, changed.gateway_ip, changed.is_dhcp_enabled) == ("t", None, True)
    assert changed.dns_nameservers == ["192.0.2.54", "192.0.2.53"]
    assert set(sdk.network.get_network(network).subnet_ids) == {each.id for each in sdk.network.subnets()}
    sdk.network.delete_subnet(made)
    assert sdk.network.find_subnet("t") is None


def test_a_port_is_made_found_changed_and_deleted(sdk: Connection, network: str) -> None:
    v4, v6 = sorted(sdk.network.subnets(network_id=network), key=lambda subnet: subnet.ip_version)
    made = sdk.network.create_port(
        network_id=network,
        name="p",
        mac_address="02:00:00:00:00:01",
        fixed_ips=[{"subnet_id": v4.id, "ip_address": "192.0.2.77"}, {"subnet_id": v6.id}],
        device_id="device",
        device_owner="compute:nova",
        allowed_address_pairs=[{"ip_address": "203.0.113.0/24"}],
        extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1300", "ip_version": 4}],
    )
    shown = sdk.network.find_port("p", ignore_missing=False)
    assert (shown.mac_address, shown.device_id, shown.device_owner) == (
        "02:00:00:00:00:01",
        "device",
        "compute:nova",
    )
    assert shown.fixed_ips[0]["ip_address"] == "192.0.2.77"
    assert {fixed["subnet_id"] for fixed in shown.fixed_ips} == {v4.id, v6.id}
    pair = {"ip_address": "203.0.113.0/24", "mac_address": "02:00:00:00:00:01"}
    assert shown.allowed_address_pairs == [pair]
    assert (shown.status, shown.binding_vif_type, shown.binding_vnic_type) == ("DOWN", "unbound", "normal")
    changed = sdk.network.update_port(
        made, name="q", fixed_ips=[{"ip_address": "192.0.2.78"}], allowed_address_pairs=[], description="d"
    )
    assert changed.fixed_ips == [{"subnet_id": v4.id, "ip_address": "192.0.2.78"}]
    assert (changed.name, changed.description, changed.allowed_address_pairs) == ("q", "d", [])
    assert changed.extra_dhcp_opts == made.extra_dhcp_opts
    sdk.network.delete_port(made)
    with pytest.raises(NotFoundException, match=rf"Port {made.id} could not be found"):
        sdk.network.get_port(made.id)


def test_many_are_made_by_one_request_or_none(sdk: Connection, network: str) -> None:
    parent = sdk.network.create_port(network_id=network)
    want = {"network_id": network, "binding_profile": {"parent_name": parent.id}}
    made = list(sdk.network.create_ports([want | {"name": f"c{number}"} for number in range(4)]))
    assert sorted(port.name for port in made) == ["c0", "c1", "c2", "c3"]
    assert len({port.binding_profile["tag"] for port in made}) == 4
    taken = made[0].binding_profile
    with pytest.raises(ConflictException, match="belongs to port"):
        sdk.network.create_ports([want, {"network_id": network, "binding_profile": taken}])
    assert len(list(sdk.network.ports())) == 5


def test_lists_are_filtered(sdk: Connection, network: str) -> None:
    other = sdk.network.create_network(name="other").id
    parent = sdk.network.create_port(network_id=network, name="a", device_id="x")
    sdk.network.create_port(network_id=network, name="b", device_owner="compute:nova")
    sdk.network.create_port(network_id=other, name="c", is_admin_state_up=False)

    def found(**query: object) -> set[str]:
        return {port.name for port in sdk.network.ports(**query)}

    assert found() == {"a", "b", "c"}
    assert found(network_id=network) == {"a", "b"}
    assert found(name="c") == {"c"}
    assert found(is_admin_state_up=False) == {"c"}
    assert found(device_id="x") == {"a"}
    assert found(device_owner="compute:nova") == {"b"}
    assert found(mac_address=parent.mac_address) == {"a"}
    assert found(fixed_ips=f"ip_address={parent.fixed_ips[0]['ip_address']}") == {"a"}
    assert found(fixed_ips="ip_address_substr=192.0.2.") == {"a", "b"}
    assert found(name="nobody") == set()
    assert {each.name for each in sdk.network.networks(is_router_external=False)} == {"private", "other"}
    assert {each.cidr for each in sdk.network.subnets(ip_version=6)} == {"2001:db8::/64"}


def test_lists_are_sorted_and_come_in_pages(sdk: Connection) -> None:
    sdk.network.create_network(name="e")
    for name in ("b", "a", "d", "c"):
        sdk.network.create_network(name=name, description="same")
    descending = [each.name for each in sdk.network.networks(sort_key="name", sort_dir="desc")]
    assert descending == ["e", "d", "c", "b", "a"]
    # Two a request; the client follows the links until there are none.
    paged = [each.name for each in sdk.network.networks(limit=2, sort_key="name", sort_dir="asc")]
    assert paged == ["a", "b", "c", "d", "e"]
    by_two = sdk.network.networks(sort_key=["description", "name"], sort_dir=["desc", "asc"], limit=1)
    assert [each.name for each in by_two] == ["a", "b", "c", "d", "e"]
    first_only = sdk.network.networks(limit=2, sort_key="name", sort_dir="asc", paginated=False)
    assert [each.name for each in first_only] == ["a", "b"]


def test_resources_have_tags_and_are_found_by_them(sdk: Connection, network: str) -> None:
    port = sdk.network.create_port(network_id=network, name="p")
    sdk.network.create_port(network_id=network, name="q")
    sdk.network.set_tags(port, ["red", "blue"])
    sdk.network.set_tags(sdk.network.get_network(network), ["red"])
    assert sorted(sdk.network.get_port(port.id).tags) == ["blue", "red"]
    assert [each.name for each in sdk.network.ports(tags="red,blue")] == ["p"]
    assert [each.name for each in sdk.network.ports(any_tags="red,green")] == ["p"]
    assert [each.name for each in sdk.network.ports(not_tags="red")] == ["q"]
    assert [each.name for each in sdk.network.networks(tags="red")] == ["private"]
    sdk.network.set_tags(port, [])
    assert sdk.network.get_port(port.id).tags == []


def test_what_is_refused_says_why(sdk: Connection, network: str) -> None:
    port = sdk.network.create_port(network_id=network)
    with pytest.raises(ConflictException, match="There are one or more ports still in use on the network"):
        sdk.network.delete_network(network)
    with pytest.raises(BadRequestException, match="overlaps with another subnet"):
        sdk.network.create_subnet(network_id=network, ip_version=4, cidr="192.0.2.128/25")
    with pytest.raises(BadRequestException, match=r"Unrecognized attribute.* 'nonsense'"):
        raise_from_response(sdk.network.put(f"/ports/{port.id}", json={"port": {"nonsense": 1}}))
    with pytest.raises(BadRequestException, match=r"'nonsense'.* is invalid attribute for filtering"):
        raise_from_response(sdk.network.get("/ports?nonsense=1"))
    address = port.fixed_ips[0]["ip_address"]
    with pytest.raises(ConflictException, match=address):
        sdk.network.create_port(network_id=network, fixed_ips=[{"ip_address": address}])
    with pytest.raises(NotFoundException, match="could not be found"):
        sdk.network.create_port(network_id=network, binding_profile={"parent_name": "nobody", "tag": 1})
    with pytest.raises(PreconditionFailedException):
        sdk.network.update_port(port, name="x", if_revision=port.revision_number + 1)
    sdk.network.create_network(name="private")
    with pytest.raises(DuplicateResource):
        sdk.network.find_network("private")


def test_the_sdk_finds_the_extensions(sdk: Connection) -> None:
    aliases = {each.alias for each in sdk.network.extensions()}
    assert {"binding", "port-security", "provider", "sorting", "pagination", "standard-attr-tag"} <= aliases
    assert "security-group" not in aliases
    assert sdk.network.find_extension("binding", ignore_missing=False).name == "Port Binding"
    assert sdk.network.find_extension("nonsense") is None
