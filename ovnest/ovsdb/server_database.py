"""What a server says of the database itself: connected, leader, schema.

Source: ovsdb-server(7)'s `_Server` database, _server.ovsschema and ovsdb-server(5).
"""

from typing import Any, Final

import msgspec

# Not `schema`: it is long, and after a conversion ovsdb-server 3.1 goes on telling the old one.
COLUMNS: Final = ("name", "model", "connected", "leader", "cid", "sid", "index")


class DatabaseInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `_Server.Database`."""

    name: str
    model: str = "standalone"
    connected: bool = False
    leader: bool = False
    cluster: str | None = None
    server: str | None = None
    index: int | None = None

    def why_unusable(self, leader_only: bool) -> str | None:
        """Why nothing can be written here; None if it can."""
        if self.model == "clustered" and not self.connected:
            return "the server is cut off from its cluster"
        if not self.connected:
            return f"the server has not loaded database {self.name}"
        if leader_only and not self.leader:
            return "the server does not lead its cluster"
        return None


class ServerDatabases:
    """The rows of `_Server.Database`, followed by `update2`."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}

    def apply(self, updates: dict[str, dict[str, dict[str, Any]]]) -> None:
        for uuid, update in updates.get("Database", {}).items():
            ((kind, columns),) = update.items()
            if kind == "delete":
                self._rows.pop(uuid, None)
            elif kind == "modify":
                # All columns hold one value at most, so that a difference is the new value.
                self._rows.setdefault(uuid, {}).update(columns)
            else:
                self._rows[uuid] = columns

    def find(self, name: str) -> DatabaseInfo | None:
        for row in self._rows.values():
            if row.get("name") == name:
                return DatabaseInfo(
                    name=name,
                    model=row.get("model", "standalone"),
                    connected=row.get("connected", False),
                    leader=row.get("leader", False),
                    cluster=_uuid(row.get("cid")),
                    server=_uuid(row.get("sid")),
                    index=_optional(row.get("index")),
                )
        return None


def _optional(wire: Any) -> Any:
    return None if isinstance(wire, list) else wire


def _uuid(wire: Any) -> str | None:
    return wire[1] if isinstance(wire, list) and wire and wire[0] == "uuid" else None
