"""No file of the repository names a registry or a mirror: scripts use what the machine's pip and apt use."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOSTS = re.compile(
    r"(pypi\.org|pythonhosted|files\.python|(deb|security|snapshot|ftp)[a-z0-9.]*\.debian\.org|registry\.npm)"
)


def test_no_registry_is_named() -> None:
    listed = subprocess.run(
        ["/usr/bin/git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = [name for name in listed.stdout.split("\0") if name]
    assert names, "git lists no file"
    found = [
        f"{name}: {match[0]}"
        for name in names
        if name != "tests/house/test_names.py"
        and (match := HOSTS.search((ROOT / name).read_text(errors="ignore"))) is not None
    ]
    assert not found, f"a registry's host stands in: {', '.join(found)}"
