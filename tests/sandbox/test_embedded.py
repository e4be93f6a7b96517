"""OVN's central part as children of a process: kept on disk, kept running, and never left behind."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from ovnest.sandbox.central import Central
from ovnest.sandbox.embedded import EmbeddedCentral
from ovnest.sandbox.errors import CommandFailed, SandboxError
from ovnest.sandbox.process import run
from ovnest.sandbox.release import find_release
from ovnest.sandbox.until import until
from tests.sandbox.conftest import marked

pytestmark = pytest.mark.ovsdb


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a short name, since sockets stand in it."""
    path = Path(mkdtemp(prefix="ovnest-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


async def test_it_is_ready_when_it_begins_and_nothing_runs_when_it_ends(directory: Path) -> None:
    async with EmbeddedCentral(directory) as central:
        await central.nbctl("ls-add", "private")
        await central.ready()
        assert "private" in await central.sbctl("list", "Datapath_Binding")
        assert len(marked(directory)) == 3
    assert marked(directory) == []


async def test_what_was_written_is_there_the_next_time(directory: Path) -> None:
    async with EmbeddedCentral(directory / "new") as central:
        await central.nbctl("ls-add", "private")
    async with EmbeddedCentral(directory / "new") as central:
        assert "private" in await central.nbctl("ls-list")


@pytest.mark.parametrize("name", ["nb", "sb", "northd"])
async def test_a_child_that_is_killed_is_started_again(directory: Path, name: str) -> None:
    async with EmbeddedCentral(directory) as central:
        await central.nbctl("ls-add", "before")
        daemon = next(each for each in (*central.databases, central.northd) if each.name == name)
        first = daemon.pid()
        assert first is not None
        os.kill(first, signal.SIGKILL)

        async def another() -> bool:
            return daemon.pid() not in (None, first)

        await until(f"another {name} runs", another)

        async def carried() -> bool:
            try:
                await central.nbctl("--may-exist", "ls-add", "after")
                await central.ready()
                return "after" in await central.sbctl("list", "Datapath_Binding")
            except CommandFailed:
                return False

        await until("what is written is carried to the Southbound", carried)
        assert "before" in await central.nbctl("ls-list")


async def test_the_children_end_with_a_server_that_is_killed(directory: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from ovnest.sandbox.embedded import EmbeddedCentral
async def main():
    async with EmbeddedCentral(Path({str(directory)!r})):
        print(1, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert await server.stdout.readline() == b"1\n"
    assert len(marked(directory)) == 3
    server.kill()
    await server.wait()

    async def left() -> list[int]:
        return marked(directory)

    await until("no child is left", left, accept=lambda pids: not pids)
    async with EmbeddedCentral(directory) as central:
        await central.nbctl("ls-add", "private")


async def test_a_second_server_in_the_same_directory_is_refused(directory: Path) -> None:
    async with EmbeddedCentral(directory) as central:
        with pytest.raises(SandboxError, match="another process runs"):
            async with EmbeddedCentral(directory):
                pass
        await central.nbctl("ls-add", "private")


async def test_a_database_of_an_older_ovn_is_brought_to_the_new_schema(directory: Path) -> None:
    async with EmbeddedCentral(directory) as central:
        await central.nbctl("ls-add", "private")
    newer = await find_release("25.03")
    async with EmbeddedCentral(directory, newer) as central:
        assert "private" in await central.nbctl("ls-list")
        assert await central.nbctl("--columns=nb_cfg", "--bare", "list", "NB_Global")
    kept = [name for name in os.listdir(directory) if name.startswith("nb.db.")]
    assert len(kept) == 1

    with pytest.raises(SandboxError, match="of a newer OVN"):
        await Central(directory).prepare()


async def test_a_database_that_is_none_is_refused_with_the_reason(directory: Path) -> None:
    (directory / "nb.db").write_text("no database\n")
    with pytest.raises(CommandFailed, match="ovsdb-tool"):
        async with EmbeddedCentral(directory):
            pass
    assert marked(directory) == []


async def test_a_directory_too_long_for_its_sockets_is_refused(directory: Path) -> None:
    with pytest.raises(SandboxError, match="too long for the sockets"):
        async with EmbeddedCentral(directory / ("x" * 90)):
            pass


async def test_the_schema_tool_and_the_release_agree(directory: Path) -> None:
    """The control of the conversion: the two releases have different schemas."""
    newer = await find_release("25.03")
    old = await run("ovsdb-tool", "schema-version", Central(directory).release.northbound_schema)
    new = await run(*newer.argv("ovsdb-tool", "schema-version", newer.northbound_schema))
    assert old != new
