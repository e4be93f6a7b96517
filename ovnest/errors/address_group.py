"""Refusals of address groups, as Neutron words them."""

from ovnest.errors import BadRequest, NotFound


class AddressGroupNotFound(NotFound):
    """No such address group for this caller."""

    template = "Address group {address_group_id} could not be found."


class AddressesNotFound(NotFound):
    """What is to be taken out is not in the group."""

    template = "Addresses {addresses} not found in the address group {address_group_id}."


class AddressesAlreadyExist(BadRequest):
    """What is to be added is in the group already."""

    template = "Addresses {addresses} already exist in the address group {address_group_id}."


class TooManyAddresses(BadRequest):
    """More addresses than a group may have."""

    neutron_type = "InvalidInput"
    template = "Invalid input for operation: Exceeded maximum amount of addresses per address group: {most}."
