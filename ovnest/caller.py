"""Who asks: the project, the user and the roles of a request's caller; made by identity, read by policy."""

from typing import Literal

from msgspec import Struct

Mode = Literal["nested", "overlay"]


class Caller(Struct, frozen=True, kw_only=True):
    """One request's caller. What his roles let him do, policy says."""

    project_id: str
    user_id: str = ""
    roles: frozenset[str] = frozenset()
    request_id: str = ""


class Agent(Struct, frozen=True, kw_only=True):
    """What an agent's code or credential says, once its signature is found good.

    `subject` is the parent port's id, or in mode `overlay` the chassis' name; `grant` the permission that
    it came with; `generation` counts the renewals of a credential, and is 0 in a code; `expires` is Unix
    time. Whether the permission is still there, the database says.
    """

    mode: Mode
    subject: str
    grant: str
    generation: int = 0
    expires: int = 0
