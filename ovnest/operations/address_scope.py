"""What can be done with address scopes.

Source: Neutron API reference, "Address scopes".
"""

from collections.abc import Mapping

from msgspec.structs import replace

from ovnest.errors.address_scope import AddressScopeUpdateError
from ovnest.operations.kind import Extension, Kind
from ovnest.operations.steps.chosen import changes
from ovnest.operations.steps.rights import require_create, require_delete, require_update
from ovnest.operations.steps.visible import visible
from ovnest.policy.rules.address_scope import RULES
from ovnest.resources.address_scope import (
    ADDRESS_SCOPE,
    AddressScope,
    CreateAddressScope,
    UpdateAddressScope,
)
from ovnest.transaction import Tx


def create_address_scope(tx: Tx, want: CreateAddressScope) -> AddressScope:
    """Make an address scope.

    Raises:
        PolicyNotAuthorized: the caller may not, or may not share it.
    """
    project_id = require_create(tx, ADDRESS_SCOPE, want)
    scope = AddressScope(
        id=tx.new_id(),
        project_id=project_id,
        name=want.name,
        ip_version=want.ip_version,
        shared=want.shared,
    )
    return tx.put(scope)


def update_address_scope(tx: Tx, scope_id: str, change: UpdateAddressScope) -> AddressScope:
    """Change an address scope.

    Raises:
        AddressScopeNotFound: there is none that the caller may see.
        PolicyNotAuthorized: the caller may not.
        AddressScopeUpdateError: it is shared, and stays so.
    """
    scope: AddressScope = visible(tx, ADDRESS_SCOPE, scope_id)
    require_update(tx, ADDRESS_SCOPE, change, scope)
    if scope.shared and change.shared is False:
        raise AddressScopeUpdateError(
            address_scope_id=scope_id, reason="Shared address scope can't be unshared"
        )
    return tx.put(replace(scope, **changes(change)))


def delete_address_scope(tx: Tx, scope_id: str, query: Mapping[str, str]) -> None:
    """Delete an address scope.

    Raises:
        AddressScopeNotFound: there is none that the caller may see.
        PolicyNotAuthorized: the caller may not.
    """
    scope = visible(tx, ADDRESS_SCOPE, scope_id)
    require_delete(tx, ADDRESS_SCOPE, scope)
    tx.drop(scope)


KIND = Kind(
    resource=ADDRESS_SCOPE,
    rules=RULES,
    create=create_address_scope,
    update=update_address_scope,
    delete=delete_address_scope,
    aliases=(
        Extension(
            alias="address-scope",
            name="Address scope",
            updated="2015-07-26T10:00:00-00:00",
            description="Addresses of one IP version that do not overlap.",
            attributes=("ip_version", "shared"),
        ),
    ),
)
