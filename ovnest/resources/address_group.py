"""Address groups: what a client may send, what the database holds, what is shown.

Source: Neutron API reference, "Address groups"; neutron_lib.api.definitions.address_group.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from ovnest.errors.address_group import AddressGroupNotFound
from ovnest.resources.fields import (
    DESCRIPTION_MAX,
    NAME_MAX,
    Coercions,
    Description,
    Name,
    ip_address,
    ip_network,
    limited,
    listed,
    optional,
    text,
    text_or_empty,
)
from ovnest.resources.resource import Resource

ADDRESSES_MAX = 10_000  # of a group, and of a request; the column is one value in each replica
_REMEMBERED = 65_536


class AddressGroup(Struct, frozen=True, kw_only=True, gc=False):
    """The facts of one address group: `addresses` are CIDRs in the order of `in_order`."""

    id: Annotated[str, Meta(description="the `_uuid` of its first Address_Set")]
    project_id: Annotated[str, Meta(description="the project that owns it")]
    name: str = ""
    description: str = ""
    addresses: Annotated[tuple[str, ...], Meta(description="both IP versions, each once")] = ()
    created_at: Annotated[str, Meta(description="UTC")] = ""
    updated_at: Annotated[str, Meta(description="UTC")] = ""
    revision_number: int = 0


class CreateAddressGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may send to make an address group. What is left out gets the default here."""

    project_id: Name | None = None
    name: Name = ""
    description: Description = ""
    addresses: tuple[str, ...] = ()


class UpdateAddressGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client may change. A field left out stays as it is; addresses have actions of their own."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType = UNSET


class Addresses(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses to be added to a group, or to be taken out."""

    addresses: tuple[str, ...]


class AddressGroupBody(Struct, frozen=True, kw_only=True, gc=False):
    """An address group as it is shown."""

    id: str
    name: str
    tenant_id: str
    project_id: str
    description: str
    addresses: tuple[str, ...]
    created_at: str
    updated_at: str
    revision_number: int


@lru_cache(maxsize=_REMEMBERED)
def cidr_of(written: str) -> str:
    """An address or a CIDR as the CIDR that it is shown as: an address as that of itself, without host bits.

    Remembered by its text, since a group of 5,000 is read again after each change of one.

    Raises:
        ValueError: it is neither.
    """
    return ip_network(written) if "/" in written else str(ipaddress.ip_network(ip_address(written)))


def is_ipv6(cidr: str) -> bool:
    """Whether a CIDR is one of IPv6."""
    return ":" in cidr


def in_order(cidrs: Iterable[str]) -> tuple[str, ...]:
    """Each once: those of IPv4 first, then as text, as the database sorts them."""
    return tuple(sorted(set(cidrs), key=lambda cidr: (is_ipv6(cidr), cidr)))


def _addresses(value: Any) -> list[str]:
    return list(in_order(map(cidr_of, listed(text, most=ADDRESSES_MAX)(value))))


def _new_addresses(value: Any) -> list[str]:
    """Of a new group each may be named once; two texts of one CIDR are one all the same, as in Neutron."""
    found = _addresses(value)
    twice = [str(each) for each, times in Counter(value or ()).items() if times > 1]
    if twice:
        raise ValueError(f"Duplicate items in the list: '{', '.join(twice[:10])}'")
    return found


UPDATE_ADDRESS_GROUP: Coercions = {
    "name": limited(NAME_MAX, text_or_empty),
    "description": limited(DESCRIPTION_MAX, text_or_empty),
}
CREATE_ADDRESS_GROUP: Coercions = {
    **UPDATE_ADDRESS_GROUP,
    "project_id": optional(limited(NAME_MAX)),
    "tenant_id": optional(limited(NAME_MAX)),
    "addresses": _new_addresses,
}
ADDRESSES: Coercions = {"addresses": _addresses}

ADDRESS_GROUP = Resource(
    singular="address_group",
    plural="address_groups",
    path="address-groups",
    facts=AddressGroup,
    body=AddressGroupBody,
    not_found=lambda key: AddressGroupNotFound(address_group_id=key),
    create=CreateAddressGroup,
    create_coercions=CREATE_ADDRESS_GROUP,
    update=UpdateAddressGroup,
    update_coercions=UPDATE_ADDRESS_GROUP,
)
