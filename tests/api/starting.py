"""Starting servers in a test, and waiting for what they say."""

from contextlib import AsyncExitStack
from pathlib import Path

from ovnest.sandbox.until import until
from tests.http import Answer, Http, NotSent
from tests.serving import Server

END_TIMEOUT_S = 20.0


class Starter:
    """Starts servers that end with the test, if they have not ended before."""

    def __init__(self, stack: AsyncExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        self._count = 0

    async def __call__(self, *options: str, listen: str = "127.0.0.1:0") -> Server:
        self._count += 1
        server = await Server.start(*options, log=self._directory / f"{self._count}.log", listen=listen)
        self._stack.callback(server.kill)
        return server


async def ended(server: Server) -> int:
    """The status of a server that has been told to end, or ends by itself."""

    async def status() -> int | None:
        return server.process.poll()

    code = await until(
        "the server ends", status, accept=lambda seen: seen is not None, timeout_s=END_TIMEOUT_S
    )
    assert code is not None
    return code


async def answering(http: Http, path: str, status: int) -> Answer:
    """The answer, once it has that status."""

    async def ask() -> Answer | None:
        try:
            return await http("GET", path)
        except NotSent:
            return None

    answer = await until(
        f"{path} is answered {status}", ask, accept=lambda seen: seen is not None and seen.status == status
    )
    assert answer is not None
    return answer
