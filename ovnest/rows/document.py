"""Document rows: what OVN has no table for, one attribute a key of a `Copp` row that OVN ignores.

Text stands as it is, anything else as JSON with sorted keys; an attribute that has its default is left out. A
mapping that grows is spread, a key for each of its items, so that a change writes one of them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ovnest.northbound.names import document_name, document_uuid
from ovnest.northbound.tables import Document
from ovnest.ovsdb import Index, Row
from ovnest.rows.home import NOTHING, Dependents, DocumentKind, Facts, Home, Lookup, Wanted

F = TypeVar("F")
KIND = "ovnest:kind"
OURS = "ovnest:"


def to_document(kind: DocumentKind, key: str, facts: Any) -> Document:
    """The row of that kind that holds `facts`."""
    return Document(
        uuid=document_uuid(kind.name, key),
        name=document_name(kind.name, key),
        external_ids={KIND: kind.name, **kind.codec.write(facts)},
    )


def read_document(kind: DocumentKind, row: Document) -> Any:
    """The facts that a row of that kind holds.

    Raises:
        ValueError: a value is not what its attribute can be.
    """
    return kind.codec.read(row.external_ids, id=key_of(kind, row))


def find_document(facts: Facts, kind: DocumentKind, key: str) -> Document | None:
    """The row of that kind for one id."""
    return facts.view.find(Document, document_uuid(kind.name, key))


def is_document(kind: DocumentKind, row: Document) -> bool:
    """Whether a row is one of that kind: by its name and its key, which go together."""
    return row.external_ids.get(KIND) == kind.name and row.name.startswith(document_name(kind.name, ""))


def key_of(kind: DocumentKind, row: Document) -> str:
    """The id that a row of that kind is for."""
    return row.name.removeprefix(document_name(kind.name, ""))


def is_empty(facts: Any) -> bool:
    """Whether nothing but defaults stands in it, so that no row need be there."""
    return bool(facts == type(facts)(id=facts.id))


def document_home(
    facts: type[F],
    kind: DocumentKind,
    *,
    may_be_empty: bool = False,
    leftover: Callable[[str, F | None, Facts], str | None] = lambda key, found, facts: None,
    lookups: tuple[Lookup[Any], ...] = (),
    depends: Mapping[type, Dependents] | None = None,
    former: DocumentKind | None = None,
    layout: int = 1,
) -> Home[F]:
    """The home of facts that stand in one document row each.

    `may_be_empty`: facts with nothing but defaults have no row. `leftover` says why a document hangs on
    nothing, by its id and by its facts if they can be read. `former` is what the kind was called before
    `layout`: such rows are read, and written as they were until the ledger says that layout.
    """

    def name_for(asked: Facts) -> DocumentKind:
        return former if former is not None and asked.layout < layout else kind

    def which(row: Document) -> DocumentKind:
        return former if former is not None and is_document(former, row) else kind

    def current(key: str, asked: Facts) -> Wanted:
        kinds = (kind,) if former is None else (kind, former)
        found = (find_document(asked, each, key) for each in kinds)
        rows = tuple(row for row in found if row is not None)
        return Wanted(rows=rows) if rows else NOTHING

    def desired(wanted: F, asked: Facts) -> Wanted:
        if may_be_empty and is_empty(wanted):
            return NOTHING
        key: str = wanted.id  # type: ignore[attr-defined]  # all facts have one
        return Wanted(rows=(to_document(name_for(asked), key, wanted),))

    def read(row: Document, asked: Facts) -> F:
        found: F = read_document(which(row), row)
        return found

    def left_over(row: Row, asked: Facts) -> str | None:
        if not isinstance(row, Document) or not is_one(row):
            return None
        key = key_of(which(row), row)
        return leftover(key, asked.find(facts, key), asked)

    def is_one(row: Document) -> bool:
        return is_document(kind, row) or (former is not None and is_document(former, row))

    def owner(row: Row, asked: Facts) -> str | None:
        return key_of(which(row), row) if isinstance(row, Document) and is_one(row) else None

    return Home(
        facts=facts,
        row=Document,
        keys={Document: None},
        is_one=is_one,
        read=read,
        current=current,
        desired=desired,
        uuid=lambda key: document_uuid(kind.name, key),
        former_uuid=None if former is None else lambda key: document_uuid(former.name, key),
        owner=owner,
        leftover=left_over,
        alone=True,
        lookups=lookups,
        every=(DOCUMENTS_OF_KIND, (kind.name,) if former is None else (kind.name, former.name)),
        depends=depends,
        documents=(kind,),
        former=former,
    )


def _kind_of(row: Document) -> Iterable[str]:
    kind = row.external_ids.get(KIND)
    return () if kind is None else (kind,)


DOCUMENTS_OF_KIND = Index("document rows of a kind", Document, _kind_of)
