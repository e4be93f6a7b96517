"""Finding: something in the database that is not as it should be, as `ovnest check` says it."""

from typing import Any

import msgspec
from msgspec import Struct

from ovnest.ovsdb import Row

DIFFERS = "differs"
NOT_A_MEMBER = "not-a-member"
ORPHAN = "orphan"
NOT_UNDERSTOOD = "not-understood"
DUPLICATE_TAG = "duplicate-tag"
DUPLICATE_ADDRESS = "duplicate-address"
DUPLICATE_MAC = "duplicate-mac"
TAG_WITHOUT_REQUEST = "tag-without-request"
NO_PARENT = "no-parent"

REPAIRED: dict[str, str] = {
    DIFFERS: "a derived row, column or key is not what the facts say",
    NOT_A_MEMBER: "a port is not, or not only, in its own network's switch",
    ORPHAN: "a row belongs to a resource that is not there",
}
LEFT: dict[str, str] = {
    NOT_UNDERSTOOD: "a row looks like ours and cannot be read, or belongs to what is not there",
    DUPLICATE_TAG: "two ports under one parent have the same tag: OVN serves one of them",
    DUPLICATE_ADDRESS: "two ports of a network have the same address",
    DUPLICATE_MAC: "two ports of a network have the same MAC address",
    TAG_WITHOUT_REQUEST: "a port not made by the API has a tag that northd may take away",
    NO_PARENT: "a container port's parent is not there, or OVN cannot bind a port under it",
}


class Finding(Struct, frozen=True, kw_only=True):
    """Something that is not as it should be. `kind` is one of REPAIRED or LEFT; `name` is the row's.

    `there` and `wanted` are what a column or key holds and should hold, where that can be said.
    """

    kind: str
    table: str
    row: str
    name: str = ""
    column: str = ""
    there: Any = None
    wanted: Any = None
    text: str = ""

    @property
    def repairable(self) -> bool:
        """Whether `ovnest check --repair` puts it right."""
        return self.kind in REPAIRED


def finding(kind: str, row: Row, *, name: str | None = None, **facts: Any) -> Finding:
    """A finding about one row, its values as plain objects."""
    given = {key: msgspec.to_builtins(value) for key, value in facts.items()}
    shown = getattr(row, "name", "") if name is None else name
    return Finding(kind=kind, table=row.TABLE, row=row.uuid, name=shown, **given)
