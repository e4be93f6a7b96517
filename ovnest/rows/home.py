"""Home: where one kind of facts lives in the Northbound, said once as a value.

A home reads facts from rows, says which rows facts should have (`desired`) and which are there for them
(`current`). Writing, deleting and checking are all the difference of two `Wanted`, worked out elsewhere, so a
home stages nothing. What it may ask of the database is `Facts`, so that it knows nothing of transactions.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from ovnest.codec import Codec
from ovnest.config import Settings
from ovnest.ovsdb import Index, Row, RowUuid, View
from ovnest.rows.finding import Finding

F = TypeVar("F")
R = TypeVar("R", bound=Row)


class Reference(NamedTuple):
    """One member of a column of references: `member` stands in `column` of the row `owner`."""

    owner_type: type[Row]
    owner: RowUuid
    column: str
    member: RowUuid


class Entry(NamedTuple):
    """Keys of ours in a map of a row that several share.

    The row is there as long as somebody has keys in that map; `row` is what it is made as, with an empty map.
    """

    row: Row
    column: str
    items: tuple[tuple[str, str], ...]


class Wanted(Struct, frozen=True, kw_only=True, gc=False):
    """The rows of a resource, what must refer to them, its keys in shared rows: as they are or should be."""

    rows: tuple[Row, ...] = ()
    references: frozenset[Reference] = frozenset()
    entries: tuple[Entry, ...] = ()


NOTHING = Wanted()


class Lookup(Generic[F]):
    """A way to find facts of one kind by an index: `tx.all(PORTS_OF_NETWORK, network_id)`.

    `read` makes something else of each row than the facts of `kind`, such as its name; otherwise a row that
    is none of the kind's is left out. `order` sorts what is found. `remembered`: one transaction looks it up
    once, until something of the kind changes.
    """

    def __init__(
        self,
        index: Index[Any],
        kind: type[F],
        *,
        read: Callable[[Any], F] | None = None,
        order: Callable[[F], Any] | None = None,
        remembered: bool = False,
    ) -> None:
        self.index = index
        self.kind = kind
        self.read = read
        self.order = order
        self.remembered = remembered


class Facts(Protocol):
    """The little that rows may ask of the database."""

    @property
    def view(self) -> View:
        """The rows themselves, with what is staged."""

    @property
    def settings(self) -> Settings:
        """The server's settings: some are part of what is derived."""

    @property
    def layout(self) -> int:
        """The layout that rows are written in: the ledger's."""

    def find(self, kind: type[F], key: str) -> F | None:
        """The facts of one id; None when there are none."""

    def get(self, kind: type[F], key: str) -> F:
        """The facts of one id that must be there.

        Raises:
            NotUnderstood: there are none, or they cannot be read.
        """

    def all(self, lookup: Lookup[F], key: Hashable) -> list[F]:
        """What a lookup finds under a key."""

    def any(self, lookup: Lookup[Any], key: Hashable) -> bool:
        """Whether a lookup's index has any row under a key, ours or not."""


Change: TypeAlias = Callable[[Facts, Any, Any], Iterable[F]]
"""The facts before and after (None: new, or gone) to the resources whose rows depend on what changed."""


class Dependents(NamedTuple):
    """When that changes, rows of these are derived again; no more than must, since each costs a look.

    `why` stands in the documents.
    """

    why: str
    of: Change[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class DocumentKind:
    """One kind of document row: `ovnest:<name>:<id>`, whose `id` it is, and its keys."""

    name: str
    of: str
    subject: str
    codec: Codec[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Home(Generic[F]):
    """Where facts of one kind live.

    `row` is the type of the row that is the resource, and `uuid` makes its `_uuid` of the facts' id. `is_one`
    says whether a row is one, `claims` why a row that is none looks like one. `keys` names all types of rows
    that a resource may have, and whose keys of their external_ids are ours (None: all). `alone`: the facts
    follow from that one row, so what was read of it stands as long as it does. `addresses` are the (network,
    address) that a row holds, `owner` is the id of the resource that a row is a row of, `leftover` says why a
    row of the kind's hangs on nothing, and `findings` is what else can be wrong. `former` is what its
    documents were called in the layout before.
    """

    facts: type[F]
    row: type[Row]
    keys: Mapping[type[Row], Codec[Any] | None]
    is_one: Callable[[Any], bool]
    read: Callable[[Any, Facts], F]
    current: Callable[[str, Facts], Wanted]
    desired: Callable[[F, Facts], Wanted]
    uuid: Callable[[str], RowUuid] = RowUuid
    former_uuid: Callable[[str], RowUuid] | None = None
    claims: Callable[[Any], str | None] = lambda row: None
    owner: Callable[[Row, Facts], str | None] = lambda row, facts: None
    leftover: Callable[[Row, Facts], str | None] = lambda row, facts: None
    alone: bool = False
    lookups: tuple[Lookup[Any], ...] = ()
    every: tuple[Index[Any], tuple[str, ...]] | None = None
    depends: Mapping[type, Dependents] | None = None
    documents: tuple[DocumentKind, ...] = ()
    former: DocumentKind | None = None
    addresses: Callable[[Any], Iterable[tuple[str, str]]] | None = None
    findings: tuple[Callable[[Facts], Iterator[Finding]], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Glance(Generic[F]):
    """Facts read from a row of another kind and never written: what is asked of many without reading all."""

    facts: type[F]
    row: type[Row]
    read: Callable[[Any], F | None]
    uuid: Callable[[str], RowUuid] = RowUuid


@dataclass(frozen=True, kw_only=True, eq=False)
class PartHome(Generic[F]):
    """Facts that are a part of others': rules of a group, subports of a trunk.

    They stand in the tuple `field` of `whole`, whose id is the part's attribute `owner`, for good; `by` finds
    the whole by a part's id. To write a part is to write its whole, so what depends on it depends on that.
    """

    facts: type[F]
    whole: type[Any]
    field: str
    owner: str
    by: Lookup[Any]
