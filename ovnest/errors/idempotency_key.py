"""Refusals of idempotency keys."""

from ovnest.errors import BadRequest, Conflict


class InvalidIdempotencyKey(BadRequest):
    """The header cannot be used."""

    neutron_type = "HTTPBadRequest"
    template = "The header Idempotency-Key {reason}."


class IdempotencyKeyReused(Conflict):
    """The key has made another port than the one that is asked for now."""

    template = (
        "The Idempotency-Key {key} has made port {port_id} from another body. "
        "Use a new key for a new port, or delete that port first."
    )
