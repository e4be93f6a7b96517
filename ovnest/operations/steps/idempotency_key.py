"""Idempotency keys: the same request again gives the port that it made, as long as that lives.

The key stands on the port's own row with a short digest of the request, so it is there exactly as long as the
port, for every server, and costs nothing once the port is gone. Keys are each project's own, and those that
agents send each agent's own.
"""

from msgspec import Struct

from ovnest.errors.idempotency_key import IdempotencyKeyReused
from ovnest.resources.port import Port
from ovnest.rows.port.lookups import BY_AGENT, PORT_BY_IDEMPOTENCY_KEY
from ovnest.transaction import Tx


class IdempotencyKey(Struct, frozen=True, kw_only=True):
    """A key that a client chose, and a digest of what it asked for. `agent` is whose it is, if an agent's."""

    key: str
    digest: str
    agent: str = ""

    @property
    def written(self) -> str:
        """As it stands on the port."""
        return f"{self.key} {self.digest} {BY_AGENT}" if self.agent else f"{self.key} {self.digest}"


def replayed(tx: Tx, key: IdempotencyKey, project_id: str) -> Port | None:
    """The port that this request has made; None if it has made none that is still there.

    Raises:
        IdempotencyKeyReused: another request with that key has made one.
    """
    ports = tx.all(PORT_BY_IDEMPOTENCY_KEY, (project_id, key.agent, key.key))
    for port in ports:
        if port.idempotency_key == key.written:
            return port
    if ports:
        raise IdempotencyKeyReused(key=key.key, port_id=ports[0].id)
    return None
