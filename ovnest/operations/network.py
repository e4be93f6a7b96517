"""What can be done with networks.

Source: Neutron API reference, "Networks"; extensions provider, net-mtu, external-net.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ovnest.errors import InvalidInput
from ovnest.errors.network import (
    FlatNetworkInUse,
    InvalidSharedSetting,
    NetworkInUse,
    TunnelIdInUse,
    VlanIdInUse,
)
from ovnest.operations.kind import Extension, Kind
from ovnest.operations.steps.chosen import changes
from ovnest.operations.steps.drop_port import AUTO_DELETED, drop_port
from ovnest.operations.steps.mtu import require_mtu
from ovnest.operations.steps.naming import some
from ovnest.operations.steps.rights import require_create, require_delete, require_update
from ovnest.operations.steps.visible import visible_network
from ovnest.policy.rules.network import RULES
from ovnest.resources.network import NETWORK, CreateNetwork, Network, UpdateNetwork
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
    project_id = require_create(tx, NETWORK, want)
    network = Network(
        id=tx.new_id(),
        project_id=project_id,
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
    require_update(tx, NETWORK, change, network)
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
    require_delete(tx, NETWORK, network)
    going = [port for port in tx.all(PORTS_OF_NETWORK, network_id) if _goes_along(tx, port)]
    keep = set(tx.all(NAMES_ON_NETWORK, network_id)) - {port.id for port in going}
    if keep:
        raise NetworkInUse(net_id=network_id, ports=some(keep))
    for port in going:
        drop_port(tx, port)
    for subnet in tx.all(SUBNETS_OF_NETWORK, network_id):
        tx.drop(subnet)
    tx.drop(network)


def computed(tx: Tx, network: Network) -> dict[str, Any]:
    """What of a network is not its own fact."""
    return {
        "status": "ACTIVE",
        "subnets": tuple(subnet.id for subnet in tx.all(SUBNETS_OF_NETWORK, network.id)),
        "availability_zones": (),
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
    }


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


KIND = Kind(
    resource=NETWORK,
    rules=RULES,
    create=create_network,
    update=update_network,
    delete=delete_network,
    computed=computed,
    aliases=(
        Extension(
            alias="external-net",
            name="Neutron external network",
            updated="2013-01-14T10:00:00-00:00",
            description="The attribute router:external of a network.",
            attributes=("router:external",),
        ),
        Extension(
            alias="net-mtu",
            name="Network MTU",
            updated="2015-03-25T10:00:00-00:00",
            description="The MTU of a network.",
            attributes=("mtu",),
        ),
        Extension(
            alias="net-mtu-writable",
            name="Network MTU (writable)",
            updated="2017-07-12T00:00:00-00:00",
            description="The MTU of a network can be set.",
            attributes=("mtu",),
        ),
        Extension(
            alias="provider",
            name="Provider Network",
            updated="2012-09-07T10:00:00-00:00",
            description="How a network is made of a physical one.",
            attributes=(
                "provider:network_type",
                "provider:physical_network",
                "provider:segmentation_id",
            ),
        ),
    ),
)
