"""Refusals stand in errors/, each named once."""

import ast
from collections import Counter
from pathlib import Path

import ovnest.errors
from ovnest.errors import Refusal

ROOT = Path(ovnest.errors.__file__).parents[1]
ELSEWHERE = ("agent", "sandbox")  # clients of the API: what they raise is said to no client of ours


def subclasses(kind: type[Refusal]) -> set[type[Refusal]]:
    found: set[type[Refusal]] = set()
    for direct in kind.__subclasses__():
        found |= {direct, *subclasses(direct)}
    return found


def test_no_refusal_is_made_outside_errors() -> None:
    for path in sorted((ROOT / "errors").rglob("*.py")):
        __import__(".".join(("ovnest", *path.relative_to(ROOT).with_suffix("").parts)))
    names = {"Refusal", *(each.__name__ for each in subclasses(Refusal))}
    found = []
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0]
        if room in ("errors", *ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                found += [f"{path.relative_to(ROOT)}: {node.name}"] if bases & names else []
    assert not found


def test_a_refusal_has_a_name_of_its_own() -> None:
    counted = Counter(each.__name__ for each in subclasses(Refusal) if each.__module__.startswith("ovnest."))
    assert counted
    assert not [name for name, count in counted.items() if count > 1]
