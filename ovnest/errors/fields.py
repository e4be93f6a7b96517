"""Refusals of single values: a field that is missing, unknown or not what it should be."""

from ovnest.errors import BadRequest


class HTTPBadRequest(BadRequest):
    """A request body or query that the API layer refuses; Neutron's type for all of these."""

    template = "{reason}"


class InvalidField(BadRequest):
    """One attribute's value is refused, as Neutron's attribute validators word it."""

    neutron_type = "HTTPBadRequest"
    template = "Invalid input for {field}. Reason: {reason}."
