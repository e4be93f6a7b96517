"""OVN's central part: the Northbound, the Southbound, and the ovn-northd between them.

`Central` is what it consists of and how it is prepared; who runs its daemons is another matter: a node of the
sandbox, or `EmbeddedCentral` as children of a server.
"""

import shutil
from pathlib import Path

from ovnest.sandbox.errors import SandboxError
from ovnest.sandbox.process import Daemon, environment, run
from ovnest.sandbox.release import HOST, Release

NORTHBOUND_PORT = 6641
SOUTHBOUND_PORT = 6642
TOOL_TIMEOUT_S = 20


class Central:
    """The databases `nb.db` and `sb.db` in `directory`, their sockets, and the daemons that serve them.

    With `listen` (an address) the databases are also served by TCP, on OVN's ports.
    """

    def __init__(self, directory: Path, release: Release = HOST, *, listen: str | None = None) -> None:
        self.directory = directory
        self.release = release
        self._listen = listen

    @property
    def northbound(self) -> str:
        """The Northbound's remote, as `ovn-nbctl --db` takes it."""
        return f"unix:{self.directory}/nb.sock"

    @property
    def southbound(self) -> str:
        return f"unix:{self.directory}/sb.sock"

    @property
    def databases(self) -> tuple[Daemon, Daemon]:
        """The servers of the two databases; ready when their sockets are there."""
        return (
            self._server("nb", "OVN_Northbound", "NB_Global", NORTHBOUND_PORT),
            self._server("sb", "OVN_Southbound", "SB_Global", SOUTHBOUND_PORT),
        )

    @property
    def northd(self) -> Daemon:
        command = ("ovn-northd", f"--ovnnb-db={self.northbound}", f"--ovnsb-db={self.southbound}")
        return Daemon(name="northd", directory=self.directory, command=command)

    def _server(self, name: str, database: str, root: str, port: int) -> Daemon:
        remotes = [
            f"--remote=punix:{self.directory}/{name}.sock",
            f"--remote=db:{database},{root},connections",
            # The keys for pssl: connections stand in the database, too, as in Debian's packages.
            f"--private-key=db:{database},SSL,private_key",
            f"--certificate=db:{database},SSL,certificate",
            f"--ca-cert=db:{database},SSL,ca_cert",
        ]
        if self._listen is not None:
            remotes.append(f"--remote=ptcp:{port}:{self._listen}")
        command = ("ovsdb-server", str(self.directory / f"{name}.db"), *remotes)
        return Daemon(name=name, directory=self.directory, command=command)

    async def prepare(self) -> None:
        """Make the databases that are not there, and bring those of an older OVN to this one's schema.

        What is converted is kept beside it as `<name>.db.<its version>`.

        Raises:
            SandboxError: a database is of a newer OVN.
        """
        await self._prepare("nb.db", self.release.northbound_schema)
        await self._prepare("sb.db", self.release.southbound_schema)

    async def _prepare(self, name: str, schema: str) -> None:
        database = self.directory / name
        if not database.exists():
            # Under another name first: a file that is only half there would be refused ever after.
            unfinished = self.directory / f".{name}.unfinished"
            unfinished.unlink(missing_ok=True)
            await self._tool("ovsdb-tool", "create", str(unfinished), schema)
            unfinished.rename(database)
            return
        is_version = await self._tool("ovsdb-tool", "db-version", str(database))
        wanted = await self._tool("ovsdb-tool", "schema-version", schema)
        if is_version == wanted:
            return
        if _numbers(is_version) > _numbers(wanted):
            raise SandboxError(
                f"{database} has schema {is_version}, of a newer OVN than this one's {wanted}; "
                "install that OVN, or use another directory"
            )
        shutil.copy2(database, self.directory / f"{name}.{is_version}")
        await self._tool("ovsdb-tool", "convert", str(database), schema)

    async def initialise(self) -> None:
        """Give the databases their root rows, once they are served."""
        await self.nbctl("init")
        await self.sbctl("init")

    async def ready(self) -> None:
        """Returns when northd has carried everything that is in the Northbound to the Southbound."""
        await self.nbctl("--wait=sb", "sync")

    async def nbctl(self, *arguments: str) -> str:
        """ovn-nbctl on this Northbound."""
        return await self._tool(
            "ovn-nbctl", f"--db={self.northbound}", f"--timeout={TOOL_TIMEOUT_S}", *arguments
        )

    async def sbctl(self, *arguments: str) -> str:
        """ovn-sbctl on this Southbound."""
        return await self._tool(
            "ovn-sbctl", f"--db={self.southbound}", f"--timeout={TOOL_TIMEOUT_S}", *arguments
        )

    async def _tool(self, *argv: str) -> str:
        return (await run(*self.release.argv(*argv), env=environment(self.directory))).strip()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
