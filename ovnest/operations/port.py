"""What can be done with ports, container ports among them.

Source: Neutron API reference, "Ports"; ML2/OVN for what a `binding:profile` means.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ovnest.errors.container_port import (
    ParentHasContainerPorts,
)
from ovnest.errors.port import (
    PortBound,
    UnsupportedDeviceOwner,
    UnsupportedPortDeviceOwner,
)
from ovnest.operations.kind import Extension, Kind, Narrow
from ovnest.operations.steps.binding import FAILED, UNBOUND, binding_of, vif_type_of
from ovnest.operations.steps.choose_addresses import AUTOMATIC, AddressedPort, choose_addresses
from ovnest.operations.steps.choose_mac import choose_mac
from ovnest.operations.steps.chosen import changes
from ovnest.operations.steps.claim_tag import free_tag
from ovnest.operations.steps.drop_port import drop_port
from ovnest.operations.steps.idempotency_key import IdempotencyKey, replayed
from ovnest.operations.steps.make_port import (
    FLOATING_IP,
    allowed_pairs,
    check_together,
    make_port,
    merged_options,
    refuse_groups,
    secured,
    tag_under,
)
from ovnest.operations.steps.naming import some
from ovnest.operations.steps.ownership import owner_of_new
from ovnest.operations.steps.plugged import plug_state_of
from ovnest.operations.steps.profile import read_profile
from ovnest.operations.steps.rights import require_create, require_delete, require_update
from ovnest.operations.steps.visible import visible_network, visible_port
from ovnest.policy.rules.port import RULES
from ovnest.resources.network import Network
from ovnest.resources.port import (
    PORT,
    BindingProfile,
    CreatePort,
    FixedIpRequest,
    Port,
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


def create_port_with_key(tx: Tx, want: CreatePort, key: IdempotencyKey) -> tuple[Port, bool]:
    """Make a port, unless this request has made one that is still there; whether it is new.

    Raises:
        IdempotencyKeyReused: another request with that key has made one.
        Otherwise as `create_port`.
    """
    before = replayed(tx, key, owner_of_new(tx, want.project_id))
    if before is not None:
        return visible_port(tx, before.id), False
    return create_port(tx, want, key), True


def create_port(tx: Tx, want: CreatePort, key: IdempotencyKey | None = None) -> Port:
    """Make a port; with a `parent_name` in its profile, a container port. `key` stays with it.

    Raises:
        NetworkNotFound, PortNotFound: the network or the parent is not there for this caller.
        PolicyNotAuthorized: the caller may not, or not with these attributes.
        Those of `errors.port` and `errors.container_port`: an attribute cannot be as wanted.
    """
    network = visible_network(tx, want.network_id)
    project_id = require_create(tx, PORT, want, network)
    return make_port(tx, network, project_id, want, key)


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
    require_update(tx, PORT, change, before, device_owner=owner)
    refuse_groups(given.pop("security_groups", ()))
    port = before
    if "mac_address" in given:
        port = replace(port, mac_address=_new_mac(tx, network, before, owner, given.pop("mac_address")))
    if "profile" in given:
        vnic_type = given.get("vnic_type", before.vnic_type)
        port = _under_parent(tx, port, read_profile(tx, given.pop("profile"), vnic_type))
    port = _with_owner(network, port, given)
    if "allowed_address_pairs" in given:
        port = replace(
            port,
            allowed_address_pairs=allowed_pairs(tx, given.pop("allowed_address_pairs"), port.mac_address),
        )
    if "extra_dhcp_opts" in given:
        port = replace(
            port, extra_dhcp_opts=merged_options(before.extra_dhcp_opts, given.pop("extra_dhcp_opts"))
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
    check_together(port)
    return tx.put(port)


def delete_port(tx: Tx, port_id: str, query: Mapping[str, str]) -> None:
    """Delete a port. What becomes of container ports under it: the setting `parent_delete` says it, and
    `?cascade=true` on the request takes them along whatever it says.

    Raises:
        PortNotFound: there is none that the caller may see.
        ParentHasContainerPorts: it has container ports, and neither lets them go or stay.
    """
    port = visible_port(tx, port_id)
    require_delete(tx, PORT, port)
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
                require_delete(tx, PORT, child)
    # The parent first: then nobody need remember which tags its children had.
    for each in (port, *going):
        drop_port(tx, each)


def computed(tx: Tx, port: Port) -> dict[str, Any]:
    """What of a port is not its own fact, or shown otherwise."""
    binding = binding_of(tx, port)
    profile = BindingProfile(parent_name=port.parent_name, tag=port.tag, others=port.profile)
    shown: dict[str, Any] = {
        "status": binding.status,
        "security_groups": (),
        "profile": profile.shown(),
        "vif_type": binding.vif_type,
        "vif_details": binding.vif_details,
    }
    if port.parent_name is not None:
        state = plug_state_of(tx, port, port.parent_name)
        shown["plugged"], shown["status_reason"] = state.plugged, state.reason
    return shown


def _refuse_children(tx: Tx, port_id: str, advice: str) -> None:
    names = tx.all(NAMES_OF_CHILDREN, port_id)
    if names:
        raise ParentHasContainerPorts(port_id=port_id, count=len(names), children=some(names), advice=advice)


def _under_parent(tx: Tx, port: Port, profile: BindingProfile) -> Port:
    """The port with another profile: as a container port, under another parent, or as a plain port."""
    if profile.parent_name not in (None, port.id):
        _refuse_children(tx, port.id, "OVN binds no child of a child; delete or move them first.")
    stays = profile.parent_name is not None and profile.parent_name == port.parent_name
    tag = tag_under(tx, port.id, profile, port.tag if stays else None)
    if (port.parent_name, port.tag) != (profile.parent_name, tag):
        free_tag(tx, port)
    return replace(port, parent_name=profile.parent_name, tag=tag, profile=profile.others)


def _with_owner(network: Network, port: Port, given: dict[str, Any]) -> Port:
    owner = given.pop("device_owner", port.device_owner)
    if owner != port.device_owner and FLOATING_IP in (owner, port.device_owner):
        raise UnsupportedDeviceOwner(device_owner=FLOATING_IP)
    wanted = given.pop("port_security_enabled", port.port_security_enabled)
    return replace(port, device_owner=owner, port_security_enabled=secured(network, wanted, owner))


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


KIND = Kind(
    resource=PORT,
    rules=RULES,
    create=create_port,
    create_with_key=create_port_with_key,
    update=update_port,
    delete=delete_port,
    delete_query={"cascade": "Delete the container ports under the port as well."},
    computed=computed,
    otherwise=frozenset({"profile"}),
    filters=(
        Narrow(lookup=PORT_BY_MAC, by=("network_id", "mac_address")),
        Narrow(lookup=PORT_BY_ADDRESS, by=("network_id", "fixed_ips"), part="ip_address"),
        Narrow(lookup=PORTS_OF_DEVICE, by=("device_id",)),
        Narrow(lookup=PORTS_OF_NETWORK, by=("network_id",)),
        Narrow(lookup=PORTS_OF_PROJECT, by=("project_id",)),
        Narrow(lookup=PORTS_OF_PROJECT, by=("tenant_id",)),
    ),
    aliases=(
        Extension(
            alias="allowed-address-pairs",
            name="Allowed Address Pairs",
            updated="2013-07-23T10:00:00-00:00",
            description="Further addresses that a port may use.",
            attributes=("allowed_address_pairs",),
        ),
        Extension(
            alias="binding",
            name="Port Binding",
            updated="2014-02-03T10:00:00-00:00",
            description="Where a port is plugged in, and the parent and tag of a container port.",
            attributes=(
                "binding:host_id",
                "binding:profile",
                "binding:vif_details",
                "binding:vif_type",
                "binding:vnic_type",
            ),
        ),
        Extension(
            alias="extra_dhcp_opt",
            name="Neutron Extra DHCP options",
            updated="2013-03-17T12:00:00-00:00",
            description="DHCP options of one port.",
            attributes=("extra_dhcp_opts",),
        ),
        Extension(
            alias="ip-substring-filtering",
            name="IP address substring filtering",
            updated="2017-11-28T09:00:00-00:00",
            description="Ports can be filtered by a part of an address.",
            attributes=("fixed_ips",),
        ),
        Extension(
            alias="port-mac-address-regenerate",
            name="Neutron Port MAC address regenerate",
            updated="2018-05-03T10:00:00-00:00",
            description="Setting a port's MAC address to null gives it a new one.",
            attributes=("mac_address",),
        ),
        Extension(
            alias="port-security",
            name="Port Security",
            updated="2012-07-23T10:00:00-00:00",
            description="Whether a port may only use its own addresses.",
            attributes=("port_security_enabled",),
        ),
    ),
)
