"""Refusals that come from HTTP itself.

The class names are what Neutron's clients see as `type`: WebOb's, which Neutron raises for these.

Source: Neutron API reference, "Faults"; RFC 9110, 15.5 and 15.6.
"""

from collections.abc import Iterable

from ovnest.errors import NotFound, Refusal, Unavailable


class HTTPNotFound(NotFound):
    template = "The resource could not be found."


class HTTPMethodNotAllowed(Refusal):
    """The path exists, the method does not; `allowed` is said in the answer's Allow header."""

    status = 405
    template = "The method {method} is not allowed for this resource. Allowed: {allowed}."

    def __init__(self, *, method: str, allowed: Iterable[str]) -> None:
        super().__init__(method=method, allowed=", ".join(allowed))


class HTTPRequestTimeout(Refusal):
    status = 408
    template = "The request's {part} was not complete within {timeout_s} seconds."


class HTTPRequestEntityTooLarge(Refusal):
    status = 413
    template = "The request body is larger than {limit} bytes."


class HTTPUnsupportedMediaType(Refusal):
    status = 415
    template = "{message}"


class HTTPExpectationFailed(Refusal):
    status = 417
    template = "The expectation '{expectation}' cannot be met. Only 100-continue can."


class HTTPRequestHeaderFieldsTooLarge(Refusal):
    status = 431
    template = "The request's head is larger than {bytes} bytes or has more than {fields} headers."


class HTTPInternalServerError(Refusal):
    status = 500
    template = "Request Failed: internal server error while processing your request."


class HTTPNotImplemented(Refusal):
    status = 501
    template = "{message}"


class HTTPServiceUnavailable(Unavailable):
    template = "{message}"


class HTTPVersionNotSupported(Refusal):
    status = 505
    template = "HTTP/{version} is not spoken here. Use HTTP/1.1."
