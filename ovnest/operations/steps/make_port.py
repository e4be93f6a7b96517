"""Making a port, whoever wants it: its MAC, addresses, tag and the rest chosen and checked, then put.

Operations that make ports (a port's own, a router's interface, a floating IP) have asked for the right
before.
"""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from ovnest.errors.container_port import ParentIsContainerPort, ParentIsItself, ParentIsNoVif
from ovnest.errors.port import (
    AddressPairAndPortSecurityRequired,
    AllowedAddressPairExhausted,
    SecurityGroupNotFound,
    UnsupportedDeviceOwner,
)
from ovnest.operations.steps.choose_addresses import AddressedPort, choose_addresses
from ovnest.operations.steps.choose_mac import choose_mac
from ovnest.operations.steps.claim_tag import claim_tag
from ovnest.operations.steps.idempotency_key import IdempotencyKey
from ovnest.operations.steps.profile import read_profile
from ovnest.resources.network import Network
from ovnest.resources.port import (
    AddressPair,
    AddressPairRequest,
    BindingProfile,
    CreatePort,
    DhcpOption,
    Port,
)
from ovnest.rows.port.columns import lsp_type
from ovnest.transaction import Tx

FLOATING_IP = "network:floatingip"


def make_port(
    tx: Tx, network: Network, project_id: str, want: CreatePort, key: IdempotencyKey | None = None
) -> Port:
    """Stage a new port of `project_id` on the network. `key` stays with it.

    Raises:
        PortNotFound: the parent is not there for this caller.
        Those of `errors.port` and `errors.container_port`: an attribute cannot be as wanted.
    """
    refuse_groups(want.security_groups)
    if want.device_owner == FLOATING_IP:
        raise UnsupportedDeviceOwner(device_owner=FLOATING_IP)
    profile = read_profile(tx, want.profile, want.vnic_type)
    port_id = tx.new_id()
    mac = choose_mac(tx, network, want.mac_address or None, port_id)
    fixed_ips = choose_addresses(
        tx,
        network,
        AddressedPort(id=port_id, mac_address=mac, device_owner=want.device_owner),
        None if want.fixed_ips is UNSET else want.fixed_ips,
    )
    port = Port(
        id=port_id,
        project_id=project_id,
        network_id=network.id,
        mac_address=mac,
        fixed_ips=fixed_ips,
        name=want.name,
        description=want.description,
        admin_state_up=want.admin_state_up,
        device_id=want.device_id,
        device_owner=want.device_owner,
        parent_name=profile.parent_name,
        tag=tag_under(tx, port_id, profile, None),
        profile=profile.others,
        vnic_type=want.vnic_type,
        host_id=want.host_id,
        port_security_enabled=secured(network, want.port_security_enabled, want.device_owner),
        allowed_address_pairs=allowed_pairs(tx, want.allowed_address_pairs, mac),
        extra_dhcp_opts=merged_options((), want.extra_dhcp_opts),
        tags=want.tags,
        idempotency_key=key.written if key is not None else "",
    )
    check_together(port)
    return tx.put(port)


def tag_under(tx: Tx, port_id: str, profile: BindingProfile, kept: int | None) -> int | None:
    """The tag of a container port with that profile; `kept` is the one it has, used if none is wanted.

    Raises:
        ParentIsItself, ParentIsContainerPort, ParentIsNoVif: nothing can be bound under that parent.
        TagInUse, NoTagLeft: see `claim_tag`.
    """
    if profile.parent_name is None:
        return None
    if profile.parent_name == port_id:
        raise ParentIsItself(port_id=port_id)
    parent = tx.get(Port, profile.parent_name)
    if parent.parent_name is not None:
        raise ParentIsContainerPort(parent=parent.id, grandparent=parent.parent_name)
    kind = lsp_type(parent)
    if kind:
        raise ParentIsNoVif(parent=parent.id, kind=kind)
    wanted = kept if profile.tag is None else profile.tag
    return claim_tag(tx, port_id, parent.id, wanted)


def secured(network: Network, wanted: bool | UnsetType, device_owner: str) -> bool:
    """Whether a port gets port security: as wanted, else as its network says; the network's own never do."""
    if device_owner.startswith("network:"):
        return False
    return network.port_security_enabled if wanted is UNSET else wanted


def allowed_pairs(tx: Tx, wanted: Sequence[AddressPairRequest], mac: str) -> tuple[AddressPair, ...]:
    """The allowed address pairs of a port with this MAC.

    Raises:
        AllowedAddressPairExhausted: they are more than a port may have.
    """
    most = tx.settings.max_allowed_address_pairs
    if len(wanted) > most:
        raise AllowedAddressPairExhausted(quota=most)
    return tuple(
        AddressPair(ip_address=pair.ip_address, mac_address=pair.mac_address or mac) for pair in wanted
    )


def merged_options(present: Sequence[DhcpOption], wanted: Sequence[DhcpOption]) -> tuple[DhcpOption, ...]:
    """The options after a change: each wanted one replaces its namesake, a null value takes it away."""
    merged = {(option.opt_name, option.ip_version): option for option in present}
    for option in wanted:
        key = (option.opt_name, option.ip_version)
        if option.opt_value is None:
            merged.pop(key, None)
        else:
            merged[key] = option
    return tuple(merged.values())


def check_together(port: Port) -> None:
    """What a port's attributes must fulfil together.

    Raises:
        AddressPairAndPortSecurityRequired: address pairs without port security.
    """
    if port.allowed_address_pairs and not port.port_security_enabled:
        raise AddressPairAndPortSecurityRequired()


def refuse_groups(wanted: Sequence[str] | UnsetType) -> None:
    """Whether the groups are there; there are none yet.

    Raises:
        SecurityGroupNotFound: one is wanted.
    """
    if wanted is not UNSET and wanted:
        raise SecurityGroupNotFound(id=wanted[0])
