"""A connection ready for use: a usable server, the schema checked, the replica loaded and followed.

Source: ovsdb-server(7), 4.1.15 (`monitor_cond_since`), 4.1.17 (`set_db_change_aware`) and the `_Server`
database.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, Final

from ovnest.ovsdb import remotes
from ovnest.ovsdb.collector import collector_off
from ovnest.ovsdb.errors import OvsdbError, from_wire
from ovnest.ovsdb.ledger import Ledger
from ovnest.ovsdb.messages import Message, decode, decode_update3
from ovnest.ovsdb.options import Options
from ovnest.ovsdb.remotes import Remote, Tls
from ovnest.ovsdb.replica import LostStep, Replica
from ovnest.ovsdb.schema import DatabaseSchema, convert_schema, fit, monitored_columns, require_column
from ovnest.ovsdb.server_database import COLUMNS, DatabaseInfo, ServerDatabases
from ovnest.ovsdb.session import Session, Work

_DATA: Final = "data"
_SERVER: Final = "server"
_SHORT_ROWS: Final = 64
"""An update of so few rows is taken in at once."""
_NO_TRANSACTION: Final = "00000000-0000-0000-0000-000000000000"


Stage = Callable[[str, Any], None]
"""How a table's rows are staged: decoded ones, or as they came."""


class Unusable(OvsdbError):
    """The server answers, but the database cannot be used there (now)."""


class Follower:
    """What is known across connections: the replica, and how far in the database's history it is."""

    def __init__(
        self, database: str, replica: Replica, ledger: Ledger | None, options: Options, tls: Tls | None
    ) -> None:
        self.database = database
        self.replica = replica
        self.ledger = ledger
        self.options = options
        self.tls = tls
        self.loaded = False
        self.loading = False
        self.resumed = 0
        self.reloaded = 0
        self._last_transaction = _NO_TRANSACTION
        self._schema: DatabaseSchema | None = None

    def reload(self) -> None:
        """Do not resume: let the next connection load everything."""
        self._last_transaction = _NO_TRANSACTION

    async def connect(self, remote: Remote, on_notice: Callable[[Message], None]) -> "Connection":
        """Connect, check, load or resume.

        Raises:
            OSError, TimeoutError, Disconnected: the server cannot be reached.
            Unusable: it is not the one to use.
            SchemaMismatch: its schema is not what we need.
        """
        connection = Connection(self, on_notice)
        try:
            async with asyncio.timeout(self.options.connect_timeout_s):
                connection.session = await remotes.connect(
                    remote, self.tls, lambda: Session(connection, self.options.probe_interval_s)
                )
                await connection.check()
            async with asyncio.timeout(self.options.load_timeout_s):
                await connection.load()
        except BaseException as error:
            if connection.session is not None:
                connection.session.close(str(error) or type(error).__name__)
            raise
        return connection

    def use_schema(self, plain: dict[str, Any]) -> None:
        """Check our row types against the server's schema."""
        schema = convert_schema(plain)
        if schema == self._schema:
            return
        for shape in self.replica.shapes:
            fit(shape, schema)
        if self.ledger is not None:
            require_column(schema, self.ledger.table, self.ledger.column)
        # Rows may have other columns now: what was loaded with the old schema is not compared but loaded
        # anew.
        self.reload()
        self._schema = schema

    @property
    def schema_version(self) -> str:
        return self._schema.version if self._schema is not None else ""

    def monitor_params(self) -> list[Any]:
        columns = monitored_columns(self.replica.shapes)
        requests: dict[str, list[dict[str, Any]]] = {
            table: [{"columns": names}] for table, names in columns.items()
        }
        if self.ledger is not None:
            names = columns.get(self.ledger.table)
            if names is None:
                # Of that table nothing else is wanted.
                where = [["_uuid", "==", ["uuid", self.ledger.uuid]]]
                requests[self.ledger.table] = [{"columns": [self.ledger.column], "where": where}]
            elif self.ledger.column not in names:
                names.append(self.ledger.column)
        return [self.database, _DATA, requests, self._last_transaction]

    def take_in(
        self, stage: Stage, tables: dict[str, Any], last_transaction: str, *, whole: bool
    ) -> Iterator[None]:
        """An update has arrived: stage the part of it that came last, and apply it all."""
        for table, rows in tables.items():
            yield
            stage(table, rows)
        yield
        yield from self.replica.apply(whole=whole)
        self._last_transaction = last_transaction


class Connection:
    """A session in use, and the `Receiver` of what it hears."""

    def __init__(self, follower: Follower, on_notice: Callable[[Message], None]) -> None:
        self._follower = follower
        self._on_notice = on_notice
        self._databases = ServerDatabases()
        self._checked = False
        self._pieces = False  # of the message that comes next, parts have come already
        self.session: Session = None  # type: ignore[assignment]  # set as soon as there is one

    @property
    def info(self) -> DatabaseInfo | None:
        """What the server says of the database now."""
        return self._databases.find(self._follower.database)

    async def check(self) -> None:
        """See whether this is the server to use."""
        session = self.session
        session.call("set_db_change_aware", [True])
        request = {"Database": [{"columns": COLUMNS}]}
        reply = await session.call("monitor_cond", ["_Server", _SERVER, request])
        if reply.error is not None:
            raise from_wire(reply.error)
        self._databases.apply(reply.result)
        self._judge()
        reply = await session.call("get_schema", [self._follower.database])
        if reply.error is not None:
            raise from_wire(reply.error)
        self._follower.use_schema(reply.result)
        self._checked = True

    def _judge(self) -> None:
        info = self.info
        if info is None:
            raise Unusable(f"the server has no database {self._follower.database}")
        reason = info.why_unusable(self._follower.options.leader_only)
        if reason is not None:
            raise Unusable(reason)

    async def load(self) -> None:
        """Load the database, or what has changed in it since."""
        follower = self._follower
        first = not follower.loaded
        follower.loading = True
        try:
            with collector_off() if first and follower.options.freeze_collector else nullcontext():
                reply = await self.session.call("monitor_cond_since", follower.monitor_params(), self._loaded)
        finally:
            follower.loading = False
        if reply.error is not None:
            raise from_wire(reply.error)
        follower.loaded = True
        self.session.limit_patience(follower.options.reply_timeout_s)

    def _loaded(self, reply: Message) -> Work:
        if reply.error is not None:
            return None
        found, last_transaction, tables = reply.result
        if found:
            self._follower.resumed += 1
        elif self._follower.loaded:
            self._follower.reloaded += 1
        return self._apply(self._follower.replica.stage, tables, last_transaction, whole=not found)

    def _apply(
        self, stage: Stage, tables: dict[str, Any], last_transaction: str, *, whole: bool
    ) -> Iterator[None]:
        try:
            yield from self._follower.take_in(stage, tables, last_transaction, whole=whole)
        except LostStep as error:
            self._follower.reload()
            self.session.close(str(error))

    # What the session tells (session.Receiver).

    def piece(self, table: str, rows: bytes) -> None:
        self._pieces = True
        self._follower.replica.stage_piece(table, rows)

    def notified(self, message: Message) -> Work:
        match message.method:
            case "update3":
                _, last_transaction, tables = decode_update3(message.params)
                work = self._apply(self._follower.replica.stage_told, tables, last_transaction, whole=False)
                if self._pieces or sum(map(len, tables.values())) > _SHORT_ROWS:
                    self._pieces = False
                    return work
                deque(work, maxlen=0)
            case "update2":
                _, tables = decode(message.params)
                self._databases.apply(tables)
                self._look_at_server()
            case "monitor_canceled":
                self._follower.reload()
                self.session.close("the server gave up the monitor")
            case _:
                self._on_notice(message)
        return None

    def lost(self, reason: str) -> None:
        self._follower.replica.forget_staged()
        self._follower.replica.forget_foretold()

    def _look_at_server(self) -> None:
        if not self._checked:
            return
        try:
            self._judge()
        except Unusable as error:
            self.session.close(str(error))
