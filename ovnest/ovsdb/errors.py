"""What can go wrong: the client's own errors, and RFC 7047's error strings as classes.

Source: RFC 7047, 3.1 (the error strings) and 5.2 (which operation gives which); ovsdb-server(7), 4.1.3.
"""

from typing import Any, ClassVar


class OvsdbError(Exception):
    """Any error of this room."""


class Unreachable(OvsdbError):
    """No server could be asked in time: no connection, no leader, no quorum. Nothing was written."""


class Busy(OvsdbError):
    """More is waiting than the bounds allow. Nothing was written; ask again later."""


class InDoubt(OvsdbError):
    """The write was sent and no answer can be had: it may or may not be in the database."""


class TooLarge(OvsdbError):
    """The operation is beyond the bounds of one transaction. Nothing was written."""


class SchemaMismatch(OvsdbError):
    """The server's schema lacks something that we need, or has it with another type."""

    def __init__(self, database: str, table: str, column: str | None, problem: str) -> None:
        self.database = database
        self.table = table
        self.column = column
        self.problem = problem
        what = f"column {column} of table {table}" if column else f"table {table}"
        super().__init__(f"Database {database}: {what} {problem}.")


class Disconnected(OvsdbError):
    """The connection ended while an answer was awaited. Whether the request was carried out is unknown."""


class RowGone(OvsdbError):
    """An operation staged a change of a row that is not there."""

    def __init__(self, table: str, uuid: str) -> None:
        self.table = table
        self.uuid = uuid
        super().__init__(f"Table {table} has no row {uuid}.")


class OperationError(OvsdbError):
    """ovsdb-server refused a transaction. The subclass says which of RFC 7047's errors it was."""

    error: ClassVar[str] = ""

    def __init__(self, error: str, details: str = "", index: int | None = None) -> None:
        self.code = error
        self.details = details
        self.index = index
        super().__init__(f"{error}: {details}" if details else error)


class ConstraintViolation(OperationError):
    """A value outside its column's bounds, or two rows with the same key of an index."""

    error = "constraint violation"


class ReferentialIntegrityViolation(OperationError):
    """A strong reference to a row that is not there, or a deleted row that is still referred to."""

    error = "referential integrity violation"


class DuplicateUuid(OperationError):
    """A row with the `_uuid` that an insert asked for exists."""

    error = "duplicate uuid"


class DuplicateUuidName(OperationError):
    """Two inserts of one transaction have the same `uuid-name`."""

    error = "duplicate uuid-name"


class TimedOut(OperationError):
    """A `wait` whose condition did not hold."""

    error = "timed out"


class NotOwner(OperationError):
    """An `assert` of a lock that this connection does not hold."""

    error = "not owner"


class Aborted(OperationError):
    """The transaction held an `abort`."""

    error = "aborted"


class NotSupported(OperationError):
    """The server does not do what was asked, such as a durable commit."""

    error = "not supported"


class DomainError(OperationError):
    """A mutation outside arithmetic, such as a division by zero."""

    error = "domain error"


class RangeError(OperationError):
    """A mutation's result does not fit its column."""

    error = "range error"


class NotAllowed(OperationError):
    """Role-based access control, or a read-only connection, forbids it."""

    error = "not allowed"


class PermissionError(OperationError):
    """ovsdb-server's role-based access control forbids it."""

    error = "permission error"


class ResourcesExhausted(OperationError):
    """The server has not the memory or disk that it takes."""

    error = "resources exhausted"


class IoError(OperationError):
    """The server could not write its disk."""

    error = "I/O error"


class SyntaxError(OperationError):
    """The server did not understand the request."""

    error = "syntax error"


class UnknownDatabase(OperationError):
    """The server has no such database."""

    error = "unknown database"


class NotLeader(OperationError):
    """The member that was asked does not lead its cluster."""

    error = "not leader"


class ClusterError(OperationError):
    """The cluster could not take the transaction; it may still do so."""

    error = "cluster error"


_BY_STRING: dict[str, type[OperationError]] = {kind.error: kind for kind in OperationError.__subclasses__()}


def from_wire(error: Any, index: int | None = None) -> OperationError:
    """The error that a reply holds: an `<error>` object, or a bare string.

    Source: RFC 7047, 3.1 `<error>`.
    """
    if isinstance(error, dict):
        code, details = str(error.get("error", "")), str(error.get("details", ""))
    else:
        code, details = str(error), ""
    return _BY_STRING.get(code, OperationError)(code, details, index)
