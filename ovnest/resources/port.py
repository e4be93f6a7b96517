"""Ports: what a client may send, what the database holds, what is shown.

A container port is a port whose `binding:profile` names a parent and a tag. At the wire the profile is a
free mapping; what we know of it becomes `BindingProfile`, and the rest is kept as it came.

Source: Neutron API reference, "Ports"; extensions binding, port-security, allowed-address-pairs,
extra_dhcp_opt.
"""

from typing import Any, Literal, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from ovnest.errors.port import AllowedAddressPairsMissingIP, DuplicateAddressPairInRequest, PortNotFound
from ovnest.resources.fields import (
    DESCRIPTION_MAX,
    NAME_MAX,
    Coercions,
    Description,
    MacAddress,
    Name,
    Uuid,
    boolean,
    choice,
    ip_address,
    ip_or_network_text,
    ip_version,
    limited,
    listed,
    mac_address,
    mapping,
    one_line,
    optional,
    required,
    resource_tags,
    text_or_empty,
    unicast,
    uuid,
)
from ovnest.resources.network import NETWORK
from ovnest.resources.resource import Parent, Resource

# Owners of routers' ports. Those in the first set have no addresses that hosts would give themselves.
ROUTER_INTERFACES = frozenset(
    {
        "network:router_interface",
        "network:ha_router_replicated_interface",
        "network:router_interface_distributed",
        "network:router_centralized_snat",
    }
)
ROUTER_PORTS = ROUTER_INTERFACES | {"network:router_gateway"}
BLANK_DHCP_OPTIONS = frozenset({"router", "classless-static-route"})  # empty: leave it out for this port
PROFILE_MAX = 4095  # characters of its JSON, as Neutron's column holds
VnicType = Literal[
    "normal",
    "direct",
    "macvtap",
    "baremetal",
    "direct-physical",
    "virtio-forwarder",
    "smart-nic",
    "remote-managed",
    "vdpa",
    "accelerator-direct",
    "accelerator-direct-physical",
]
VNIC_TYPES = get_args(VnicType)


class FixedIp(Struct, frozen=True, gc=False):
    """An address of a port and the subnet it belongs to."""

    subnet_id: str
    ip_address: str


class FixedIpRequest(Struct, frozen=True, kw_only=True):
    """A wanted address: by subnet, by address, or both."""

    subnet_id: Uuid | None = None
    ip_address: str | None = None


class AddressPair(Struct, frozen=True, kw_only=True, gc=False):
    """Another address that the port may use; without a MAC it is the port's own."""

    ip_address: str
    mac_address: str


class AddressPairRequest(Struct, frozen=True, kw_only=True):
    """An allowed address pair as a client sends it."""

    ip_address: str
    mac_address: str | None = None


class DhcpOption(Struct, frozen=True, kw_only=True, gc=False):
    """A DHCP option of one port. `opt_value` null on update takes the option away."""

    opt_name: str
    opt_value: str | None
    ip_version: int = 4


class BindingProfile(Struct, frozen=True, kw_only=True):
    """`binding:profile`: the parent and tag of a container port, and all other keys as they came.

    `tag` is None where a parent is named and the server is to choose (no tag, or tag 0).
    """

    parent_name: str | None = None
    tag: int | None = None
    others: dict[str, Any] = {}

    def shown(self) -> dict[str, Any]:
        """The mapping as a client sees it."""
        if self.parent_name is None:
            return self.others
        return {"parent_name": self.parent_name, "tag": self.tag, **self.others}


class Port(Struct, frozen=True, kw_only=True, gc=False):
    """The facts of one port. `up` is observed: OVN says it, and nobody writes it here."""

    id: str  # UUID, the `_uuid` and the name of its Logical_Switch_Port
    project_id: str  # its owner
    network_id: str  # UUID of its network
    mac_address: str  # lower case, with colons
    fixed_ips: tuple[FixedIp, ...] = ()  # its addresses and their subnets, in their order
    name: str = ""  # for people; several may have the same
    description: str = ""  # for people
    admin_state_up: bool = True  # false: OVN drops all
    device_id: str = ""  # who uses it, in the words of its owner
    device_owner: str = ""  # what uses it: compute:…, network:…
    parent_name: str | None = None  # UUID of the VM's port that a container port is under
    tag: int | None = None  # VLAN ID of its frames under the parent; None without one
    profile: dict[str, Any] = {}  # binding:profile, without parent and tag
    vnic_type: str = "normal"  # binding:vnic_type
    host_id: str = ""  # binding:host_id: the chassis it is asked to be on
    port_security_enabled: bool = True  # only its own addresses pass
    allowed_address_pairs: tuple[AddressPair, ...] = ()  # further addresses that pass
    extra_dhcp_opts: tuple[DhcpOption, ...] = ()  # DHCP options of its own
    tags: tuple[str, ...] = ()  # words that stick to it, in alphabetical order
    idempotency_key: str = ""  # of the request that made it, and a digest of that
    created_at: str = ""  # UTC, YYYY-MM-DDTHH:MM:SSZ
    updated_at: str = ""  # likewise
    revision_number: int = 0  # from 1; each change raises it
    up: bool = False  # OVN's word: it is bound

    @property
    def is_trusted(self) -> bool:
        """Whether the network itself owns it (`network:*`): no port security, no DHCP options."""
        return self.device_owner.startswith("network:")


class CreatePort(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may send to make a port. UNSET fields are chosen by the server."""

    network_id: Uuid
    project_id: Name | None = None
    name: Name = ""
    description: Description = ""
    admin_state_up: bool = True
    mac_address: MacAddress | UnsetType | None = UNSET
    fixed_ips: tuple[FixedIpRequest, ...] | UnsetType = UNSET
    device_id: Name = ""
    device_owner: Name = ""
    port_security_enabled: bool | UnsetType = UNSET
    allowed_address_pairs: tuple[AddressPairRequest, ...] = ()
    extra_dhcp_opts: tuple[DhcpOption, ...] = ()
    security_groups: tuple[Uuid, ...] | UnsetType = UNSET
    host_id: Name = field(default="", name="binding:host_id")
    vnic_type: VnicType = field(default="normal", name="binding:vnic_type")
    profile: dict[str, Any] = field(default_factory=dict, name="binding:profile")
    tags: tuple[str, ...] = ()


class UpdatePort(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may change. A field left out stays as it is; a list or profile is replaced whole."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    admin_state_up: bool | UnsetType = UNSET
    mac_address: MacAddress | UnsetType | None = UNSET
    fixed_ips: tuple[FixedIpRequest, ...] | UnsetType = UNSET
    device_id: Name | UnsetType = UNSET
    device_owner: Name | UnsetType = UNSET
    port_security_enabled: bool | UnsetType = UNSET
    allowed_address_pairs: tuple[AddressPairRequest, ...] | UnsetType = UNSET
    extra_dhcp_opts: tuple[DhcpOption, ...] | UnsetType = UNSET
    security_groups: tuple[Uuid, ...] | UnsetType = UNSET
    host_id: Name | UnsetType = field(default=UNSET, name="binding:host_id")
    vnic_type: VnicType | UnsetType = field(default=UNSET, name="binding:vnic_type")
    profile: dict[str, Any] | UnsetType = field(default=UNSET, name="binding:profile")


class PortBody(Struct, frozen=True, kw_only=True, gc=False):
    """A port as it is shown. `status`, `vif_type` and `vif_details` are computed.

    A container port also says whether its agent has plugged it (null: no agent says), and if something
    keeps it from working, what: `ovnest port why` has advice for each reason.
    """

    id: str
    name: str
    network_id: str
    tenant_id: str
    project_id: str
    mac_address: str
    admin_state_up: bool
    status: str
    device_id: str
    device_owner: str
    fixed_ips: tuple[FixedIp, ...]
    allowed_address_pairs: tuple[AddressPair, ...]
    extra_dhcp_opts: tuple[DhcpOption, ...]
    security_groups: tuple[str, ...]
    port_security_enabled: bool
    description: str
    tags: tuple[str, ...]
    created_at: str
    updated_at: str
    revision_number: int
    vnic_type: str = field(name="binding:vnic_type")
    profile: dict[str, Any] = field(name="binding:profile")
    host_id: str = field(name="binding:host_id")
    vif_type: str = field(name="binding:vif_type")
    vif_details: dict[str, Any] = field(name="binding:vif_details")
    plugged: bool | UnsetType | None = field(default=UNSET, name="ovnest:plugged")
    status_reason: str | UnsetType = field(default=UNSET, name="ovnest:status_reason")


def _profile(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a dictionary or None")
    if len(msgspec.json.encode(value)) > PROFILE_MAX:
        raise ValueError("binding:profile value too large")
    return value


def _fixed_ip(value: Any) -> dict[str, Any]:
    wanted: dict[str, Any] = mapping(subnet_id=optional(uuid), ip_address=optional(ip_address))(value)
    if not any(wanted.values()):
        raise ValueError("a fixed IP names a subnet_id, an ip_address, or both")
    return wanted


def _distinct_fixed_ips(value: Any) -> list[dict[str, Any]]:
    wanted: list[dict[str, Any]] = listed(_fixed_ip)(value)
    addresses = [item["ip_address"] for item in wanted if item.get("ip_address")]
    if len(set(addresses)) < len(addresses):
        raise ValueError("the same IP address stands twice")
    return wanted


def _address_pairs(value: Any) -> list[dict[str, Any]]:
    pair = mapping(ip_address=ip_or_network_text, mac_address=optional(unicast(mac_address)))
    pairs: list[dict[str, Any]] = listed(pair)(value)
    seen = set()
    for item in pairs:
        if "ip_address" not in item:
            raise AllowedAddressPairsMissingIP()
        key = (item["ip_address"], item.get("mac_address"))
        if key in seen:
            raise DuplicateAddressPairInRequest(ip_address=key[0], mac_address=key[1])
        seen.add(key)
    return pairs


_DHCP_OPTION = required(
    "opt_name",
    "opt_value",
    of=mapping(
        opt_name=one_line(limited(64)),
        opt_value=optional(one_line(limited(NAME_MAX))),
        ip_version=ip_version,
    ),
)


def _dhcp_options(value: Any) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = listed(_DHCP_OPTION)(value)
    for option in options:
        if not option["opt_name"]:
            raise ValueError("an option's opt_name is empty")
        if option["opt_value"] == "" and option["opt_name"] not in BLANK_DHCP_OPTIONS:
            raise ValueError(f"the option {option['opt_name']} has an empty value")
    return options


_BOTH: Coercions = {
    "name": limited(NAME_MAX, text_or_empty),
    "description": limited(DESCRIPTION_MAX, text_or_empty),
    "admin_state_up": boolean,
    "mac_address": optional(unicast(mac_address)),
    "fixed_ips": _distinct_fixed_ips,
    "device_id": limited(NAME_MAX, text_or_empty),
    "device_owner": limited(NAME_MAX, text_or_empty),
    "port_security_enabled": boolean,
    "allowed_address_pairs": _address_pairs,
    "extra_dhcp_opts": _dhcp_options,
    "security_groups": listed(uuid),
    "binding:host_id": limited(NAME_MAX, text_or_empty),
    "binding:vnic_type": choice(*VNIC_TYPES),
    "binding:profile": _profile,
}
UPDATE_PORT = _BOTH
CREATE_PORT: Coercions = {
    **_BOTH,
    "network_id": uuid,
    "project_id": optional(limited(NAME_MAX)),
    "tenant_id": optional(limited(NAME_MAX)),
    "tags": resource_tags,
}

PORT = Resource(
    singular="port",
    plural="ports",
    facts=Port,
    body=PortBody,
    not_found=lambda key: PortNotFound(port_id=key),
    create=CreatePort,
    create_coercions=CREATE_PORT,
    update=UpdatePort,
    update_coercions=UPDATE_PORT,
    parent=Parent(resource=NETWORK, attribute="network_id"),
)
