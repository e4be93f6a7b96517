"""The agent's rooms keep their walls where import-linter does not see: nobody reaches through the engine."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

AGENT = Path(__file__).parents[2] / "ovnest" / "agent"
OWN = AGENT / "attachment" / "engine.py"
NAMES = ("engine", "_engine")


def reached_through(source: str) -> Iterator[str]:
    """Where an attribute of an engine's attribute is used, or an engine's attribute is set or changed."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            beyond = isinstance(node.value, ast.Attribute) and _is_engine(node.value.value)
            is_set = isinstance(node.ctx, ast.Store | ast.Del) and _is_engine(node.value)
        elif isinstance(node, ast.Subscript):
            beyond = isinstance(node.value, ast.Attribute) and _is_engine(node.value.value)
            is_set = False
        else:
            continue
        if beyond or is_set:
            yield f"line {node.lineno}: {ast.unparse(node)}"


def _is_engine(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in NAMES
    return False


def test_nobody_reaches_through_the_engine() -> None:
    modules = [path for path in AGENT.rglob("*.py") if path != OWN]
    assert len(modules) > 80
    found = {
        str(path.relative_to(AGENT)): seen
        for path in modules
        if (seen := list(reached_through(path.read_text())))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("self._engine.parts.journal.entries()", 1),
        ("engine.pending[device] = 'why'", 1),
        ("engine.pending.get(device)", 1),
        ("engine.hears = True", 1),
        ("engine.findings(ports).orphans", 0),
        ("await self._engine.entries()", 0),
    ],
)
def test_what_reaches_through_is_found(source: str, count: int) -> None:
    assert len(list(reached_through(source))) == count
