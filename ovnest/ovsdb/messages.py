"""Requests, replies and operations as Structs.

Source: RFC 7047, 4.1 (methods) and 5.2 (operations); ovsdb-server(7), 4.1.12 to 4.1.19 and 5.2.1 (`uuid`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ovnest.ovsdb.errors import OperationError, from_wire
from ovnest.ovsdb.values import RowUuid, Wire


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Anything the server sends: a reply (no `method`), a notification (no `id`), or a request."""

    id: Any = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"null")
    """As they came: what they are, the method says, and rows are not always decoded."""
    result: Any = None
    error: Any = None


decode_message: Final = msgspec.json.Decoder(Message).decode
decode: Final = msgspec.json.Decoder().decode
decode_update3: Final = msgspec.json.Decoder(tuple[Any, str, dict[str, dict[RowUuid, msgspec.Raw]]]).decode
"""The parameters of `update3`: the monitor, the transaction's id, for each table its rows."""
encode: Final = msgspec.json.Encoder().encode


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="op"):
    """One operation of a transaction. What is None is left out."""


class Insert(Operation, tag="insert", frozen=True, kw_only=True, omit_defaults=True):
    """Insert a row; `uuid` makes that its `_uuid`, `uuid_name` lets later operations name it."""

    table: str
    row: Mapping[str, Wire]
    uuid: str | None = None
    uuid_name: str | None = msgspec.field(default=None, name="uuid-name")


class Select(Operation, tag="select", frozen=True, kw_only=True, omit_defaults=True):
    """Read rows."""

    table: str
    where: Sequence[Wire]
    columns: Sequence[str] | None = None


class Update(Operation, tag="update", frozen=True, kw_only=True, omit_defaults=True):
    """Give columns of all matching rows new values."""

    table: str
    where: Sequence[Wire]
    row: Mapping[str, Wire]


class Mutate(Operation, tag="mutate", frozen=True, kw_only=True, omit_defaults=True):
    """Change columns of all matching rows by parts: keys of maps, elements of sets, sums."""

    table: str
    where: Sequence[Wire]
    mutations: Sequence[Wire]


class Delete(Operation, tag="delete", frozen=True, kw_only=True, omit_defaults=True):
    """Delete all matching rows."""

    table: str
    where: Sequence[Wire]


class Wait(Operation, tag="wait", frozen=True, kw_only=True, omit_defaults=True):
    """Go on only if the matching rows are (`==`) or are not (`!=`) `rows`; `timeout` is in milliseconds."""

    table: str
    where: Sequence[Wire]
    columns: Sequence[str]
    until: str
    rows: Sequence[Mapping[str, Wire]]
    timeout: int | None = None


class Commit(Operation, tag="commit", frozen=True, kw_only=True):
    """`durable`: answer only when the transaction is on disk."""

    durable: bool


class Comment(Operation, tag="comment", frozen=True, kw_only=True):
    """Words for the database's log."""

    comment: str


class Assert(Operation, tag="assert", frozen=True, kw_only=True):
    """Go on only if this connection holds the lock."""

    lock: str


class Abort(Operation, tag="abort", frozen=True, kw_only=True):
    """Let the transaction fail."""


def by_uuid(uuid: str) -> list[Wire]:
    """The `where` that is one row."""
    return [("_uuid", "==", ("uuid", uuid))]


def row_exists(table: str, uuid: str) -> Wait:
    """A `wait` that fails at once if the row is not there."""
    return Wait(
        table=table,
        where=by_uuid(uuid),
        columns=("_uuid",),
        until="==",
        rows=({"_uuid": ("uuid", uuid)},),
        timeout=0,
    )


def transaction_error(message: Message) -> OperationError | None:
    """The error that made a `transact` fail, with its operation's number; None if it was committed.

    The number of an error at commit time is that of the operations, since the reply then has one element
    more.

    Source: RFC 7047, 4.1.3.
    """
    if message.error is not None:
        return from_wire(message.error)
    for index, result in enumerate(message.result):
        if result is not None and "error" in result:
            return from_wire(result, index)
    return None
