"""Refusals of callers: who they are is not known, or what they want is not theirs to do. And bad rules."""

from ovnest.errors import Forbidden, Refusal


class PolicyNotAuthorized(Forbidden):
    """A policy rule does not let this caller do it."""

    template = "rule:{rule} is disallowed by policy"


class Unauthorized(Refusal):
    """401: the request does not say who asks, or not in a way that is believed."""

    status = 401
    neutron_type = "HTTPUnauthorized"
    template = "{reason}"


class NotFromHere(Forbidden):
    """403: a request that a web page may have made in somebody's browser."""

    neutron_type = "HTTPForbidden"
    template = "{reason}"


class UnsupportedMediaType(Refusal):
    """415: a body that is not said to be JSON."""

    status = 415
    neutron_type = "HTTPUnsupportedMediaType"
    template = "The body's Content-Type is {content_type}; it must be application/json."


class BadPolicy(Exception):
    """A policy file that is refused: what is wrong with which entry, and what would be right.

    No client sees it. It is raised when a server starts, and when the file has changed.
    """

    def __init__(self, path: str, problems: tuple[str, ...]) -> None:
        self.path = path
        self.problems = problems
        super().__init__(f"The policy file {path} is refused. " + " ".join(problems))
