"""docs/operations.md: its command lines can be typed, and its errors are ones that there are."""

import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest

import ovnest.api
import ovnest.errors
from ovnest.cli import NAMES, parser
from ovnest.errors import Refusal

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
UNIT = re.search(r"^ +ExecStart=\S+/(ovnest .*)$", PAGE, re.MULTILINE)
COMMANDS = [
    *re.findall(r"^    (ovnest .*)$", PAGE.replace("\\\n", " "), re.MULTILINE),
    *([UNIT[1]] if UNIT else []),
]


def test_there_are_commands_to_be_typed() -> None:
    assert UNIT is not None
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_line_has_options_that_there_are(command: str) -> None:
    words = shlex.split(command)[1:]
    name = next(word for word in words if word in NAMES)
    parser([name]).parse_args(words)  # ends the test with what is wrong


def _kinds() -> dict[str, int]:
    """Every type that a client can be told, with its status."""
    for room in (ovnest.api, ovnest.errors):
        for module in pkgutil.iter_modules(room.__path__):
            importlib.import_module(f"{room.__name__}.{module.name}")
    found: dict[str, int] = {}
    left = [Refusal]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        found[kind.neutron_type or kind.__name__] = kind.status
    return found


def test_each_error_of_the_table_is_one_that_there_is_with_that_status() -> None:
    table = PAGE.partition("## What an error means")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| (`.*?) \|", table, re.MULTILINE)
    assert len(rows) >= 8
    kinds = _kinds()
    for status, named in rows:
        for kind in re.findall(r"`(\w+)`", named):
            assert kinds[kind] == int(status), kind
