"""Address scopes: what a client may send, what the database holds, what is shown.

Source: Neutron API reference, "Address scopes".
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ovnest.errors.address_scope import AddressScopeNotFound
from ovnest.resources.fields import NAME_MAX, Coercions, Name, boolean, ip_version, limited, optional
from ovnest.resources.resource import Resource

IpVersion = Literal[4, 6]


class AddressScope(Struct, frozen=True, kw_only=True, gc=False):
    """The facts of one address scope: addresses of one IP version that do not overlap."""

    id: str
    project_id: Annotated[str, Meta(description="project_id")]
    name: Annotated[str, Meta(description="the scope's name")] = ""
    ip_version: Annotated[IpVersion, Meta(description="4 or 6; it never changes")]
    shared: Annotated[bool, Meta(description="`true` when all projects may use the scope")] = False


class CreateAddressScope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may send to make an address scope. What is left out gets the default here."""

    ip_version: IpVersion
    project_id: Name | None = None
    name: Name = ""
    shared: bool = False


class UpdateAddressScope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may change. A field left out stays as it is."""

    name: Name | UnsetType = UNSET
    shared: bool | UnsetType = UNSET


class AddressScopeBody(Struct, frozen=True, kw_only=True, gc=False):
    """An address scope as it is shown."""

    id: str
    name: str
    tenant_id: str
    project_id: str
    ip_version: int
    shared: bool


_BOTH: Coercions = {"name": limited(NAME_MAX), "shared": boolean}

ADDRESS_SCOPE = Resource(
    singular="address_scope",
    plural="address_scopes",
    path="address-scopes",
    facts=AddressScope,
    body=AddressScopeBody,
    not_found=lambda key: AddressScopeNotFound(address_scope_id=key),
    create=CreateAddressScope,
    create_coercions={
        **_BOTH,
        "ip_version": ip_version,
        "project_id": optional(limited(NAME_MAX)),
        "tenant_id": optional(limited(NAME_MAX)),
    },
    update=UpdateAddressScope,
    update_coercions=_BOTH,
)
