"""The tables of `docs/northbound.md`, made from what the code goes by.

    python -m ovnest.rows.docs docs/northbound.md

writes them anew between their marks; the prose around them stays.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ovnest.codec import Key
from ovnest.northbound.columns import EXTERNAL_IDS, Column, columns_of
from ovnest.northbound.ledger import KEYS as LEDGER_KEYS
from ovnest.northbound.names import document_name
from ovnest.northbound.tables import Document
from ovnest.ovsdb import Row
from ovnest.rows import HOMES
from ovnest.rows.document import KIND
from ovnest.rows.home import DocumentKind

_PLACE = re.compile(r"(<!-- (columns|keys|documents|dependents) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_DOCUMENT_KEY = Key(
    name=KIND,
    meaning="the document's kind; its other keys are listed by kind",
    write=str,
    on="a document",
)


def with_tables(page: str) -> str:
    """The page with its tables as they should be."""
    makers = {"columns": _columns, "keys": _keys, "documents": _documents, "dependents": _dependents}
    return _PLACE.sub(lambda found: f"{found[1]}{makers[found[2]](found[3])}{found[4]}", page)


def places(page: str) -> set[tuple[str, str]]:
    """The tables that the page has: their kind and what of."""
    return {(found[2], found[3]) for found in _PLACE.finditer(page)}


def wanted_places() -> set[tuple[str, str]]:
    """The tables that the page must have."""
    return {
        *(("columns", row_type.TABLE) for row_type in HOMES.row_types),
        *(("keys", column) for column in keys()),
        ("documents", Document.TABLE),
        ("dependents", "all"),
    }


def keys() -> Mapping[str, list[Key]]:
    """Every key of a map that is ours, by `Table.column`; those of documents are listed by their kinds."""
    found: dict[str, dict[str, Key]] = {}
    for row_type in HOMES.row_types:
        for name, column in columns_of(row_type).items():
            for key in column.keys or ():
                found.setdefault(f"{row_type.TABLE}.{name}", {})[key.name] = key
    for home in HOMES:
        for row_type, codec in home.keys.items():
            for key in codec.keys if codec is not None else ():
                found.setdefault(f"{row_type.TABLE}.{EXTERNAL_IDS}", {}).setdefault(key.name, key)
    for key in (_DOCUMENT_KEY, *LEDGER_KEYS):
        found.setdefault(f"{Document.TABLE}.{EXTERNAL_IDS}", {})[key.name] = key
    return {column: list(each.values()) for column, each in found.items()}


def editable(entry: Column | Key) -> str:
    """Whether another writer may change it."""
    if entry.derived:
        return "derived"
    return "yes" if entry.editable else "no"


def _columns(table: str) -> str:
    row_type: type[Row] = HOMES.by_table[table]
    rows = [(f"`{name}`", each.meaning, editable(each)) for name, each in columns_of(row_type).items()]
    return _table(("column", "what it is", "editable"), rows)


def _keys(column: str) -> str:
    found = keys()[column]
    rows = [(f"`{each.name}`", each.meaning, editable(each)) for each in found]
    if any(each.on for each in found):
        on = [(*row, each.on) for row, each in zip(rows, found, strict=True)]
        return _table(("key", "what it is", "editable", "on"), on)
    return _table(("key", "what it is", "editable"), rows)


def _documents(table: str) -> str:
    return "\n".join(map(_document, HOMES.documents))


def _document(kind: DocumentKind) -> str:
    return f"`{document_name(kind.name, '<id>')}`: {kind.subject}.\n\n" + _table(
        ("key", "what it is", "form"), _attributes(kind)
    )


def _attributes(kind: DocumentKind) -> Iterator[tuple[str, str, str]]:
    for key in kind.codec.fields.values():
        yield f"`{key.name}`", key.meaning or key.name, "JSON" if key.is_json else "text"
    for key in kind.codec.spread.values():
        yield f"`{key.name}.<key>`", key.meaning, "text"


def _dependents(what: str) -> str:
    rows = [
        (cause.__name__, home.facts.__name__, dependents.why)
        for home in HOMES
        for cause, dependents in (home.depends or {}).items()
    ]
    return _table(("when this changes", "these are derived again", "because"), rows)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(with_tables(path.read_text()))
