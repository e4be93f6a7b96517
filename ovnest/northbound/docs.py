"""The tables of `docs/northbound.md`, made from what the code goes by.

    python -m ovnest.northbound.docs docs/northbound.md

writes them anew between their marks; the prose around them stays.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar, get_args, get_origin, get_type_hints

from msgspec import Meta

from ovnest.northbound.columns import COLUMNS, Column
from ovnest.northbound.documents import DOCUMENTS, DocumentFacts
from ovnest.northbound.external_ids import KEYS, Key
from ovnest.northbound.names import document_name
from ovnest.northbound.tables import Document

_PLACE = re.compile(r"(<!-- (columns|keys|documents) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with its tables as they should be."""
    makers = {"columns": _columns, "keys": _keys, "documents": _documents}
    return _PLACE.sub(lambda found: f"{found[1]}{makers[found[2]](found[3])}{found[4]}", page)


def places(page: str) -> set[tuple[str, str]]:
    """The tables that the page has: their kind and what of."""
    return {(found[2], found[3]) for found in _PLACE.finditer(page)}


def wanted_places() -> set[tuple[str, str]]:
    """The tables that the page must have."""
    return {
        *(("columns", column.table) for column in COLUMNS),
        *(("keys", key.table) for key in KEYS),
        ("documents", Document.TABLE),
    }


def by_hand(entry: Column | Key) -> str:
    """Whether a hand may change it."""
    if entry.derived:
        return "derived"
    return "yes" if entry.editable else "no"


def _columns(table: str) -> str:
    rows = [(f"`{each.name}`", each.meaning, by_hand(each)) for each in COLUMNS if each.table == table]
    return _table(("column", "what it is", "by hand"), rows)


def _keys(column: str) -> str:
    found = [key for key in KEYS if key.table == column]
    rows = [(f"`{each.name}`", each.meaning, by_hand(each)) for each in found]
    if any(each.row for each in found):
        rows = [(*row, each.row) for row, each in zip(rows, found, strict=True)]  # type: ignore[misc]
        return _table(("key", "what it is", "by hand", "on"), rows)
    return _table(("key", "what it is", "by hand"), rows)


def _documents(table: str) -> str:
    return "\n".join(map(_document, DOCUMENTS))


def _document(kind: type[DocumentFacts]) -> str:
    subject = re.split(r"\.\s", f"{kind.__doc__} ")[0].strip()
    return f"`{document_name(kind.KIND, '<id>')}`: {subject}.\n\n" + _table(
        ("key", "what it is", "form"), _attributes(kind)
    )


def _attributes(kind: type[DocumentFacts]) -> Iterator[tuple[str, str, str]]:
    for name, annotation in get_type_hints(kind, include_extras=True).items():
        if name == "id" or get_origin(annotation) is ClassVar:
            continue
        described = [each.description for each in get_args(annotation)[1:] if isinstance(each, Meta)]
        key = f"{name}.<key>" if name in kind.SPREAD else name
        kind_of = next(iter(get_args(annotation)), annotation)  # without what Annotated says
        is_text = kind_of is str or any(isinstance(each, str) for each in get_args(kind_of))
        form = "text" if is_text else "JSON"
        yield f"`{key}`", (described[0] if described else None) or name, form


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(with_tables(path.read_text()))
