"""What a source file may not have, and no linter says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for room in ("ovnest", "tests", "bench", "scripts") for path in (ROOT / room).rglob("*.py")
)
SILENCED = re.compile(r"#\s*(?:ruff: )?(noqa(?:: [A-Z0-9, ]+)?|type: ignore(?:\[[^\]]*\])?)(.*)$")
OPERATIONS = sorted((ROOT / "ovnest" / "operations").rglob("*.py"))


def test_what_silences_a_checker_has_a_reason() -> None:
    found = []
    for path in FILES:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = SILENCED.search(line)
            if match is not None and path != Path(__file__) and not re.search(r"[a-z]{2}", match[2]):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert not found


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_operations_read_facts_and_never_rows(path: Path) -> None:
    reached = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not reached & {"view", "staging"}


def test_no_module_or_class_keeps_state() -> None:
    found = []
    for path in FILES:
        if path.relative_to(ROOT).parts[0] != "ovnest":
            continue
        tree = ast.parse(path.read_text())
        found += [f"{path}: global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
        for node in ast.walk(tree):  # a counter or a cache on a class: C.count += 1, C.known[key] = value
            targets = [node.target] if isinstance(node, ast.AugAssign) else getattr(node, "targets", [])
            for target in targets if isinstance(targets, list) else []:
                place = target.value if isinstance(target, ast.Subscript) else target
                if isinstance(place, ast.Attribute) and isinstance(place.value, ast.Name):
                    owner = place.value.id.lstrip("_")
                    if owner[:1].isupper() and not owner.isupper():
                        found.append(f"{path.relative_to(ROOT)}: {ast.unparse(node)}")
    assert not found
