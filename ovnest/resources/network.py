"""Networks: what a client may send, what the database holds, what is shown.

Source: Neutron API reference, "Networks"; extensions net-mtu, port-security, external-net, provider.
"""

from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ovnest.errors.network import NetworkNotFound
from ovnest.resources.fields import (
    DESCRIPTION_MAX,
    NAME_MAX,
    Coercions,
    Description,
    Name,
    boolean,
    choice,
    distinct,
    limited,
    listed,
    optional,
    resource_tags,
    text_or_empty,
    whole_number,
    without,
)
from ovnest.resources.resource import Resource

NetworkType = Literal["geneve", "vlan", "flat"]
NETWORK_TYPES = get_args(NetworkType)
MTU_MAX = 65535
SEGMENTATION_ID_MAX = (1 << 24) - 1
Mtu = Annotated[int, Meta(ge=0, le=MTU_MAX)]
SegmentationId = Annotated[int, Meta(ge=1, le=SEGMENTATION_ID_MAX)]


class Network(Struct, frozen=True, kw_only=True, gc=False):
    """The facts of one network. `segment_id` names its physical segment; None on a tunnel network."""

    id: str  # UUID, the `_uuid` of its Logical_Switch
    project_id: str  # its owner
    name: str = ""  # for people; several may have the same
    description: str = ""  # for people
    admin_state_up: bool = True  # kept and shown; OVN has no such switch for a network
    shared: bool = False  # every project may use it
    external: bool = False  # router:external: routers may have their gateway there
    mtu: int = 0  # bytes of an IP packet
    port_security_enabled: bool = True  # whether new ports get it
    dns_domain: str = ""  # kept and shown
    network_type: str = "geneve"  # provider:network_type: geneve, vlan or flat
    physical_network: str | None = None  # None on a tunnel network
    segmentation_id: int | None = None  # VLAN ID; of a tunnel network the number shown
    segment_id: str | None = None  # UUID, the `_uuid` of its localnet port; None on a tunnel network
    availability_zone_hints: tuple[str, ...] = ()  # kept and shown
    tags: tuple[str, ...] = ()  # words that stick to it, in alphabetical order
    created_at: str = ""  # UTC, YYYY-MM-DDTHH:MM:SSZ
    updated_at: str = ""  # likewise
    revision_number: int = 0  # from 1; each change raises it


class CreateNetwork(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may send to make a network. What is left out gets the default here."""

    project_id: Name | None = None
    name: Name = ""
    description: Description = ""
    admin_state_up: bool = True
    shared: bool = False
    external: bool = field(default=False, name="router:external")
    mtu: Mtu = 0
    port_security_enabled: bool = True
    dns_domain: Name = ""
    network_type: NetworkType | None = field(default=None, name="provider:network_type")
    physical_network: Name | None = field(default=None, name="provider:physical_network")
    segmentation_id: SegmentationId | None = field(default=None, name="provider:segmentation_id")
    availability_zone_hints: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class UpdateNetwork(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may change. A field left out stays as it is."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    admin_state_up: bool | UnsetType = UNSET
    shared: bool | UnsetType = UNSET
    external: bool | UnsetType = field(default=UNSET, name="router:external")
    mtu: Mtu | UnsetType = UNSET
    port_security_enabled: bool | UnsetType = UNSET
    dns_domain: Name | UnsetType = UNSET


class NetworkBody(Struct, frozen=True, kw_only=True, gc=False):
    """A network as it is shown."""

    id: str
    name: str
    tenant_id: str
    project_id: str
    admin_state_up: bool
    mtu: int
    status: str
    subnets: tuple[str, ...]
    shared: bool
    availability_zone_hints: tuple[str, ...]
    availability_zones: tuple[str, ...]
    ipv4_address_scope: str | None
    ipv6_address_scope: str | None
    external: bool = field(name="router:external")
    description: str
    port_security_enabled: bool
    dns_domain: str
    tags: tuple[str, ...]
    created_at: str
    updated_at: str
    revision_number: int
    network_type: str = field(name="provider:network_type")
    physical_network: str | None = field(name="provider:physical_network")
    segmentation_id: int | None = field(name="provider:segmentation_id")


_BOTH: Coercions = {
    "name": limited(NAME_MAX, text_or_empty),
    "description": limited(DESCRIPTION_MAX, text_or_empty),
    "admin_state_up": boolean,
    "shared": boolean,
    "router:external": boolean,
    "mtu": whole_number(0, MTU_MAX),
    "port_security_enabled": boolean,
    "dns_domain": limited(NAME_MAX, text_or_empty),
}
UPDATE_NETWORK = _BOTH
CREATE_NETWORK: Coercions = {
    **_BOTH,
    "project_id": optional(limited(NAME_MAX)),
    "tenant_id": optional(limited(NAME_MAX)),
    "provider:network_type": optional(choice(*NETWORK_TYPES)),
    "provider:physical_network": optional(limited(NAME_MAX)),
    "provider:segmentation_id": optional(whole_number(1, SEGMENTATION_ID_MAX)),
    "availability_zone_hints": distinct(listed(without(",", limited(NAME_MAX)))),
    "tags": resource_tags,
}

NETWORK = Resource(
    singular="network",
    plural="networks",
    facts=Network,
    body=NetworkBody,
    not_found=lambda key: NetworkNotFound(net_id=key),
    create=CreateNetwork,
    create_coercions=CREATE_NETWORK,
    update=UpdateNetwork,
    update_coercions=UPDATE_NETWORK,
)
