"""What can be done with networks.

Source: Neutron API reference, "Networks"; extensions provider, net-mtu, external-net.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from ovnest.errors import InvalidInput
from ovnest.errors.network import (
    FlatNetworkInUse,
    InvalidSharedSetting,
    NetworkInUse,
    TunnelIdInUse,
    VlanIdInUse,
)
from ovnest.operations.steps.chosen import changes
from ovnest.operations.steps.drop_port import AUTO_DELETED, drop_port
from ovnest.operations.steps.mtu import require_mtu
from ovnest.operations.steps.naming import some
from ovnest.operations.steps.ownership import owner_of_new
from ovnest.operations.steps.rights import require_create, require_delete, require_update
from ovnest.operations.steps.visible import network_target, visible_network
from ovnest.resources.network import CreateNetwork, Network, NetworkBody, UpdateNetwork
from ovnest.resources.port import Port
from ovnest.rows.network import NETWORK_BY_SEGMENT
from ovnest.rows.port.lookups import CHILDREN_OF, NAMES_ON_NETWORK, PORTS_OF_NETWORK
from ovnest.rows.subnet import SUBNETS_OF_NETWORK
from ovnest.transaction import Tx

GENEVE_OVERHEAD = 58  # bytes: outer Ethernet 14, IPv4 20, UDP 8, Geneve 8 and OVN's option 8
VLAN_MAX = 4094


def create_network(tx: Tx, want: CreateNetwork) -> Network:
    """Make a network.

    Raises:
        PolicyNotAuthorized: the caller may not, or not with these attributes.
        InvalidInput: the provider attributes do not go together, or the MTU is too large.
        VlanIdInUse, FlatNetworkInUse, TunnelIdInUse: the segment is another network's.
    """
    network = Network(
        id=tx.new_id(),
        project_id=owner_of_new(tx, want.project_id),
        name=want.name,
        description=want.description,
        admin_state_up=want.admin_state_up,
        shared=want.shared,
        external=want.external,
        port_security_enabled=want.port_security_enabled,
        dns_domain=want.dns_domain,
        availability_zone_hints=want.availability_zone_hints,
        tags=want.tags,
    )
    require_create(tx, "network", want, network_target(network))
    network = _on_segment(tx, network, want)
    return tx.put(replace(network, mtu=_mtu(tx, network, want.mtu)))


def update_network(tx: Tx, network_id: str, change: UpdateNetwork) -> Network:
    """Change a network.

    Raises:
        NetworkNotFound: there is none that the caller may see.
        PolicyNotAuthorized: the caller may not.
        InvalidSharedSetting: it cannot cease to be shared while others use it.
        InvalidInput, NetworkMTUSubnetConflict: the MTU is not one that the network can have.
    """
    network = visible_network(tx, network_id)
    require_update(tx, "network", change, network_target(network))
    given = changes(change)
    if "mtu" in given:
        given["mtu"] = _mtu(tx, network, given["mtu"])
    if given.get("shared") is False and network.shared:
        _refuse_while_others_use(tx, network)
    return tx.put(replace(network, **given))


def delete_network(tx: Tx, network_id: str, query: Mapping[str, str]) -> None:
    """Delete a network and its subnets.

    Raises:
        NetworkNotFound: there is none that the caller may see.
        NetworkInUse: it has ports.
    """
    network = visible_network(tx, network_id)
    require_delete(tx, "network", network_target(network))
    going = [port for port in tx.all(PORTS_OF_NETWORK, network_id) if _goes_along(tx, port)]
    keep = set(tx.all(NAMES_ON_NETWORK, network_id)) - {port.id for port in going}
    if keep:
        raise NetworkInUse(net_id=network_id, ports=some(keep))
    for port in going:
        drop_port(tx, port)
    for subnet in tx.all(SUBNETS_OF_NETWORK, network_id):
        tx.drop(subnet)
    tx.drop(network)


def show_network(tx: Tx, network_id: str) -> Network:
    """The network of that id; NetworkNotFound when the caller may see none."""
    return visible_network(tx, network_id)


def list_networks(tx: Tx, filters: Mapping[str, Sequence[str]]) -> Iterator[Network]:
    """The networks that the caller may see and that may match the filters."""
    wanted = filters.get("id")
    if wanted:
        found = (tx.find(Network, key) for key in dict.fromkeys(wanted))
        candidates: Iterator[Network] = (network for network in found if network is not None)
    else:
        candidates = tx.all(Network)
    return (n for n in candidates if tx.rights.allows("get_network", network_target(n)))


def network_body(tx: Tx, network: Network) -> NetworkBody:
    """A network as it is shown."""
    return NetworkBody(
        id=network.id,
        name=network.name,
        tenant_id=network.project_id,
        project_id=network.project_id,
        admin_state_up=network.admin_state_up,
        mtu=network.mtu,
        status="ACTIVE",
        subnets=tuple(subnet.id for subnet in tx.all(SUBNETS_OF_NETWORK, network.id)),
        shared=network.shared,
        availability_zone_hints=network.availability_zone_hints,
        availability_zones=(),
        ipv4_address_scope=None,
        ipv6_address_scope=None,
        external=network.external,
        description=network.description,
        port_security_enabled=network.port_security_enabled,
        dns_domain=network.dns_domain,
        tags=network.tags,
        created_at=network.created_at,
        updated_at=network.updated_at,
        revision_number=network.revision_number,
        network_type=network.network_type,
        physical_network=network.physical_network,
        segmentation_id=network.segmentation_id,
    )


def _goes_along(tx: Tx, port: Port) -> bool:
    """Whether a port goes with its network; one that is the parent of container ports does not."""
    return port.device_owner in AUTO_DELETED and not tx.any(CHILDREN_OF, port.id)


def _on_segment(tx: Tx, network: Network, want: CreateNetwork) -> Network:
    kind, physical, number = want.network_type, want.physical_network, want.segmentation_id
    if kind is None and (physical is not None or number is not None):
        raise InvalidInput(error_message="provider:network_type required")
    if kind in (None, "geneve"):
        if physical is not None:
            raise InvalidInput(
                error_message="provider:physical_network specified for geneve network: "
                "leave it out, tunnels need none"
            )
        holders = tx.all(NETWORK_BY_SEGMENT, ("geneve", "", str(number))) if number is not None else []
        if holders:
            raise TunnelIdInUse(tunnel_id=number, network_id=holders[0].id)
        return replace(network, network_type="geneve", segmentation_id=number)
    if not physical:
        raise InvalidInput(error_message=f"physical_network required for {kind} provider network")
    if kind == "flat" and number is not None:
        raise InvalidInput(error_message="provider:segmentation_id specified for flat network: leave it out")
    if kind == "vlan" and (number is None or number > VLAN_MAX):
        raise InvalidInput(
            error_message=f"segmentation_id {number} is not a VLAN ID from 1 to {VLAN_MAX}, which vlan needs"
        )
    holders = tx.all(NETWORK_BY_SEGMENT, (kind, physical, "" if number is None else str(number)))
    if holders and kind == "vlan":
        raise VlanIdInUse(vlan_id=number, physical_network=physical, network_id=holders[0].id)
    if holders:
        raise FlatNetworkInUse(physical_network=physical, network_id=holders[0].id)
    return replace(
        network,
        network_type=kind,
        physical_network=physical,
        segmentation_id=number,
        segment_id=tx.new_id(),
    )


def _mtu(tx: Tx, network: Network, wanted: int) -> int:
    """The MTU that a network gets; 0 wanted means the largest that its wire takes."""
    overhead = GENEVE_OVERHEAD if network.physical_network is None else 0
    largest = tx.settings.physical_mtu - overhead
    if wanted > largest:
        raise InvalidInput(error_message=f"Requested MTU is too big, maximum is {largest}")
    mtu = wanted or largest
    require_mtu(network.id, mtu, {subnet.ip_version for subnet in tx.all(SUBNETS_OF_NETWORK, network.id)})
    return mtu


def _refuse_while_others_use(tx: Tx, network: Network) -> None:
    ports = (port for port in tx.all(PORTS_OF_NETWORK, network.id) if not port.is_trusted)
    users = [
        *(subnet.project_id for subnet in tx.all(SUBNETS_OF_NETWORK, network.id)),
        *(p.project_id for p in ports),
    ]
    for project_id in users:
        if project_id != network.project_id:
            raise InvalidSharedSetting(network=network.name or network.id)
