"""What can be done with address groups.

Source: Neutron API reference, "Address groups"; neutron.db.address_group_db.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ovnest.errors.address_group import AddressesAlreadyExist, AddressesNotFound, TooManyAddresses
from ovnest.operations.kind import Action, Extension, Kind
from ovnest.operations.steps.chosen import changes
from ovnest.operations.steps.naming import SHOWN
from ovnest.operations.steps.rights import require_action, require_create, require_delete, require_update
from ovnest.operations.steps.visible import visible
from ovnest.policy.rules.address_group import RULES
from ovnest.resources.address_group import (
    ADDRESS_GROUP,
    ADDRESSES,
    ADDRESSES_MAX,
    Addresses,
    AddressGroup,
    CreateAddressGroup,
    UpdateAddressGroup,
    in_order,
)
from ovnest.transaction import Tx


def create_address_group(tx: Tx, want: CreateAddressGroup) -> AddressGroup:
    """Make an address group.

    Raises:
        PolicyNotAuthorized: the caller may not.
    """
    project_id = require_create(tx, ADDRESS_GROUP, want)
    return tx.put(
        AddressGroup(
            id=tx.new_id(),
            project_id=project_id,
            name=want.name,
            description=want.description,
            addresses=want.addresses,
        )
    )


def update_address_group(tx: Tx, group_id: str, change: UpdateAddressGroup) -> AddressGroup:
    """Change an address group, but for its addresses.

    Raises:
        AddressGroupNotFound: there is none that the caller may see.
        PolicyNotAuthorized: the caller may not.
    """
    group: AddressGroup = visible(tx, ADDRESS_GROUP, group_id)
    require_update(tx, ADDRESS_GROUP, change, group)
    return tx.put(replace(group, **changes(change)))


def delete_address_group(tx: Tx, group_id: str, query: Mapping[str, str]) -> None:
    """Delete an address group; raises as `update_address_group`."""
    group = visible(tx, ADDRESS_GROUP, group_id)
    require_delete(tx, ADDRESS_GROUP, group)
    tx.drop(group)


def add_addresses(tx: Tx, group_id: str, want: Addresses) -> AddressGroup:
    """Add addresses to a group: all of them, or none.

    Raises:
        AddressGroupNotFound: there is none that the caller may see.
        PolicyNotAuthorized: the caller may not.
        AddressesAlreadyExist: the group has some of them.
        TooManyAddresses: it would have more than a group may have.
    """
    group: AddressGroup = visible(tx, ADDRESS_GROUP, group_id)
    require_action(tx, ADDRESS_GROUP, "add_addresses", group)
    present = set(group.addresses)
    known = [cidr for cidr in want.addresses if cidr in present]
    if known:
        raise AddressesAlreadyExist(addresses=_some(known), address_group_id=group_id)
    if len(present) + len(want.addresses) > ADDRESSES_MAX:
        raise TooManyAddresses(most=ADDRESSES_MAX)
    return tx.put(replace(group, addresses=in_order((*group.addresses, *want.addresses))))


def remove_addresses(tx: Tx, group_id: str, want: Addresses) -> AddressGroup:
    """Take addresses out of a group: all of them, or none.

    Raises:
        AddressGroupNotFound: there is none that the caller may see.
        PolicyNotAuthorized: the caller may not.
        AddressesNotFound: the group does not have some of them.
    """
    group: AddressGroup = visible(tx, ADDRESS_GROUP, group_id)
    require_action(tx, ADDRESS_GROUP, "remove_addresses", group)
    present, going = set(group.addresses), set(want.addresses)
    unknown = [cidr for cidr in want.addresses if cidr not in present]
    if unknown:
        raise AddressesNotFound(addresses=_some(unknown), address_group_id=group_id)
    return tx.put(replace(group, addresses=tuple(cidr for cidr in group.addresses if cidr not in going)))


def _some(cidrs: Sequence[str]) -> str:
    """As Neutron writes a list, but of many only the first ten."""
    more = len(cidrs) - SHOWN
    return f"{list(cidrs[:SHOWN])}" + (f" and {more} more" if more > 0 else "")


KIND = Kind(
    resource=ADDRESS_GROUP,
    rules=RULES,
    create=create_address_group,
    update=update_address_group,
    delete=delete_address_group,
    actions=(
        Action(
            name="add_addresses",
            summary="Add addresses to an address group.",
            request=Addresses,
            coercions=ADDRESSES,
            do=add_addresses,
            is_bare=True,
        ),
        Action(
            name="remove_addresses",
            summary="Take addresses out of an address group.",
            request=Addresses,
            coercions=ADDRESSES,
            do=remove_addresses,
            is_bare=True,
        ),
    ),
    aliases=(
        Extension(
            alias="address-group",
            name="Address group",
            updated="2020-07-15T10:00:00-00:00",
            description="Groups of addresses, for rules to name.",
            attributes=("addresses",),
        ),
    ),
)
