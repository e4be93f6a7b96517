"""Refusals: what a client is told when a request cannot be done, in Neutron's form.

A refusal's class name is Neutron's `type`, its template Neutron's `message`: what is wrong, which, and
what would be right. Facts are keyword arguments; the sentence is made from them. The kinds (status
codes) stand here, the refusals of each subject in a file of their own.

Source: Neutron API reference, "Faults"; neutron-lib exceptions.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """A request that is refused; nothing was changed by it.

    `status` is the HTTP status, `kind` Neutron's `type`, `str()` the message. `neutron_type` stands where
    Neutron has one type for what are several refusals here.
    """

    status: ClassVar[int] = 500
    neutron_type: ClassVar[str] = ""
    template: ClassVar[str] = "The request was refused."

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.template.format(**facts))

    @property
    def kind(self) -> str:
        """Neutron's `type` of this error."""
        return self.neutron_type or type(self).__name__


class BadRequest(Refusal):
    """400: the request cannot be understood or is not valid."""

    status = 400


class Forbidden(Refusal):
    """403: policy does not let this caller do it."""

    status = 403


class NotFound(Refusal):
    """404: what the request names is not there for this caller."""

    status = 404


class Conflict(Refusal):
    """409: it clashes with what exists."""

    status = 409


class PreconditionFailed(Refusal):
    """412: an If-Match did not match."""

    status = 412


class Unavailable(Refusal):
    """503: the Northbound is away or too busy; `retry_after_s` says when to ask again."""

    status = 503
    retry_after_s: int = 1


class InvalidInput(BadRequest):
    """A value that has the right type but cannot be."""

    template = "Invalid input for operation: {error_message}."
