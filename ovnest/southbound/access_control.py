"""The access control of a Southbound that VMs reach as chassis: how it is set up, and whether it is.

OVN has a role, `ovn-controller`, which ovn-northd fills with what a chassis may write. It is in force only on
connections that name it, and tells chassis apart by the common names of their certificates. All connections
of one ovsdb-server share one CA, so whoever may come in by one way may come in by each: a second connection
without the role would let every chassis write everything.

Source: ovn-sb(5), Connection, SSL, RBAC_Role, RBAC_Permission; ovsdb-server(1), "Runtime Management
Commands".
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import msgspec
from msgspec import Struct

from ovnest.ovsdb import Client, Index, Options, Row, RowUuid, Tls, Transaction, View
from ovnest.southbound.tables import SOUTHBOUND, Connection, Permission, Role, SouthboundGlobal, Ssl

ROLE = "ovn-controller"
READY_TIMEOUT_S = 5.0
CONTROL_TIMEOUT_S = 5.0
REPLY_BYTES = 1 << 20

# What each row that is a chassis' own is known by; where the role asks for less, one chassis may write
# another's.
OWN_ROWS = {"Chassis": "name", "Chassis_Private": "name", "Encap": "chassis_name"}
ALLOWED_TABLES = frozenset(
    {
        *OWN_ROWS,
        *("BFD", "Chassis_Template_Var", "Controller_Event", "ECMP_Nexthop", "FDB", "IGMP_Group"),
        *("Learned_Route", "MAC_Binding", "Port_Binding", "Service_Monitor", "Static_MAC_Binding"),
    }
)
"""Tables in which ovn-northd lets a chassis write, in the releases that we know."""


TABLES: tuple[type[Row], ...] = (SouthboundGlobal, Connection, Ssl, Role, Permission)
ROLE_BY_NAME = Index("role by name", Role, lambda row: (row.name,))


class Wanted(Struct, frozen=True, kw_only=True):
    """How it is to be: files as ovsdb-server sees them, and where it is to listen (`PORT` or `PORT:IP`)."""

    listen: str
    private_key: Path
    certificate: Path
    ca_cert: Path

    @property
    def target(self) -> str:
        return f"pssl:{self.listen}"


class Southbound:
    """A Southbound that we may write: `async with Southbound(remote, tls) as southbound`."""

    def __init__(self, remote: str, tls: Tls | None) -> None:
        self._client = Client(
            remote,
            SOUTHBOUND,
            tables=TABLES,
            indexes=(ROLE_BY_NAME,),
            options=Options(freeze_collector=False),
            tls=tls,
        )

    async def __aenter__(self) -> "Southbound":
        await self._client.__aenter__()
        try:
            await self._client.ready(READY_TIMEOUT_S)
        except BaseException:
            await self._client.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._client.__aexit__(None, None, None)

    def plan(self, wanted: Wanted) -> list[str]:
        """What `secure` would do, in words; nothing if all is so already."""
        return _stage(self._client.replica, None, wanted)

    async def secure(self, wanted: Wanted) -> None:
        """Let it be so. Connections that are there stay as they are, but for one of that very target."""
        await self._client.execute(lambda tx: _stage(tx, tx, wanted))

    def findings(self) -> list[str]:
        """What is not as it must be, as far as the database says."""
        view = self._client.replica
        return [*_connections(view), *_keys(view), *_role(view)]


def _stage(view: View, tx: Transaction | None, wanted: Wanted) -> list[str]:
    """Say what is to be done, and with `tx` stage it."""
    said = []
    (root,) = view.rows(SouthboundGlobal)
    keys = {
        "private_key": str(wanted.private_key),
        "certificate": str(wanted.certificate),
        "ca_cert": str(wanted.ca_cert),
        "bootstrap_ca_cert": False,
    }
    ssl = view.find(Ssl, root.ssl) if root.ssl is not None else None
    if ssl is None or any(getattr(ssl, name) != value for name, value in keys.items()):
        said.append(f"let ovsdb-server use {wanted.private_key}, {wanted.certificate} and {wanted.ca_cert}")
        if tx is not None and ssl is not None:
            tx.update(ssl, **keys)
        elif tx is not None:
            ssl = Ssl(uuid=_uuid(), **keys)  # type: ignore[arg-type]  # all of them are text
            tx.insert(ssl)
            tx.update(root, ssl=ssl.uuid)
    (there,) = [
        each
        for each in view.rows(Connection)
        if each.target == wanted.target and each.uuid in root.connections
    ] or (None,)
    if there is None or there.role != ROLE:
        said.append(f"let it listen at {wanted.target} with the role {ROLE}")
        if tx is not None and there is not None:
            tx.update(there, role=ROLE)
        elif tx is not None:
            made = Connection(uuid=_uuid(), target=wanted.target, role=ROLE)
            tx.insert(made)
            tx.update(root, connections=tuple(sorted((*root.connections, made.uuid))))
    return said


def _connections(view: View) -> list[str]:
    (root,) = view.rows(SouthboundGlobal)
    rows = [row for uuid in root.connections if (row := view.find(Connection, uuid)) is not None]
    found = [
        f"connection {row.target} has no role: who comes in by it may write everything. Give it the role, or "
        "take it away, and let ovn-northd and tools use the Unix socket"
        for row in rows
        if not row.role and not row.read_only and not row.target.startswith(("punix:", "unix:"))
    ]
    found += [
        f"connection {row.target} is without TLS: who reaches it can read everything"
        for row in rows
        if (row.role or row.read_only) and row.target.startswith(("ptcp:", "tcp:"))
    ]
    if not any(row.role == ROLE and row.target.startswith("pssl:") for row in rows):
        found.append(f"no connection pssl: has the role {ROLE}: `ovnest southbound secure` makes one")
    return found


def _keys(view: View) -> list[str]:
    (root,) = view.rows(SouthboundGlobal)
    ssl = view.find(Ssl, root.ssl) if root.ssl is not None else None
    if ssl is None:
        return ["table SSL has no key, certificate and CA: `ovnest southbound secure` puts them there"]
    if ssl.bootstrap_ca_cert:
        return ["SSL.bootstrap_ca_cert is set: the CA would be whoever comes first"]
    return []


def _role(view: View) -> list[str]:
    roles = list(view.all(ROLE_BY_NAME, ROLE))
    if not roles:
        return [f"there is no role {ROLE}: ovn-northd makes it; is it running?"]
    found = []
    for role in roles:
        permissions = {
            table: permission
            for table, uuid in role.permissions.items()
            if (permission := view.find(Permission, uuid)) is not None
        }
        for table, column in OWN_ROWS.items():
            permission = permissions.get(table)
            if permission is not None and permission.authorization != (column,):
                found.append(f"role {ROLE}: one chassis may write another's rows of table {table}")
        more = sorted(permissions.keys() - ALLOWED_TABLES)
        if more:
            found.append(
                f"role {ROLE}: also lets a chassis write in {', '.join(more)}, which we do not know of"
            )
    return found


async def served_at(control: Path) -> list[str]:
    """The remotes that an ovsdb-server serves, those of its command line among them, by its control socket.

    Raises:
        OSError: nobody answers there.
    """
    try:
        async with asyncio.timeout(CONTROL_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(control, limit=REPLY_BYTES)
            try:
                asked = {"id": 0, "method": "ovsdb-server/list-remotes", "params": []}
                writer.write(msgspec.json.encode(asked))
                reply = await _json(reader)
            finally:
                writer.close()
    except TimeoutError:
        raise OSError(f"{control} does not answer") from None
    if reply.error is not None:
        raise OSError(f"{control} answers: {reply.error}")
    return (reply.result or "").split()


def findings_of_remotes(remotes: Iterable[str]) -> list[str]:
    """What is wrong with the remotes of a server's command line, which no table shows."""
    return [
        f"ovsdb-server was started with --remote={remote}, which has no role: who comes in by it may write "
        "everything"
        for remote in remotes
        if remote.startswith(("ptcp:", "pssl:", "tcp:", "ssl:"))
    ]


class _Reply(Struct, kw_only=True):
    result: str | None = None
    error: str | None = None


async def _json(reader: asyncio.StreamReader) -> _Reply:
    """The one object that comes, which nothing follows."""
    text = b""
    while part := await reader.read(REPLY_BYTES):
        text += part
        try:
            return msgspec.json.decode(text, type=_Reply)
        except msgspec.DecodeError:
            continue  # the rest of it is still on its way
    raise OSError("the server ended the connection")


def _uuid() -> RowUuid:
    return RowUuid(str(uuid4()))
