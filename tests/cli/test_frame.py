"""The command line as a whole: every level has its help, and a verb says what it lacks."""

import re
import subprocess
import sys

import pytest

from ovnest import __version__
from ovnest.cli import NAMES

LEVELS = [
    (),
    *((name,) for name in NAMES),
    *(("sandbox", step) for step in ("up", "status", "shell", "down")),
]


def said(*arguments: str, lacking: str | None = None) -> tuple[int, str]:
    """The status and the output of `ovnest …`, as if the module `lacking` were not installed."""
    program = f"import sys; sys.modules[{lacking!r}] = None; from ovnest.cli import main; sys.exit(main())"
    how = ("-m", "ovnest") if lacking is None else ("-c", program)
    ended = subprocess.run(
        [sys.executable, *how, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return ended.returncode, ended.stdout


def test_the_version_is_the_packages() -> None:
    assert said("--version") == (0, f"ovnest {__version__}\n")


@pytest.mark.parametrize("level", LEVELS, ids=" ".join)
def test_every_level_has_its_help(level: tuple[str, ...]) -> None:
    status, output = said(*level, "--help")
    assert status == 0
    assert output.startswith(f"usage: {' '.join(('ovnest', *level))} ")


def test_the_help_names_every_verb() -> None:
    _, output = said("--help")
    assert re.findall(r"^ {4}([a-z-]+)", output, re.MULTILINE) == NAMES


def test_a_verb_that_lacks_the_extra_says_what_to_install() -> None:
    status, output = said("serve", lacking="httptools")
    assert status == 1
    assert output == "ovnest: serve needs the module httptools: pip install ovnest[server]\n"


def test_a_verb_that_lacks_the_extra_is_still_named_and_does_not_hinder_the_others() -> None:
    status, output = said("--help", lacking="httptools")
    assert status == 0
    assert "needs pip install ovnest[server]" in next(line for line in output.splitlines() if "serve" in line)
    assert said("sandbox", "--help", lacking="httptools")[0] == 0


def test_an_unknown_verb_is_refused() -> None:
    status, output = said("sandbax")
    assert status == 2
    assert "sandbax" in output
