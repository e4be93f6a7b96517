"""How a client stands, for a readiness probe and for people."""

import msgspec


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand, for a readiness probe and for people."""

    connected: bool
    ready: bool
    loading: bool
    leader: bool
    remote: str
    reason: str
    """Why it is not ready; empty if it is."""
    schema_version: str
    rows: int
    seq: int | None
    waiting: int
    """Operations that are accepted and not sent."""
    sent: int
    """Operations that are sent and not answered."""
    in_doubt: int
    """Operations whose answer was lost, and nobody knows yet whether they were written."""
    lost_and_written: int
    """Batches whose reply was lost and that turned out to be written, at first or when sent again."""
    lost_and_dropped: int
    """Batches whose reply was lost and that turned out not to be written; their operations were run again."""
    resumed: int
    reloaded: int
    turns: int
