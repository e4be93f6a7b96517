"""A database as a deployment has it, built fast: raw transactions of rows that ovnest's own functions derive.

Ten ports a network, an IPv4 and an IPv6 subnet each, both with DHCP. Of ten ports six are VMs' with a host,
three are container ports under them, one is nobody's; one in twenty has a document row (its description). A
port has sixteen external_ids. Other mixes can be had.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from bench.rig.database import Served
from bench.rig.raw import RawClient, transaction
from bench.rig.rows import Place, random_uuid
from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.ovsdb import Row
from ovnest.ovsdb.rows import Shape
from ovnest.resources.network import Network
from ovnest.resources.port import FixedIp, Port
from ovnest.resources.subnet import AllocationPool, Subnet
from ovnest.rows import HOMES
from ovnest.rows.document import to_document
from ovnest.rows.network import logical_switch
from ovnest.rows.port.columns import PortContext, logical_switch_port
from ovnest.rows.port.keys import DETAILS, PortDetails
from ovnest.rows.subnet import subnet_dhcp_options

STAMP: dict[str, Any] = {
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "revision_number": 1,
}
NETWORKS_A_TRANSACTION = 20
_SHAPES = {row_type: Shape(row_type) for row_type in HOMES.row_types}


class Mix(Struct, frozen=True, kw_only=True):
    """What the ports of a network are: of so many the first are VMs', the next container ports under them."""

    ports: int = 10
    vms: int = 6
    containers: int = 3
    hosts: bool = True
    ip_versions: tuple[int, ...] = (4, 6)


class Deployment(Struct, frozen=True, kw_only=True):
    """What was built: where ports may be made, the ports, and those of them that are VMs'."""

    places: list[Place]
    ports: list[str]
    vms: list[str]


IPV4 = Mix(ip_versions=(4,))
CONTAINERS = Mix(ports=20, vms=1, containers=19, hosts=False, ip_versions=(4,))
"""One VM that nothing is bound to, and nineteen container ports under it."""


def build(database: Served, networks: int, ports: int, mix: Mix) -> Deployment:
    """Fill an empty database with so many networks and ports."""
    built = Deployment(places=[], ports=[], vms=[])
    with RawClient(database) as raw:
        raw.in_flight(_transactions(built, networks, ports, mix), 2)
    return built


def of_size(database: Served, ports: int, mix: Mix | None = None) -> Deployment:
    """Fill an empty database with so many ports, as many on each network as the mix says."""
    mix = mix or Mix()
    return build(database, -(-ports // mix.ports), ports, mix)


def _transactions(built: Deployment, networks: int, ports: int, mix: Mix) -> Iterator[bytes]:
    operations: list[dict[str, Any]] = []
    for number in range(networks):
        here = ports * (number + 1) // networks - ports * number // networks
        operations += _network(built, number, here, mix)
        if number % NETWORKS_A_TRANSACTION == NETWORKS_A_TRANSACTION - 1:
            yield transaction(operations, durable=False)
            operations = []
    yield transaction(operations)


def _network(built: Deployment, number: int, ports: int, mix: Mix) -> Iterator[dict[str, Any]]:
    # The second octet is the network's; there are only 256 of them, but networks may overlap.
    prefix4, prefix6 = f"10.{number & 255}", f"2001:db8:{number:x}"
    project = f"{number % 500:032x}"
    network = Network(
        id=random_uuid(),
        project_id=project,
        name=f"net-{number}",
        mtu=1442,
        segmentation_id=number + 1,
        **STAMP,
    )
    subnets = [
        Subnet(
            id=random_uuid(),
            project_id=project,
            network_id=network.id,
            cidr=f"{prefix4}.0.0/16",
            ip_version=4,
            name=f"v4-{number}",
            gateway_ip=f"{prefix4}.0.1",
            allocation_pools=(AllocationPool(f"{prefix4}.0.2", f"{prefix4}.255.254"),),
            dns_nameservers=("192.0.2.53", "192.0.2.54"),
            **STAMP,
        ),
        Subnet(
            id=random_uuid(),
            project_id=project,
            network_id=network.id,
            cidr=f"{prefix6}::/64",
            ip_version=6,
            name=f"v6-{number}",
            gateway_ip=f"{prefix6}::1",
            allocation_pools=(AllocationPool(f"{prefix6}::2", f"{prefix6}:0:ffff:ffff:ffff:ffff"),),
            ipv6_ra_mode="dhcpv6-stateful",
            ipv6_address_mode="dhcpv6-stateful",
            **STAMP,
        ),
    ]
    subnets = [subnet for subnet in subnets if subnet.ip_version in mix.ip_versions]
    made = list(_ports(built, network, subnets, number, ports, mix))
    members = [["uuid", row.uuid] for row in made if isinstance(row, LogicalSwitchPort)]
    yield _insert(logical_switch(network), ports=["set", members])
    for row in (*(subnet_dhcp_options(subnet, network, "") for subnet in subnets), *made):
        yield _insert(row)
    built.places.append(Place(network_id=network.id, subnet_id=subnets[0].id, prefix=prefix4))


def _ports(
    built: Deployment, network: Network, subnets: Sequence[Subnet], number: int, count: int, mix: Mix
) -> Iterator[Row]:
    context = PortContext(network=network, subnets={subnet.id: subnet for subnet in subnets})
    vms: list[str] = []
    for place in range(count):
        host = place + 16
        uuid = random_uuid()
        kind = place % mix.ports
        is_vm = kind < mix.vms
        is_container = mix.vms <= kind < mix.vms + mix.containers
        document = PortDetails(id=uuid, description=f"Port {place} of network {number}.")
        has_document = (number * count + place) % 20 == 0
        port = Port(
            id=uuid,
            project_id=network.project_id,
            network_id=network.id,
            mac_address=f"fa:16:3e:{host >> 16 & 255:02x}:{host >> 8 & 255:02x}:{host & 255:02x}",
            fixed_ips=tuple(FixedIp(subnet.id, _address(subnet, host)) for subnet in subnets),
            name=f"port-{place}",
            description=document.description if has_document else "",
            device_id=random_uuid() if is_vm else "",
            device_owner="compute:nova" if is_vm else "",
            host_id=f"hv{number % 300}.example.org" if is_vm and mix.hosts else "",
            parent_name=vms[place % len(vms)] if is_container else None,
            tag=place % 4094 + 1 if is_container else None,
            **STAMP,
        )
        yield logical_switch_port(port, context).port
        if has_document:
            yield to_document(DETAILS, uuid, document)
        built.ports.append(uuid)
        if is_vm:
            vms.append(uuid)
    built.vms.extend(vms)


def _address(subnet: Subnet, host: int) -> str:
    prefix = subnet.cidr.partition("/")[0]
    if subnet.ip_version == 4:
        return f"{prefix.removesuffix('.0.0')}.{host >> 8}.{host & 255}"
    return f"{prefix}{host:x}"


def _insert(row: Row, **more: Any) -> dict[str, Any]:
    wire = _SHAPES[type(row)].encode(row) | more
    return {"op": "insert", "table": row.TABLE, "uuid": row.uuid, "row": wire}
