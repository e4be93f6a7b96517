"""./scripts/demo: its story comes true, and however it ends, nothing is left of it."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import SIGINT

import pytest

from ovnest.sandbox.directory import RunDirectory, names
from ovnest.sandbox.namespace import named
from ovnest.sandbox.process import MARK, environment_of
from ovnest.sandbox.until import patience, until
from tests.asking import Api

pytestmark = pytest.mark.packets

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0


@pytest.fixture
def name() -> Iterator[str]:
    """A name for the demo's sandbox, which is taken down if the demo has not done so."""
    name = f"story-{os.getpid()}"
    yield name
    _ovnest("sandbox", "down", "--name", name)


def _demo(name: str, *options: str, **environment: str) -> "subprocess.Popen[str]":
    argv = (sys.executable, "-m", "scripts.story", "--name", name, *options)
    return subprocess.Popen(
        argv,
        cwd=ROOT,
        # asyncio, debugged, says on stderr what took 0.1 s on a busy machine.
        env=os.environ | {"PYTHONASYNCIODEBUG": "0"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _ovnest(*arguments: str) -> str:
    argv = (sys.executable, "-m", "ovnest", *arguments)
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def _ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Its status, and what it said on both ways."""
    try:
        said, complaint = process.communicate(timeout=TIMEOUT_S * patience())
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, said, complaint


def _is_left(name: str) -> Sequence[str]:
    """What is left of the demo: its sandbox, its namespaces, processes that carry its mark."""
    directory = str(RunDirectory(name).path)
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    marked = [f"process {pid}" for pid in pids if environment_of(pid).get(MARK) == directory]
    return [*(each for each in names() if each == name), *named(f"{name}."), *marked]


def test_the_story_comes_true_and_leaves_nothing(name: str) -> None:
    status, said, complaint = _ended(_demo(name))
    assert status == 0, complaint
    assert complaint == ""
    assert "\x1b" not in said  # no terminal, no colours
    assert "All of it true" in said
    assert _is_left(name) == []


async def test_an_interrupted_story_leaves_nothing(name: str) -> None:
    process = _demo(name)

    async def is_up() -> Sequence[str]:
        return _is_left(name)

    await until("the demo's sandbox is there", is_up)
    process.send_signal(SIGINT)
    status, _, complaint = _ended(process)
    assert (status, complaint.strip()) == (1, "✗ interrupted")
    assert _is_left(name) == []


def test_a_story_that_cannot_go_on_says_why_and_leaves_nothing(name: str) -> None:
    # Whatever setting would do: the server refuses to start.
    status, said, complaint = _ended(_demo(name, OVNEST_WORKERS="none"))
    assert status == 1
    assert "OVNEST_WORKERS cannot be 'none'" in complaint
    assert "All of it true" not in said
    assert _is_left(name) == []


async def test_what_is_kept_can_be_gone_on_with_and_ended(name: str) -> None:
    status, said, complaint = _ended(_demo(name, "--keep"))
    assert status == 0, complaint
    told = [line.partition("#")[0].strip() for line in said.partition("To go on, type:")[2].splitlines()]
    export, shell, ping, down = (
        next(line for line in told if line.startswith(words))
        for words in ("export OS_", "ovnest sandbox shell", "vm1.db ping", "ovnest sandbox down")
    )
    endpoint = export.rpartition("OS_ENDPOINT=")[2]
    (far,) = await Api(endpoint).list("port", name="far")
    assert far["status"] == "ACTIVE"
    pinged = _ovnest(*shell.split()[1:], "--", *ping.split(), "-c", "1")
    assert "1 received" in pinged
    _ovnest(*down.split()[1:])
    assert _is_left(name) == []


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_there_are_colours_on_a_terminal_unless_they_are_not_wanted(no_color: str, is_coloured: bool) -> None:
    ours, theirs = pty.openpty()
    script = "from scripts.screen import Screen; Screen().chapter('Packets')"
    environment = os.environ | {"NO_COLOR": no_color}
    try:
        subprocess.run((sys.executable, "-c", script), cwd=ROOT, env=environment, stdout=theirs, check=True)
        said = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Packets" in said
    assert ("\x1b[" in said) == is_coloured
