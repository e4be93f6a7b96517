"""./scripts/demo --vm: its story comes true, and nothing is left of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ovnest.sandbox.directory import RunDirectory
from ovnest.sandbox.namespace import named
from ovnest.sandbox.until import patience

pytestmark = [pytest.mark.vm, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 400.0


def test_the_story_of_real_machines_comes_true() -> None:
    name = f"vmstory-{os.getpid()}"
    argv = (sys.executable, "-m", "scripts.vm_story", "--vm", "--name", name)
    try:
        done = subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S * patience(), check=False
        )
    finally:
        down = (sys.executable, "-m", "ovnest", "sandbox", "down", "--name", name)
        subprocess.run(down, cwd=ROOT, check=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "All of it true" in done.stdout
    assert not RunDirectory(name).path.exists()
    assert named(f"{name}.") == []
