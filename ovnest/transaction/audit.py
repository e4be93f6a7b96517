"""What the database holds of a resource beside what it should hold: the same comparison that a write makes.

Source: `reconcile.differences`, with the columns and keys that are ours.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ovnest.ovsdb import Row, RowUuid
from ovnest.rows.home import Reference
from ovnest.transaction.reconcile import differences
from ovnest.transaction.tx import Tx


class Difference(Struct, frozen=True, kw_only=True):
    """One column of one row that is not as derived; `column` is empty where the whole row is.

    `is_membership`: it is a column of references to the row, in others. `there` None: the row is missing;
    `wanted` None: it should not be there.
    """

    row: Row
    column: str = ""
    is_membership: bool = False
    there: Any = None
    wanted: Any = None


def audit(tx: Tx, facts: Any) -> Iterator[Difference]:
    """Where the rows of a resource differ from what its home makes of its facts.

    Raises:
        NotUnderstood: what it belongs to is not there, so nothing can be derived.
    """
    kind = type(facts)
    home = tx.homes.of(kind)
    present, wanted = home.current(facts.id, tx), home.desired(facts, tx)
    left = {(type(row), row.uuid): row for row in present.rows}
    for row in wanted.rows:
        there = left.pop((type(row), row.uuid), None)
        if there is None:
            yield Difference(row=row, wanted=row)
            continue
        owned = tx.homes.owned(kind)[type(row)]
        for column, (before, after) in differences(there, row, owned).items():
            yield Difference(row=row, column=column, there=before, wanted=after)
    for row in left.values():
        yield Difference(row=row, there=row)
    by_uuid = {row.uuid: row for row in (*present.rows, *wanted.rows)}
    for (column, member), wanted_owners in _owners(wanted.references).items():
        there_owners = _owners(present.references).get((column, member), [])
        if there_owners != wanted_owners:
            yield Difference(
                row=by_uuid[member],
                column=column,
                is_membership=True,
                there=there_owners,
                wanted=wanted_owners,
            )


def _owners(references: frozenset[Reference]) -> dict[tuple[str, RowUuid], list[RowUuid]]:
    found: dict[tuple[str, RowUuid], list[RowUuid]] = {}
    for each in sorted(references, key=lambda each: (each.column, each.member, each.owner)):
        found.setdefault((each.column, each.member), []).append(each.owner)
    return found
