"""Refusals of address scopes, as Neutron words them."""

from ovnest.errors import BadRequest, NotFound


class AddressScopeNotFound(NotFound):
    """No such address scope for this caller."""

    template = "Address scope {address_scope_id} could not be found."


class AddressScopeUpdateError(BadRequest):
    """Others may count on what is shared, so it stays so."""

    template = "Unable to update address scope {address_scope_id} : {reason}."
