"""The executable that runtimes call, run by the system's Python: what it says when no agent is there."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from ovnest.agent.setup.plan import write_shim


@pytest.mark.parametrize(
    ("command", "config", "code", "said"),
    [
        ("ADD", '{"cniVersion": "1.0.0"}', 11, "does not answer"),
        ("STATUS", '{"cniVersion": "1.1.0"}', 50, "does not answer"),
        ("ADD", "{", 6, "no JSON object"),
        ("VERSION", "[]", 6, "no JSON object"),
    ],
)
def test_errors_are_said_as_cni_words_them(
    tmp_path: Path, command: str, config: str, code: int, said: str
) -> None:
    path = tmp_path / "cni" / "ovnest"
    write_shim(path, tmp_path / "agent.sock")
    environment = {"CNI_COMMAND": command, "CNI_NETNS": "/proc/self/ns/net", "CNI_IFNAME": "eth0"}
    done = subprocess.run(
        [path],
        env={"PATH": os.defpath, **environment},
        input=config,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["code"], said in told["msg"]) == (1, code, True), done
    assert not done.stderr
