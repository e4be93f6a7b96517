"""The README's tour is typed, command by command, and its output compared with what the README shows.

`…` in the README stands for whatever is there. A server started in the first block runs until the end.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from ovnest.sandbox.until import patience

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND_TIMEOUT_S = 60
READY = "serves the Networking API"


class Step(Struct, frozen=True):
    """A command and the output that is shown for it; nothing is shown where it does not matter."""

    command: str
    shown: str


def steps(text: str) -> list[Step]:
    """The commands of all console blocks, in order."""
    found = []
    for block in BLOCK.findall(text):
        for part in block.split("$ ")[1:]:
            command, _, shown = part.partition("\n")
            found.append(Step(command, shown.strip()))
    return found


TOUR = steps((ROOT / "README.md").read_text())


class Shell:
    """One bash that is given a command at a time, so that variables and exports last."""

    def __init__(self, directory: Path) -> None:
        binaries = Path(sys.executable).parent
        self._process = subprocess.Popen(
            ["/bin/bash"],
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "COLUMNS": "200"},
        )

    def run(self, command: str) -> str:
        """What the command prints, errors too."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\necho; echo --done--\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.strip() == "--done--":
                break
            lines.append(line)
        return "".join(lines).strip()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(COMMAND_TIMEOUT_S)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The server of the first block; gives what it said when it was ready."""
    command = [str(Path(sys.executable).parent / "ovnest"), *TOUR[0].command.split()[1:]]
    log = (tmp_path / "log").open("w")
    server = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ}
    )
    assert server.stdout is not None
    said = server.stdout.readline()
    yield said
    server.terminate()
    server.wait(COMMAND_TIMEOUT_S)
    log.close()


def pattern(shown: str) -> str:
    """A regular expression for what is shown; `…` is anything."""
    return ".*".join(map(re.escape, shown.split("…")))


@pytest.mark.packets
@pytest.mark.timeout(180 * int(patience()))
def test_what_the_tour_says_is_what_happens(served: str, tmp_path: Path) -> None:
    assert READY in TOUR[0].shown
    assert TOUR[0].shown in served
    shell = Shell(tmp_path)
    for step in TOUR[1:]:
        printed = shell.run(step.command)
        assert re.search(pattern(step.shown), printed, re.DOTALL), (
            f"$ {step.command}\nprinted:\n{printed}\nbut the README shows:\n{step.shown}"
        )
        if not step.shown:
            assert "Error" not in printed, f"$ {step.command}\n{printed}"
            assert "Exception" not in printed, f"$ {step.command}\n{printed}"
    shell.close()
