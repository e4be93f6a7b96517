"""The ledger row, which all servers of a Northbound write in turn, and the layout that it says the rows have.

Source: docs/ledger.md.
"""

from ovnest.errors.store import UnknownLayout
from ovnest.northbound import external_ids as keys
from ovnest.northbound.names import LEDGER_NAME, LEDGER_UUID
from ovnest.northbound.tables import Document
from ovnest.ovsdb import Ledger, View

LAYOUT = "1"
LAYOUTS = frozenset({LAYOUT})

LEDGER = Ledger(
    table=Document.TABLE,
    uuid=LEDGER_UUID,
    column="external_ids",
    row={"name": LEDGER_NAME},
    prefix="ovnest:",
    first={keys.LAYOUT: LAYOUT},
)


def check_layout(view: View) -> None:
    """Go on only if the rows have a layout that this release knows.

    Raises:
        UnknownLayout: they have a newer one, or somebody has changed the number.
    """
    ledger = view.find(Document, LEDGER_UUID)
    layout = LAYOUT if ledger is None else ledger.external_ids.get(keys.LAYOUT, LAYOUT)
    if layout not in LAYOUTS:
        raise UnknownLayout(layout=layout, known=", ".join(sorted(LAYOUTS)))
