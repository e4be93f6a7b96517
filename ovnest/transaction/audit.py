"""What the database holds of a resource beside what it should hold: the same comparison that a write makes.

Source: `reconcile.differences`, which says which columns and keys are ours.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ovnest.northbound.tables import LogicalSwitch
from ovnest.ovsdb import Row
from ovnest.transaction.homes import HOMES
from ovnest.transaction.reconcile import differences
from ovnest.transaction.tx import Tx

MEMBERS = "ports"


class Difference(Struct, frozen=True, kw_only=True):
    """One column of one row that is not as derived; `column` is empty where the whole row is.

    `there` None: the row is missing; `wanted` None: it should not be there.
    """

    row: Row
    column: str = ""
    there: Any = None
    wanted: Any = None


def audit(tx: Tx, facts: Any) -> Iterator[Difference]:
    """Where the rows of a resource differ from what `derive` makes of its facts.

    Raises:
        NotUnderstood: what it belongs to is not there, so nothing can be derived.
    """
    home = HOMES[type(facts)]
    left = {(type(row), row.uuid): row for row in home.present(tx, facts.id)}
    wanted = home.wanted(tx, facts)
    for row in wanted:
        present = left.pop((type(row), row.uuid), None)
        if present is None:
            yield Difference(row=row, wanted=row)
            continue
        for column, (there, should) in differences(present, row).items():
            yield Difference(row=row, column=column, there=there, wanted=should)
    for row in left.values():
        yield Difference(row=row, there=row)
    members = home.members(facts, wanted)
    if members is not None:
        owner, children = members
        by_uuid = {row.uuid: row for row in wanted}
        for child in children:
            owners = sorted(tx.view.owners(LogicalSwitch, MEMBERS, child))
            if owners != [owner]:
                yield Difference(row=by_uuid[child], column=MEMBERS, there=owners, wanted=[owner])
