"""The ledger row, which all servers of a Northbound write in turn, and the layout that it says the rows have.

A server reads the layout of the release before its own and its own, and writes that which the ledger says:
`ovnest upgrade` raises it, once no server of the release before is left.

Source: docs/ledger.md.
"""

from ovnest.codec import Key, number, text
from ovnest.errors.store import UnknownLayout
from ovnest.northbound.names import LEDGER_NAME, LEDGER_UUID
from ovnest.northbound.tables import Document
from ovnest.ovsdb import Ledger, View

LAYOUT = 2
LAYOUTS = (LAYOUT - 1, LAYOUT)
LAYOUT_KEY = "ovnest:layout"

KEYS: tuple[Key, ...] = (
    number(LAYOUT_KEY, "which layout the rows have", on="the ledger"),
    number("ovnest:seq", "number of the last batch of writes", on="the ledger"),
    text("ovnest:last", "id of the server that wrote that batch", on="the ledger"),
    text("ovnest:server:<id>", "a server's last batch and when it was, in Unix time", on="the ledger"),
    text("ovnest:leader", "chance, written to see whether a cluster's leader can commit", on="the ledger"),
)

LEDGER = Ledger(
    table=Document.TABLE,
    uuid=LEDGER_UUID,
    column="external_ids",
    row={"name": LEDGER_NAME},
    prefix="ovnest:",
    first={LAYOUT_KEY: str(LAYOUT)},
)


def layout_of(view: View) -> int:
    """The layout that rows are written in; that of a new database where there is no ledger yet.

    Raises:
        UnknownLayout: they have a newer one, or somebody has changed the number.
    """
    ledger = view.find(Document, LEDGER_UUID)
    written = None if ledger is None else ledger.external_ids.get(LAYOUT_KEY)
    if written is None:
        return LAYOUT
    known = _KNOWN.get(written)
    if known is None:
        raise UnknownLayout(layout=written[:32], known=", ".join(_KNOWN))
    return known


_KNOWN = {str(layout): layout for layout in LAYOUTS}
