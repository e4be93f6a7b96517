"""What can be done with ports, container ports among them.

Source: Neutron API reference, "Ports"; ML2/OVN for what a `binding:profile` means.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ovnest.errors.container_port import (
    ParentHasContainerPorts,
    ParentIsContainerPort,
    ParentIsItself,
    ParentIsNoVif,
)
from ovnest.errors.port import (
    AddressPairAndPortSecurityRequired,
    AllowedAddressPairExhausted,
    PortBound,
    SecurityGroupNotFound,
    UnsupportedDeviceOwner,
    UnsupportedPortDeviceOwner,
)
from ovnest.operations.steps.binding import FAILED, UNBOUND, binding_of, vif_type_of
from ovnest.operations.steps.choose_addresses import AUTOMATIC, AddressedPort, choose_addresses
from ovnest.operations.steps.choose_mac import choose_mac
from ovnest.operations.steps.chosen import changes
from ovnest.operations.steps.claim_tag import claim_tag, free_tag
from ovnest.operations.steps.drop_port import drop_port
from ovnest.operations.steps.idempotency_key import Once, made_before
from ovnest.operations.steps.naming import some
from ovnest.operations.steps.ownership import owner_of_new
from ovnest.operations.steps.plugged import plug_state_of
from ovnest.operations.steps.profile import read_profile
from ovnest.operations.steps.rights import require_create, require_delete, require_update
from ovnest.operations.steps.visible import of_network, port_target, visible_network, visible_port
from ovnest.resources.network import Network
from ovnest.resources.port import (
    AddressPair,
    AddressPairRequest,
    BindingProfile,
    CreatePort,
    DhcpOption,
    FixedIpRequest,
    Port,
    PortBody,
    UpdatePort,
)
from ovnest.resources.subnet import Subnet
from ovnest.rows.port.columns import lsp_type
from ovnest.rows.port.lookups import (
    CHILDREN_OF,
    NAMES_OF_CHILDREN,
    PORT_BY_ADDRESS,
    PORT_BY_MAC,
    PORTS_OF_DEVICE,
    PORTS_OF_NETWORK,
    PORTS_OF_PROJECT,
)
from ovnest.transaction import Tx

FLOATING_IP = "network:floatingip"


def create_port_once(tx: Tx, want: CreatePort, once: Once) -> tuple[Port, bool]:
    """Make a port, unless this request has made one that is still there; whether it is new.

    Raises:
        IdempotencyKeyReused: another request with that key has made one.
        Otherwise as `create_port`.
    """
    before = made_before(tx, once, owner_of_new(tx, want.project_id))
    if before is not None:
        return visible_port(tx, before.id), False
    return create_port(tx, want, once), True


def create_port(tx: Tx, want: CreatePort, once: Once | None = None) -> Port:
    """Make a port; with a `parent_name` in its profile, a container port. `once` stays with it.

    Raises:
        NetworkNotFound, PortNotFound: the network or the parent is not there for this caller.
        PolicyNotAuthorized: the caller may not, or not with these attributes.
        Those of `errors.port` and `errors.container_port`: an attribute cannot be as wanted.
    """
    network = visible_network(tx, want.network_id)
    project_id = owner_of_new(tx, want.project_id)
    require_create(tx, "port", want, of_network(network, project_id, want.device_owner))
    _refuse_groups(want.security_groups)
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
        tag=_tag(tx, port_id, profile, None),
        profile=profile.others,
        vnic_type=want.vnic_type,
        host_id=want.host_id,
        port_security_enabled=_secured(network, want.port_security_enabled, want.device_owner),
        allowed_address_pairs=_pairs(tx, want.allowed_address_pairs, mac),
        extra_dhcp_opts=_merged_options((), want.extra_dhcp_opts),
        tags=want.tags,
        idempotency_key=once.written if once is not None else "",
    )
    _check(port)
    return tx.put(port)


def update_port(tx: Tx, port_id: str, change: UpdatePort) -> Port:
    """Change a port. Lists and the profile are replaced whole, DHCP options one by one, as Neutron does.

    Raises:
        PortNotFound: there is none that the caller may see.
        PortBound, UnsupportedPortDeviceOwner: the MAC address of a port in use, or of the network's own,
            cannot change.
        Otherwise as `create_port`.
    """
    before = visible_port(tx, port_id)
    network = tx.get(Network, before.network_id)
    given = changes(change)
    owner = given.get("device_owner", before.device_owner)
    require_update(tx, "port", change, of_network(network, before.project_id, owner))
    _refuse_groups(given.pop("security_groups", ()))
    port = before
    if "mac_address" in given:
        port = replace(port, mac_address=_new_mac(tx, network, before, owner, given.pop("mac_address")))
    if "profile" in given:
        vnic_type = given.get("vnic_type", before.vnic_type)
        port = _under_parent(tx, port, read_profile(tx, given.pop("profile"), vnic_type))
    port = _with_owner(network, port, given)
    if "allowed_address_pairs" in given:
        port = replace(
            port, allowed_address_pairs=_pairs(tx, given.pop("allowed_address_pairs"), port.mac_address)
        )
    if "extra_dhcp_opts" in given:
        port = replace(
            port, extra_dhcp_opts=_merged_options(before.extra_dhcp_opts, given.pop("extra_dhcp_opts"))
        )
    wanted = given.pop("fixed_ips", None)
    if wanted is None and port.mac_address != before.mac_address:
        wanted = _without_automatic(tx, before)
    if wanted is not None:
        addressed = AddressedPort(
            id=port.id,
            mac_address=port.mac_address,
            device_owner=port.device_owner,
            fixed_ips=before.fixed_ips,
        )
        port = replace(port, fixed_ips=choose_addresses(tx, network, addressed, wanted))
    port = replace(port, **given)
    if lsp_type(port) and not lsp_type(before):
        _refuse_children(tx, port.id, f"OVN binds none under a {lsp_type(port)} port; delete them first.")
    _check(port)
    return tx.put(port)


def delete_port(tx: Tx, port_id: str, query: Mapping[str, str]) -> None:
    """Delete a port. What becomes of container ports under it: the setting `parent_delete` says it, and
    `?cascade=true` on the request takes them along whatever it says.

    Raises:
        PortNotFound: there is none that the caller may see.
        ParentHasContainerPorts: it has container ports, and neither lets them go or stay.
    """
    port = visible_port(tx, port_id)
    require_delete(tx, "port", port_target(tx, port))
    going: list[Port] = []
    if tx.any(CHILDREN_OF, port_id):
        cascade = query.get("cascade", "").lower() in ("true", "1")
        policy = "cascade" if cascade else tx.settings.parent_delete
        if policy == "refuse":
            advice = "Delete them first, or delete the port with ?cascade=true to take them along."
            _refuse_children(tx, port_id, advice)
        if policy == "cascade":
            going = tx.all(CHILDREN_OF, port_id)
            for child in going:
                require_delete(tx, "port", port_target(tx, child))
    # The parent first: then nobody need remember which tags its children had.
    for each in (port, *going):
        drop_port(tx, each)


def show_port(tx: Tx, port_id: str) -> Port:
    """The port of that id; PortNotFound when the caller may see none."""
    return visible_port(tx, port_id)


def list_ports(tx: Tx, filters: Mapping[str, Sequence[str]]) -> Iterator[Port]:
    """The ports that the caller may see and that may match the filters, by the narrowest index."""
    for port in _candidates(tx, filters):
        if port is not None and tx.rights.allows("get_port", port_target(tx, port)):
            yield port


def port_body(tx: Tx, port: Port) -> PortBody:
    """A port as it is shown."""
    binding = binding_of(tx, port)
    state = None if port.parent_name is None else plug_state_of(tx, port, port.parent_name)
    return PortBody(
        id=port.id,
        name=port.name,
        network_id=port.network_id,
        tenant_id=port.project_id,
        project_id=port.project_id,
        mac_address=port.mac_address,
        admin_state_up=port.admin_state_up,
        status=binding.status,
        device_id=port.device_id,
        device_owner=port.device_owner,
        fixed_ips=port.fixed_ips,
        allowed_address_pairs=port.allowed_address_pairs,
        extra_dhcp_opts=port.extra_dhcp_opts,
        security_groups=(),
        port_security_enabled=port.port_security_enabled,
        description=port.description,
        tags=port.tags,
        created_at=port.created_at,
        updated_at=port.updated_at,
        revision_number=port.revision_number,
        vnic_type=port.vnic_type,
        profile=BindingProfile(parent_name=port.parent_name, tag=port.tag, others=port.profile).shown(),
        host_id=port.host_id,
        vif_type=binding.vif_type,
        vif_details=binding.vif_details,
        plugged=UNSET if state is None else state.plugged,
        status_reason=UNSET if state is None else state.reason,
    )


def _candidates(tx: Tx, filters: Mapping[str, Sequence[str]]) -> Iterator[Port | None]:
    if filters.get("id"):
        return (tx.find(Port, key) for key in dict.fromkeys(filters["id"]))
    networks = [value for value in filters.get("network_id", ()) if value]
    for attribute, prefix, exact in (
        ("mac_address", "", PORT_BY_MAC),
        ("fixed_ips", "ip_address=", PORT_BY_ADDRESS),
    ):
        values = filters.get(attribute, ())
        if networks and values and all(value.startswith(prefix) for value in values):
            exacts = [value.removeprefix(prefix) for value in values]
            pairs = dict.fromkeys((network, value) for network in networks for value in exacts)
            found = {port.id: port for pair in pairs for port in tx.all(exact, pair)}
            return iter(found.values())
    for attribute, index in (
        ("device_id", PORTS_OF_DEVICE),
        ("network_id", PORTS_OF_NETWORK),
        ("project_id", PORTS_OF_PROJECT),
        ("tenant_id", PORTS_OF_PROJECT),
    ):
        values = list(dict.fromkeys(filters.get(attribute, ())))
        if values and all(values):
            return (port for value in values for port in tx.all(index, value))
    return tx.all(Port)


def _tag(tx: Tx, port_id: str, profile: BindingProfile, kept: int | None) -> int | None:
    """The tag of a container port with that profile; one it has already is kept if none is wanted."""
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


def _refuse_children(tx: Tx, port_id: str, advice: str) -> None:
    names = tx.all(NAMES_OF_CHILDREN, port_id)
    if names:
        raise ParentHasContainerPorts(port_id=port_id, count=len(names), children=some(names), advice=advice)


def _under_parent(tx: Tx, port: Port, profile: BindingProfile) -> Port:
    """The port with another profile: as a container port, under another parent, or as a plain port."""
    if profile.parent_name not in (None, port.id):
        _refuse_children(tx, port.id, "OVN binds no child of a child; delete or move them first.")
    stays = profile.parent_name is not None and profile.parent_name == port.parent_name
    tag = _tag(tx, port.id, profile, port.tag if stays else None)
    if (port.parent_name, port.tag) != (profile.parent_name, tag):
        free_tag(tx, port)
    return replace(port, parent_name=profile.parent_name, tag=tag, profile=profile.others)


def _with_owner(network: Network, port: Port, given: dict[str, Any]) -> Port:
    owner = given.pop("device_owner", port.device_owner)
    if owner != port.device_owner and FLOATING_IP in (owner, port.device_owner):
        raise UnsupportedDeviceOwner(device_owner=FLOATING_IP)
    wanted = given.pop("port_security_enabled", port.port_security_enabled)
    return replace(port, device_owner=owner, port_security_enabled=_secured(network, wanted, owner))


def _new_mac(tx: Tx, network: Network, port: Port, owner: str, wanted: str | None) -> str:
    if wanted == port.mac_address:
        return wanted
    if owner.startswith("network:"):
        raise UnsupportedPortDeviceOwner(op="mac address update", port_id=port.id, device_owner=owner)
    vif_type = vif_type_of(tx, port)
    if vif_type not in (UNBOUND, FAILED):
        raise PortBound(port_id=port.id, vif_type=vif_type, old_mac=port.mac_address, new_mac=wanted)
    return choose_mac(tx, network, wanted, port.id)


def _without_automatic(tx: Tx, port: Port) -> list[FixedIpRequest]:
    """What a port asks for to keep its addresses, but for those that follow from its MAC address."""
    return [
        FixedIpRequest(subnet_id=fixed.subnet_id, ip_address=fixed.ip_address)
        for fixed in port.fixed_ips
        if tx.get(Subnet, fixed.subnet_id).ipv6_address_mode not in AUTOMATIC
    ]


def _secured(network: Network, wanted: bool | UnsetType, device_owner: str) -> bool:
    if device_owner.startswith("network:"):
        return False
    return network.port_security_enabled if wanted is UNSET else wanted


def _pairs(tx: Tx, wanted: Sequence[AddressPairRequest], mac: str) -> tuple[AddressPair, ...]:
    most = tx.settings.max_allowed_address_pairs
    if len(wanted) > most:
        raise AllowedAddressPairExhausted(quota=most)
    return tuple(
        AddressPair(ip_address=pair.ip_address, mac_address=pair.mac_address or mac) for pair in wanted
    )


def _merged_options(present: Sequence[DhcpOption], wanted: Sequence[DhcpOption]) -> tuple[DhcpOption, ...]:
    """The options after a change: each wanted one replaces its namesake, a null value takes it away."""
    merged = {(option.opt_name, option.ip_version): option for option in present}
    for option in wanted:
        key = (option.opt_name, option.ip_version)
        if option.opt_value is None:
            merged.pop(key, None)
        else:
            merged[key] = option
    return tuple(merged.values())


def _check(port: Port) -> None:
    if port.allowed_address_pairs and not port.port_security_enabled:
        raise AddressPairAndPortSecurityRequired()


def _refuse_groups(wanted: Sequence[str] | UnsetType) -> None:
    if wanted is not UNSET and wanted:
        raise SecurityGroupNotFound(id=wanted[0])
