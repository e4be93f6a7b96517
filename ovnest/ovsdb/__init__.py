"""An asyncio client of OVSDB (RFC 7047, ovsdb-server(7)) for those who write a lot and must write rightly.

The idea: the rows one needs are kept in memory, typed and indexed; a write is a function of that state,
`Operation`, which reads and stages through a `Transaction`. Operations that arrive while a transaction is
under way go out together as the next one (group commit). With a `Ledger`, one row whose number every
transaction checks and raises, all writes of all clients stand in one total order: an operation commits only
if what it read was current, else it is run again. A lost connection does not lose the answer.

Promised: an acknowledged write is in the database, once. A read after `barrier` sees all writes
acknowledged before it. Nothing waits for ever: past a bound there is `Busy`, `Unreachable` or `InDoubt`.

Left out: conditional monitoring chosen by the user, tables with several schemas at once, RFC 7047's cancel.

    class Switch(Row, frozen=True, kw_only=True, gc=False):
        TABLE = "Logical_Switch"
        name: str = ""

    BY_NAME = Index("switch by name", Switch, lambda row: (row.name,))

    async with Client("unix:/run/ovn/ovnnb_db.sock", "OVN_Northbound", tables=[Switch], indexes=[BY_NAME])
    as client:
        await client.ready(timeout_s=10)

        def create(tx: Transaction) -> RowUuid:
            if tx.all(BY_NAME, "blue"):
                raise NameTaken
            row = Switch(uuid=RowUuid(str(uuid4())), name="blue")
            tx.insert(row)
            return row.uuid

        await client.execute(create)

How a write happens, and why it is right: docs/ledger.md.
"""

from ovnest.ovsdb.client import Client, Operation
from ovnest.ovsdb.errors import (
    Busy,
    ConstraintViolation,
    Disconnected,
    DuplicateUuid,
    InDoubt,
    NotLeader,
    OperationError,
    OvsdbError,
    ReferentialIntegrityViolation,
    RowGone,
    SchemaMismatch,
    TimedOut,
    TooLarge,
    Unreachable,
)
from ovnest.ovsdb.ledger import Ledger
from ovnest.ovsdb.messages import (
    Abort,
    Assert,
    Comment,
    Commit,
    Delete,
    Insert,
    Mutate,
    Select,
    Update,
    Wait,
)
from ovnest.ovsdb.options import Options
from ovnest.ovsdb.remotes import Remote, Tls, check_tls, parse_remotes
from ovnest.ovsdb.replica import Change, Index, Replica, Tracker, View
from ovnest.ovsdb.rows import Row
from ovnest.ovsdb.staging import Transaction
from ovnest.ovsdb.status import Status
from ovnest.ovsdb.values import RowUuid

__all__ = [
    "Abort",
    "Assert",
    "Busy",
    "Change",
    "Client",
    "Comment",
    "Commit",
    "ConstraintViolation",
    "Delete",
    "Disconnected",
    "DuplicateUuid",
    "InDoubt",
    "Index",
    "Insert",
    "Ledger",
    "Mutate",
    "NotLeader",
    "Operation",
    "OperationError",
    "Options",
    "OvsdbError",
    "ReferentialIntegrityViolation",
    "Remote",
    "Replica",
    "Row",
    "RowGone",
    "RowUuid",
    "SchemaMismatch",
    "Select",
    "Status",
    "TimedOut",
    "Tls",
    "TooLarge",
    "Tracker",
    "Transaction",
    "Unreachable",
    "Update",
    "View",
    "Wait",
    "check_tls",
    "parse_remotes",
]
