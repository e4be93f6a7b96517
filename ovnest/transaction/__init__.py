"""Tx: what an operation reads and stages.

An operation is a function of the database: it reads facts through `Tx`, decides, and stages facts
through `Tx`; it does no I/O, never waits, and knows no clock or chance but what `Tx` gives. So it may be
run again when another server wrote first. The homes of `rows` turn facts into rows, `reconcile.py` those
into the least that must be written, and what depends on a change is derived again.
"""

from ovnest.transaction.readings import Readings
from ovnest.transaction.recording import Looked, Places, RecordingTx
from ovnest.transaction.tx import Context, Issuer, Tx

__all__ = ["Context", "Issuer", "Looked", "Places", "Readings", "RecordingTx", "Tx"]
