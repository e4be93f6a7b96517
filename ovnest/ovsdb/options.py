"""The client's settings: bounds, patience and what goes on the wire, each with its default."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Options:
    """Bounds of everything that waits, and how long."""

    # Connections
    connect_timeout_s: float = 5.0
    """For a connection, its TLS handshake and each answer before the first load."""
    load_timeout_s: float = 120.0
    """For the monitor's first reply to begin and end."""
    probe_interval_s: float = 5.0
    """After that long without a byte from the server an echo is sent; after as long again it is given up."""
    backoff_min_s: float = 0.05
    backoff_max_s: float = 4.0
    backoff_electing_s: float = 0.25
    leader_only: bool = True
    """Of a cluster, stay with the member that leads it; the read barrier needs it."""

    # Reading
    barrier_timeout_s: float = 5.0

    # Writing
    execute_timeout_s: float = 15.0
    """From `execute` to its answer; then Unreachable or Busy if nothing was sent, InDoubt if it was."""
    reply_timeout_s: float = 8.0
    """For the reply to a transaction; then the batch is sent again over another connection."""
    queue_operations: int = 2_000
    """More are refused with Busy."""
    batch_operations: int = 256
    batch_items: int = 1_000
    batch_bytes: int = 1 << 20
    batch_ms: float = 20.0
    """For running a batch's operations."""
    operation_items: int = 1_000
    operation_bytes: int = 16 << 20
    attempts: int = 12
    """So often is an operation run at most."""
    durable: bool = True
    """End each batch with `commit durable:true`: else a standalone server does not wait for its disk."""
    drain_s: float = 5.0
    """On leaving, accepted operations have that long."""

    # Turns
    turn_ms: float = 20.0
    turn_timeout_s: float = 1.0
    """A holder of the lock that keeps it longer is passed over: the ledger keeps us safe without it."""
    contended_s: float = 1.0
    """So long after another server's write we take turns."""
    key_age_s: float = 86_400.0
    """A server's key in the ledger that is older is removed."""

    # The collector
    freeze_collector: bool = True
    """Load with Python's cyclic collector off, and keep it from looking at what was loaded ever after."""
