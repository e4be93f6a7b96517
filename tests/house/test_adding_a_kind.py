"""docs/adding-a-kind.md shows the code that there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-kind.md").read_text()
BLOCKS = re.findall(r"^`(\S+)`\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ELISION = re.compile(r"^ *…\n", re.MULTILINE)
STEM = "address_scope"


def test_every_block_says_which_file_it_is_from() -> None:
    assert PAGE.count("\n```") == 2 * len(BLOCKS)
    rooms = ("errors", "resources", "policy/rules", "rows", "operations")
    shown = [f"ovnest/{room}/{STEM}.py" for room in rooms]
    assert [path for path, _ in BLOCKS] == [
        *shown,
        "ovnest/rows/__init__.py",
        "ovnest/operations/__init__.py",
    ]


@pytest.mark.parametrize(("path", "block"), BLOCKS, ids=[path for path, _ in BLOCKS])
def test_a_block_stands_so_in_its_file(path: str, block: str) -> None:
    code = (ROOT / path).read_text()
    for part in ELISION.split(block):
        before, found, code = code.partition(part)
        assert found, f"{path} does not say, after what was shown before it:\n{part}"
        assert not before or before.endswith("\n"), f"{path} has more in the first line of:\n{part}"


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`([\w./-]+/(?:[\w.-]+\.(?:py|md))?)`|\]\(([\w./-]+)\)", PAGE)
    paths = [code.replace("/K.py", f"/{STEM}.py") if code else f"docs/{link}" for code, link in named]
    assert len(paths) > 15
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing
