"""An Open vSwitch of one node: its database, and the userspace datapath in the node's namespace."""

from ovnest.sandbox.node import Node
from ovnest.sandbox.process import Daemon

VSCTL_TIMEOUT_S = 20


class OpenVSwitch:
    """ovsdb-server and ovs-vswitchd of `node`, with all their files in the node's directory."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._database = node.directory / "conf.db"
        self._socket = node.directory / "db.sock"

    @property
    def remote(self) -> str:
        return f"unix:{self._socket}"

    @property
    def server(self) -> Daemon:
        command = ("ovsdb-server", str(self._database), f"--remote=punix:{self._socket}")
        return Daemon(name="ovsdb", directory=self._node.directory, command=command)

    @property
    def switch(self) -> Daemon:
        command = ("ovs-vswitchd", self.remote, "--disable-system")
        return Daemon(name="vswitchd", directory=self._node.directory, command=command)

    @property
    def daemons(self) -> tuple[Daemon, Daemon]:
        return (self.server, self.switch)

    async def start(self, **external_ids: str) -> None:
        """Start both, with an empty database that has these external_ids (_ stands for -)."""
        node = self._node
        await node.tool("ovsdb-tool", "create", str(self._database), node.release.vswitch_schema)
        await node.start(self.server)
        ids = [f"external_ids:{name.replace('_', '-')}={value}" for name, value in external_ids.items()]
        # --no-wait: without it ovs-vsctl waits for ever while no ovs-vswitchd runs.
        await self.vsctl("--no-wait", "--", "init", "--", "set", "Open_vSwitch", ".", *ids)
        await node.start(self.switch)

    async def vsctl(self, *arguments: str) -> str:
        """ovs-vsctl on this database."""
        return await self._node.tool(
            "ovs-vsctl", f"--db={self.remote}", f"--timeout={VSCTL_TIMEOUT_S}", *arguments
        )
