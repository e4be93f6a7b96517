"""Who asks: the project, the user and the roles of a request's caller; made by identity, read by policy."""

from msgspec import Struct


class Caller(Struct, frozen=True, kw_only=True):
    """One request's caller.

    `is_admin` is the role `admin`, as policy's `context_is_admin` sees it by default.
    """

    project_id: str
    user_id: str = ""
    roles: frozenset[str] = frozenset()
    request_id: str = ""

    @property
    def is_admin(self) -> bool:
        return "admin" in self.roles
