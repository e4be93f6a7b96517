"""Refusals of a list request's query."""

from ovnest.errors import BadRequest


class BadQuery(BadRequest):
    """A part of the query that cannot be used, as Neutron words it."""

    neutron_type = "BadRequest"
    template = "Bad {resource} request: {msg}."
